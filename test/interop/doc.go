// Package interop holds the tests that run the project's ends against libzmq,
// through Python's pyzmq, and that check every example of docs/PROTOCOL.md.
//
// They need python3 with pyzmq and protobuf, and protoc. Where one of them is
// missing the tests are skipped with the reason; with GOZMQ_INTEROP=1 they fail
// instead. GOZMQ_PYTHON names the interpreter to use.
package interop
