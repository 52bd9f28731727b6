// Package stream has the two halves of one side of a stream: a Receiver, which
// queues the bodies of messages and grants credit, and a Sender, which counts its
// credit. It speaks bytes and knows no sockets. docs/PROTOCOL.md 4.10 has the
// rules.
package stream
