package link

import (
	"errors"
	"io"
	"net"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// drainLimit is how long a connection that can no longer be written to is still
// read, for messages that the peer sent before it closed.
const drainLimit = time.Second

// failLocked keeps the messages of which the kernel accepted no byte; it unlocks.
// The connection is closed by its reader at the end of the stream, or after
// drainLimit.
func (c *Conn) failLocked(n int, err error) {
	w := &c.writer
	begun := w.begun(n)
	w.keepCut(begun, n)
	w.handed.count(&w.out, begun, n)
	w.dropSealed()
	w.moveUnsent(begun)
	w.busy = false
	if w.err == nil {
		w.err = err
	}
	w.broken.Store(true)
	w.idle.Notify()
	writable := w.writable
	w.mu.Unlock()
	if errors.Is(err, net.ErrClosed) {
		err = ErrClosed
	}
	if c.Err() == nil {
		time.AfterFunc(drainLimit, func() { c.Close(err) })
	}
	if writable != nil {
		writable()
	}
}

// keepCut keeps the message that ends after begun bytes if the kernel has accepted
// only part of it, n bytes of wire in all.
func (w *writer) keepCut(begun, n int) {
	if w.wireLen(begun) <= n {
		return
	}
	start := 0
	for end := 0; end < begun; end += zmtp.MessageSize(w.out.b[end:]) {
		start = end
	}
	w.cut = append([]byte(nil), w.out.b[start:begun]...)
}

// moveUnsent moves all bytes after the first n to w.unsent.
func (w *writer) moveUnsent(n int) {
	w.unsent = append(w.unsent, w.out.b[n:]...)
	for _, c := range w.full {
		w.unsent = append(w.unsent, c.b...)
	}
	w.unsent = append(w.unsent, w.cur.b...)
	w.out, w.full, w.cur = chunk{}, nil, chunk{}
	w.msgs, w.commands, w.bytes = 0, 0, 0
}

// fail makes every further Begin return err.
func (w *writer) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.err = err
	}
	w.broken.Store(true)
	if !w.busy {
		w.moveUnsent(0)
		w.idle.Notify()
	}
}

// Unsent waits until writing has ended on the connection, which must be closed, and
// returns the messages of which the kernel has accepted no byte, as frames on the
// wire. The caller owns them.
func (c *Conn) Unsent() []byte {
	<-c.Flushed()
	frames, _ := c.TryUnsent()
	return frames
}

// Failed reports whether the connection can no longer be written to.
func (c *Conn) Failed() bool { return c.writer.broken.Load() }

// EndWrites makes every further Begin return reason. The write in progress is
// completed, and later messages stay unsent.
func (c *Conn) EndWrites(reason error) { c.writer.fail(reason) }

// Finish ends the connection because of reason. A peer that has only closed its
// direction may still read: the write in progress is completed, and later messages
// stay unsent.
func (c *Conn) Finish(reason error) {
	if errors.Is(reason, io.EOF) {
		c.writer.fail(reason)
		timer := time.NewTimer(drainLimit)
		defer timer.Stop()
		select {
		case <-c.Flushed():
		case <-timer.C:
		}
	}
	c.Close(reason)
}

// closeWrite closes our direction. The peer's can still be read, except where a
// stream cannot be half-closed.
func (c *Conn) closeWrite() {
	half, ok := c.raw.(interface{ CloseWrite() error })
	if !ok {
		c.Close(ErrClosed)
		return
	}
	c.closing.Store(true)
	c.writer.fail(ErrClosed)
	_ = half.CloseWrite()
}

// TryUnsent is Unsent for a connection that has failed. It does not wait: ok is
// false while a write is in progress.
func (c *Conn) TryUnsent() (frames []byte, ok bool) {
	w := &c.writer
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.busy || w.err == nil {
		return nil, false
	}
	frames, w.unsent = w.unsent, nil
	return frames, true
}

// TakeCut returns, as frames on the wire, the message that the kernel has accepted
// in part, or nil if there is none: the peer cannot have received it whole. It may
// be called after TryUnsent has returned true, and returns the message once.
func (c *Conn) TakeCut() []byte {
	w := &c.writer
	w.mu.Lock()
	defer w.mu.Unlock()
	cut := w.cut
	w.cut = nil
	return cut
}

// Flushed returns a channel that is closed once no message waits to be written.
func (c *Conn) Flushed() <-chan struct{} {
	w := &c.writer
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.busy && (!w.pending() || w.err != nil) {
		return closedChan
	}
	return w.idle.Changed()
}

var closedChan = func() chan struct{} { c := make(chan struct{}); close(c); return c }()
