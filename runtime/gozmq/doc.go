// Package gozmq runs the code that protoc-gen-gozmq generates: typed calls,
// topics and pipelines over ZeroMQ, without a broker.
//
// Each of the three patterns has its ends, which generated constructors wrap:
//
//   - REQ/REP: Dial returns a Conn for generated clients, NewServer a Server
//     for generated Register functions.
//   - PUB/SUB: NewPublisher and NewSubscriber.
//   - PUSH/PULL: NewVentilator, RunWorker and NewSink; AtLeastOnce loses no
//     task.
//
// A Proxy stands between the ends of any of them.
//
// Either end may Bind or Connect, to several endpoints at once, over tcp, ipc
// and inproc. Whatever is opened must be closed; closing waits, up to
// WithLinger, until what was sent has left. Everything may be used by several
// goroutines at once. Errors have a Code; WithEventHandler tells what goes on
// below, and LogEvents writes it to a log.
//
// Without WithSecurity everyone who reaches an endpoint gets in, and nothing is
// encrypted. CurveClient and CurveServer are for networks that are not trusted.
//
// On the wire it is plain ZMTP 3.1. docs/PROTOCOL.md in this module's
// repository says which frames there are, so that programs without this
// package can be peers; docs/ERRORS.md says which failure has which code,
// docs/SECURITY.md what the mechanisms of security give, docs/TOPICS.md what
// topics can promise. Package gozmqtest helps with tests.
package gozmq
