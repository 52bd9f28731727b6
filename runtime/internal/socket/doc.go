// Package socket implements ZeroMQ's socket patterns over the connections of
// package link: which peer gets a message, which sender waits, which message is
// dropped. The packages above interpret a message's frames.
package socket
