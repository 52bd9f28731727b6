// Package conformance has tests only: every property of ZeroMQ that concerns a
// pattern of this runtime, each with a name, over tcp, ipc and inproc against a
// peer that is played byte by byte, and over tcp and ipc against libzmq.
//
//	go test ./test/conformance
//	GOZMQ_INTEROP=1 go test ./test/conformance
//	go test ./test/conformance -run 'TestConformance/1.4' -v
//
// The second command runs the columns with libzmq too, for which python3 with
// pyzmq must be there. It fails when docs/CONFORMANCE.md does not say what has
// just been seen; with -update it writes the file.
//
// The properties are in the files named table…_test.go. A property without a
// test says why it has none, and a test that no property names fails.
package conformance
