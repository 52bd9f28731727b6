// Package publication is the engine of a publisher: it encodes a message's frames
// (topic, body and header), and sends them to the peers that have subscribed. It
// speaks bytes; package gozmq knows the messages and their topics.
package publication
