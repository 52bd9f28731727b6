package link

import (
	"errors"
	"io"
	"net"
	"time"
)

// lastWords is how long a connection that can no longer be written to may still
// be read: what the peer sent before it closed is there.
const lastWords = time.Second

// failLocked keeps what the kernel did not take at all; it unlocks. The
// connection is closed by its reader, which comes to the end of the stream, or
// in a while.
func (c *Conn) failLocked(n int, err error) {
	w := &c.writer
	begun := w.begun(n)
	w.gone.count(&w.out, begun, n)
	w.unseal()
	w.abandon(begun)
	w.busy = false
	if w.err == nil {
		w.err = err
	}
	w.broken.Store(true)
	w.idle.Notify()
	w.mu.Unlock()
	if errors.Is(err, net.ErrClosed) {
		err = ErrClosed
	}
	if c.Err() == nil {
		time.AfterFunc(lastWords, func() { c.Close(err) })
	}
	if c.Room != nil {
		c.Room()
	}
}

// abandon moves everything behind the first n bytes into rest.
func (w *writer) abandon(n int) {
	w.rest = append(w.rest, w.out.b[n:]...)
	for _, c := range w.full {
		w.rest = append(w.rest, c.b...)
	}
	w.rest = append(w.rest, w.cur.b...)
	w.out, w.full, w.cur = chunk{}, nil, chunk{}
	w.msgs, w.bytes = 0, 0
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
		w.abandon(0)
		w.idle.Notify()
	}
}

// Unsent waits until the connection, which must be closed, writes no more, and
// returns the messages that the kernel has not taken any byte of, as frames on
// the wire. The caller owns them.
func (c *Conn) Unsent() []byte {
	<-c.Flushed()
	frames, _ := c.TryUnsent()
	return frames
}

// Failed reports whether nothing can be written any more.
func (c *Conn) Failed() bool { return c.writer.broken.Load() }

// Finish ends the connection because of reason. A peer that has only said that
// it will send no more may still read: what is just being written to it is let
// out, what stands behind that is unsent.
func (c *Conn) Finish(reason error) {
	if errors.Is(reason, io.EOF) {
		c.writer.fail(reason)
		timer := time.NewTimer(lastWords)
		defer timer.Stop()
		select {
		case <-c.Flushed():
		case <-timer.C:
		}
	}
	c.Close(reason)
}

// closeWrite tells the peer that no more will come. What it still sends can be
// read, except where a stream cannot be closed by halves.
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

// TryUnsent is Unsent for a connection that has failed; ok is false while it is
// still being written to.
func (c *Conn) TryUnsent() (frames []byte, ok bool) {
	w := &c.writer
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.busy || w.err == nil {
		return nil, false
	}
	frames, w.rest = w.rest, nil
	return frames, true
}

// Flushed returns a channel that is closed once nothing waits to be written.
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
