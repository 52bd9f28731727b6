// Package link keeps a socket's connections. It binds, accepts, dials and dials
// again, opens connections through package handshake, frames and writes messages,
// answers and sends heartbeats, and closes connections in order. The pattern above
// implements Handler and gives the messages their meaning.
package link
