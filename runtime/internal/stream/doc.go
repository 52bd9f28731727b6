// Package stream has the two halves of a stream as one side of it sees them: a
// Receiver, which queues the bodies of messages and grants credit, and a Sender,
// which counts the credit that it was granted. It speaks bytes and knows no
// sockets. docs/PROTOCOL.md 4.10 has the rules.
package stream
