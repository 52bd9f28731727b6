//go:build !unix

package link

import "net"

// A tryReader waits until bytes can be read and only then takes a buffer.
type tryReader interface {
	read(in *intake) (int, error)
}

// A tryWriter writes what the kernel takes without waiting.
type tryWriter interface {
	TryWrite(p []byte) (int, error)
}

// newTryReader returns nil: every connection keeps its buffer.
func newTryReader(net.Conn) tryReader { return nil }

// newTryWriter returns nil where the connection itself cannot try: a goroutine
// of its own writes then.
func newTryWriter(c net.Conn) tryWriter {
	w, _ := c.(tryWriter)
	return w
}
