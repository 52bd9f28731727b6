package link

import (
	"errors"
	"net"
	"sync"

	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

const (
	// maxKeep is the largest write buffer that is kept when it is empty.
	maxKeep = 2 << 20
	// maxRounds is how often a caller writes what others append meanwhile
	// before it leaves the rest to a goroutine.
	maxRounds = 4
)

// A writer collects frames and hands them to the kernel in as few calls as
// there can be. Whoever commits a message while no one writes, writes; all
// others append and leave.
type writer struct {
	mu     sync.Mutex
	raw    net.Conn
	try    tryWriter
	buf    []byte // committed, not yet being written
	msgs   int    // messages in buf
	out    []byte // being written by whoever set busy
	outN   int    // messages in out
	busy   bool
	full   bool  // Begin returned ErrFull since there was room
	corked int   // nested Corks
	err    error // final
	rest   []byte
	idle   chan struct{} // closed when nothing is left to write; made on demand
}

func (w *writer) init(raw net.Conn) {
	w.raw = raw
	w.try = newTryWriter(raw)
}

// Begin locks the write buffer and returns it, for one message to be appended;
// Commit or Abort must follow at once. It returns ErrFull at the high-water
// mark, with nothing locked.
func (c *Conn) Begin() ([]byte, error) {
	w := &c.writer
	w.mu.Lock()
	if w.err != nil {
		w.mu.Unlock()
		return nil, w.err
	}
	if w.msgs+w.outN >= c.cfg.SendQueue || len(w.buf)+len(w.out) >= c.cfg.SendQueueBytes {
		w.full = true
		w.mu.Unlock()
		return nil, ErrFull
	}
	return w.buf, nil
}

// BeginForced is Begin without a high-water mark: for answers, whose number is
// bounded by that of the requests, and for commands.
func (c *Conn) BeginForced() ([]byte, error) {
	w := &c.writer
	w.mu.Lock()
	if w.err != nil {
		w.mu.Unlock()
		return nil, w.err
	}
	return w.buf, nil
}

// Abort ends what Begin began and leaves nothing behind.
func (c *Conn) Abort() { c.writer.mu.Unlock() }

// Commit ends what Begin began: b is the buffer with one message appended. The
// caller writes it if no one else is writing; it never waits for the peer.
func (c *Conn) Commit(b []byte) {
	w := &c.writer
	w.buf = b
	w.msgs++
	if w.busy || w.corked > 0 || w.err != nil {
		w.mu.Unlock()
		return
	}
	c.writeLocked()
}

// CommitLater is Commit for one-way traffic: a goroutine writes, so that many
// messages of one sender go out together.
func (c *Conn) CommitLater(b []byte) {
	w := &c.writer
	w.buf = b
	w.msgs++
	if w.busy || w.err != nil {
		w.mu.Unlock()
		return
	}
	w.busy = true
	w.mu.Unlock()
	go c.flush()
}

// Cork holds back what is committed until Uncork, so that a batch of answers
// goes out in one piece.
func (c *Conn) Cork() {
	c.writer.mu.Lock()
	c.writer.corked++
	c.writer.mu.Unlock()
}

// Uncork ends a Cork and writes what was held back.
func (c *Conn) Uncork() {
	w := &c.writer
	w.mu.Lock()
	w.corked--
	if w.busy || w.corked > 0 || w.err != nil || len(w.buf) == 0 {
		w.mu.Unlock()
		return
	}
	c.writeLocked()
}

// Full reports whether the queue is at its high-water mark; Room is called
// when it no longer is.
func (c *Conn) Full() bool {
	w := &c.writer
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.msgs+w.outN < c.cfg.SendQueue && len(w.buf)+len(w.out) < c.cfg.SendQueueBytes {
		return false
	}
	w.full = true
	return true
}

// writeLocked writes without waiting, in the caller's goroutine, and leaves
// what the kernel does not take to a goroutine. It unlocks.
func (c *Conn) writeLocked() {
	w := &c.writer
	w.busy = true
	if w.try == nil {
		w.mu.Unlock()
		go c.flush()
		return
	}
	for round := 0; ; round++ {
		w.swap()
		w.mu.Unlock()
		n, err := w.try.TryWrite(w.out)
		w.mu.Lock()
		if err != nil {
			c.failLocked(n, err)
			return
		}
		if n < len(w.out) {
			w.mu.Unlock()
			go c.flushRest(n)
			return
		}
		w.sent()
		if len(w.buf) == 0 {
			c.settle()
			return
		}
		if round == maxRounds {
			w.mu.Unlock()
			go c.flush()
			return
		}
	}
}

// swap makes what was collected what is being written.
func (w *writer) swap() {
	w.out, w.buf = w.buf, w.out[:0]
	w.outN, w.msgs = w.msgs, 0
}

// sent forgets what was written. A buffer that grew large is not kept.
func (w *writer) sent() {
	w.outN = 0
	w.out = w.out[:0]
	if cap(w.out) > maxKeep {
		w.out = nil
	}
}

// settle ends the work of whoever was writing; it unlocks.
func (c *Conn) settle() {
	w := &c.writer
	w.busy = false
	if cap(w.buf) > maxKeep {
		w.buf = nil
	}
	full := w.full
	w.full = false
	if w.idle != nil {
		close(w.idle)
		w.idle = nil
	}
	w.mu.Unlock()
	if full && c.Room != nil {
		c.Room()
	}
}

// flush writes until nothing is left; it may wait for the peer.
func (c *Conn) flush() {
	w := &c.writer
	w.mu.Lock()
	for len(w.buf) > 0 && w.err == nil {
		w.swap()
		w.mu.Unlock()
		n, err := w.raw.Write(w.out)
		if !c.wrote(n, err) {
			return
		}
	}
	if w.err != nil {
		c.failLocked(0, w.err)
		return
	}
	c.settle()
}

// flushRest is flush when n bytes of what is being written have gone.
func (c *Conn) flushRest(n int) {
	m, err := c.writer.raw.Write(c.writer.out[n:])
	if c.wrote(n+m, err) {
		c.writer.mu.Unlock()
		c.flush()
	}
}

// wrote accounts for a write that ended; when it returns true the lock is held.
func (c *Conn) wrote(n int, err error) bool {
	w := &c.writer
	w.mu.Lock()
	if err != nil {
		c.failLocked(n, err)
		return false
	}
	w.sent()
	if w.full && len(w.buf) < c.cfg.SendQueueBytes/2 && w.msgs < c.cfg.SendQueue/2 && c.Room != nil {
		w.full = false
		w.mu.Unlock()
		c.Room()
		w.mu.Lock()
	}
	return true
}

// failLocked keeps what the kernel did not take at all and closes; it unlocks.
func (c *Conn) failLocked(n int, err error) {
	w := &c.writer
	if n < len(w.out) || len(w.buf) > 0 {
		whole := zmtp.CompleteMessages(w.out, n)
		w.rest = append(w.out[whole:len(w.out):len(w.out)], w.buf...)
	}
	w.out, w.buf, w.outN, w.msgs = nil, nil, 0, 0
	w.busy = false
	if w.err == nil {
		w.err = err
	}
	w.release()
	w.mu.Unlock()
	if errors.Is(err, net.ErrClosed) {
		err = ErrClosed
	}
	c.Close(err)
	if c.Room != nil {
		c.Room()
	}
}

// fail makes every further Begin return err.
func (w *writer) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.err = err
	}
	if !w.busy {
		w.rest, w.buf, w.msgs = w.buf, nil, 0
		w.release()
	}
}

func (w *writer) release() {
	if w.idle != nil {
		close(w.idle)
		w.idle = nil
	}
}

// Unsent waits until the connection, which must be closed, writes no more, and
// returns the messages that the kernel has not taken any byte of, as frames on
// the wire. The caller owns them.
func (c *Conn) Unsent() []byte {
	<-c.Flushed()
	w := &c.writer
	w.mu.Lock()
	defer w.mu.Unlock()
	rest := w.rest
	w.rest = nil
	return rest
}

// Flushed returns a channel that is closed once nothing waits to be written.
func (c *Conn) Flushed() <-chan struct{} {
	w := &c.writer
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.busy && (len(w.buf) == 0 || w.err != nil) {
		return closedChan
	}
	if w.idle == nil {
		w.idle = make(chan struct{})
	}
	return w.idle
}

var closedChan = func() chan struct{} { c := make(chan struct{}); close(c); return c }()
