package transport

import (
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

// A PipeConn is one end of an in-memory connection, of which each direction
// holds up to 64 KiB. Its memory grows with what is under way and falls back
// when that has been less for a second. Methods may be called concurrently;
// bytes of concurrent writes do not mix. Pipe makes a pair.
//
// A passed deadline gives os.ErrDeadlineExceeded, use after Close an error that
// wraps net.ErrClosed, a write after the peer closed one that wraps
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

// Read waits until there is something to read and reads what is there. After
// the peer's Close it first gives everything that the peer wrote, then io.EOF.
func (c *PipeConn) Read(p []byte) (int, error) {
	n, err := c.in.read(p)
	if errors.Is(err, net.ErrClosed) {
		err = c.opError("read", err)
	}
	return n, err
}

// Write returns when all of p is on its way: the peer need not have read it.
// p may be used again.
func (c *PipeConn) Write(p []byte) (int, error) {
	c.writing.Lock()
	n, err := c.out.write(p, true)
	c.writing.Unlock()
	return n, c.writeError(err)
}

// TryWrite writes as much of p as fits without waiting, which may be nothing:
// 0, nil. It fails as Write does.
func (c *PipeConn) TryWrite(p []byte) (int, error) {
	if !c.writing.TryLock() {
		return 0, nil // a Write is waiting for room
	}
	n, err := c.out.write(p, false)
	c.writing.Unlock()
	return n, c.writeError(err)
}

// writeError adds the connection to errors that are final. Deadlines pass all
// the time and cost nothing.
func (c *PipeConn) writeError(err error) error {
	if err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	return c.opError("write", err)
}

func (c *PipeConn) opError(op string, err error) error {
	return &net.OpError{Op: op, Net: schemeInproc, Source: c.addr, Addr: c.addr, Err: err}
}

// Close ends the connection: what was written before can still be read by the
// peer, what the peer wrote and was not read is lost. Closing again does
// nothing.
func (c *PipeConn) Close() error {
	c.out.closeWriter()
	c.in.closeReader()
	return nil
}

// CloseWrite ends what this end writes: the peer reads what was written before,
// then io.EOF. Reading goes on.
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

// SetReadDeadline ends present and future reads at t; the zero time ends none.
func (c *PipeConn) SetReadDeadline(t time.Time) error {
	if err := c.in.setReadDeadline(t); err != nil {
		return c.opError("set", err)
	}
	return nil
}

// SetWriteDeadline ends present and future writes at t; the zero time ends
// none. A write that it ends may have written a part.
func (c *PipeConn) SetWriteDeadline(t time.Time) error {
	if err := c.out.setWriteDeadline(t); err != nil {
		return c.opError("set", err)
	}
	return nil
}
