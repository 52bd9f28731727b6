// Package link keeps a socket's connections. It binds, accepts, dials and dials
// again, opens connections through package handshake, frames and writes messages,
// answers and sends heartbeats, and closes connections in order. The pattern above
// it implements Handler and interprets the messages.
package link
