package transport

import (
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

// A PipeConn is one end of an in-memory connection. Each direction buffers up
// to 64 KiB; a buffer grows with the bytes in it, and shrinks after a second in
// which it had fewer. Methods may be called concurrently; the bytes of
// concurrent writes do not mix. Pipe makes a pair.
//
// The error after a deadline is os.ErrDeadlineExceeded. After Close errors wrap
// net.ErrClosed, and after the peer's Close the error of Write wraps
// io.ErrClosedPipe.
type PipeConn struct {
	in, out *stream
	addr    inprocAddr
	writing sync.Mutex // held for the whole of a Write
}

var _ net.Conn = (*PipeConn)(nil)

// Pipe returns the two ends of a new connection. name is for LocalAddr and
// RemoteAddr, which give "inproc://name" on both ends.
func Pipe(name string) (near, far *PipeConn) {
	a, b := newStream(), newStream()
	addr := inprocAddr(name)
	return &PipeConn{in: a, out: b, addr: addr}, &PipeConn{in: b, out: a, addr: addr}
}

// Read waits until there are bytes and returns as many as there are. After the
// peer's Close it returns the bytes that the peer wrote, and then io.EOF.
func (c *PipeConn) Read(p []byte) (int, error) {
	n, err := c.in.read(p)
	if errors.Is(err, net.ErrClosed) {
		err = c.opError("read", err)
	}
	return n, err
}

// Write returns when all of p is buffered. The peer need not have read it. p may be
// reused.
func (c *PipeConn) Write(p []byte) (int, error) {
	c.writing.Lock()
	n, err := c.out.write(p, true)
	c.writing.Unlock()
	return n, c.writeError(err)
}

// TryWrite writes as much of p as fits without waiting. If nothing fits it
// returns 0, nil. Its errors are those of Write.
func (c *PipeConn) TryWrite(p []byte) (int, error) {
	if !c.writing.TryLock() {
		return 0, nil // a Write is waiting for room
	}
	n, err := c.out.write(p, false)
	c.writing.Unlock()
	return n, c.writeError(err)
}

// writeError adds the connection to final errors. An expired deadline is
// frequent, and its error is returned unchanged, without an allocation.
func (c *PipeConn) writeError(err error) error {
	if err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	return c.opError("write", err)
}

func (c *PipeConn) opError(op string, err error) error {
	return &net.OpError{Op: op, Net: schemeInproc, Source: c.addr, Addr: c.addr, Err: err}
}

// Close ends the connection. The peer can still read the bytes that were
// written before. Bytes from the peer that were not read are lost. Closing
// again does nothing.
func (c *PipeConn) Close() error {
	c.out.closeWriter()
	c.in.closeReader()
	return nil
}

// CloseWrite closes this end's direction. The peer reads the bytes that were
// written before, then io.EOF. This end can still read.
func (c *PipeConn) CloseWrite() error {
	c.out.closeWriter()
	return nil
}

// LocalAddr returns the name that was bound.
func (c *PipeConn) LocalAddr() net.Addr { return c.addr }

// RemoteAddr returns the name that was bound.
func (c *PipeConn) RemoteAddr() net.Addr { return c.addr }

// SetDeadline sets both deadlines.
func (c *PipeConn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// SetReadDeadline makes present and future reads fail at t. The zero time
// removes the deadline.
func (c *PipeConn) SetReadDeadline(t time.Time) error {
	if err := c.in.setReadDeadline(t); err != nil {
		return c.opError("set", err)
	}
	return nil
}

// SetWriteDeadline makes present and future writes fail at t. The zero time
// removes the deadline. A write that fails may have written a part.
func (c *PipeConn) SetWriteDeadline(t time.Time) error {
	if err := c.out.setWriteDeadline(t); err != nil {
		return c.opError("set", err)
	}
	return nil
}
