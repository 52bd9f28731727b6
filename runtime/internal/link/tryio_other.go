//go:build !unix

package link

import "net"

// A tryReader waits until bytes can be read and only then takes a buffer.
type tryReader interface {
	read(in *readBuffer) (int, error)
}

// A tryWriter writes the bytes that the kernel accepts without waiting.
type tryWriter interface {
	TryWrite(p []byte) (int, error)
}

// newTryReader returns nil: every connection keeps its buffer.
func newTryReader(net.Conn) tryReader { return nil }

// newTryWriter returns nil where the connection cannot try; then a separate
// goroutine writes.
func newTryWriter(c net.Conn) tryWriter {
	w, _ := c.(tryWriter)
	return w
}

// writeAll writes p, and counts the bytes as the kernel accepts them.
func (w *writer) writeAll(p []byte) (int, error) { return w.writeSteps(w.raw, p) }
