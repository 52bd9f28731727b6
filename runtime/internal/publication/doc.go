// Package publication is the engine of a publisher: it makes the frames of a
// message, topic and body and header, and gives them to the peers that have
// subscribed. It speaks bytes; package gozmq knows the messages and their topics.
package publication
