// Package socket implements ZeroMQ's socket patterns over the connections of
// package link: which peer gets a message, which sender waits, which message is
// dropped. The packages above give the frames of a message their meaning.
package socket
