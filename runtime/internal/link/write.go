package link

import (
	"net"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/gozmq/gozmq/runtime/internal/curve"
	"github.com/gozmq/gozmq/runtime/internal/notify"
)

const (
	// chunkFull is how long a chunk grows before the next one is begun.
	chunkFull = 128 << 10
	// chunkSize is the memory of a chunk that follows another one.
	chunkSize = 256 << 10
	// maxRounds is how often a caller writes what others append meanwhile
	// before it leaves the rest to a goroutine.
	maxRounds = 4
)

// A chunk is a run of whole messages on their way out. Its memory is pooled: a
// connection that has nothing to write keeps none, and what is written next
// finds memory that is in the processor's cache.
type chunk struct {
	b        []byte
	msgs     int
	commands int     // of msgs
	buf      *buffer // the memory that b began in; nil: b is nil
}

// A writer collects frames and hands them to the kernel in as few calls as
// there can be. Whoever commits a message while no one writes, writes; all
// others append and leave.
type writer struct {
	mu     sync.Mutex
	raw    net.Conn
	try    tryWriter
	out    chunk   // being written by whoever set busy
	full   []chunk // behind it, oldest first
	cur    chunk   // behind those; what is committed goes here
	big    bool    // the last chunk was larger than a small one may be
	msgs   int     // in all chunks
	bytes  int     // in all chunks
	busy   bool
	marked bool // Begin returned ErrFull since there was room
	corked int  // nested Corks
	gone   writeCount
	err    error
	broken atomic.Bool // err is set, or about to be
	rest   []byte      // what was left when err came
	wire   []byte      // what goes to the kernel for out
	sealed *buffer     // the pooled memory of wire; nil where wire is out's own

	session *curve.Session   // seals what is written; nil: it goes out as it is
	idle    notify.Broadcast // of having nothing left to write
}

func (w *writer) init(raw net.Conn, session *curve.Session) {
	w.raw = raw
	w.try = newTryWriter(raw)
	w.session = session
}

// Begin locks the write buffer and returns it, for one message to be appended;
// Commit or Abort must follow at once. It returns ErrFull at the high-water
// mark, with nothing locked.
func (c *Conn) Begin() ([]byte, error) { return c.begin(false) }

// BeginForced is Begin without a high-water mark: for answers, whose number is
// bounded by that of the requests, and for commands.
func (c *Conn) BeginForced() ([]byte, error) { return c.begin(true) }

func (c *Conn) begin(forced bool) ([]byte, error) {
	w := &c.writer
	w.mu.Lock()
	if w.err != nil {
		w.mu.Unlock()
		return nil, w.err
	}
	if !forced && c.fullLocked() {
		w.mu.Unlock()
		return nil, ErrFull
	}
	if len(w.cur.b) >= chunkFull {
		w.full = append(w.full, w.cur)
		w.cur = chunkIn(newBuffer(chunkSize))
	} else if w.cur.buf == nil {
		w.cur = w.newChunk()
	}
	return w.cur.b, nil
}

// Full reports whether the queue is at its high-water mark; Room is called
// when it no longer is.
func (c *Conn) Full() bool {
	c.writer.mu.Lock()
	defer c.writer.mu.Unlock()
	return c.fullLocked()
}

func (c *Conn) fullLocked() bool {
	w := &c.writer
	if w.msgs < c.cfg.SendQueue && w.bytes < c.cfg.SendQueueBytes {
		return false
	}
	w.marked = true
	return true
}

// Abort ends what Begin began and leaves nothing behind.
func (c *Conn) Abort() {
	c.writer.dropEmpty()
	c.writer.mu.Unlock()
}

// Commit ends what Begin began: b is the buffer with one message appended. The
// caller writes it if no one else is writing; it never waits for the peer.
func (c *Conn) Commit(b []byte) {
	w := &c.writer
	w.commit(b)
	if w.busy || w.corked > 0 && !w.corkFull() || w.err != nil {
		w.mu.Unlock()
		return
	}
	c.writeLocked()
}

// CommitCommand is Commit for a command.
func (c *Conn) CommitCommand(b []byte) {
	c.writer.cur.commands++
	c.Commit(b)
}

// CommitTogether is Commit for one of several callers: it lets the others that
// are ready to run append first, so that one write takes the messages of all.
func (c *Conn) CommitTogether(b []byte) {
	w := &c.writer
	w.commit(b)
	w.mu.Unlock()
	runtime.Gosched()
	w.mu.Lock()
	if w.busy || w.corked > 0 || w.err != nil || !w.pending() {
		w.mu.Unlock()
		return
	}
	c.writeLocked()
}

func (w *writer) commit(b []byte) {
	w.bytes += len(b) - len(w.cur.b)
	w.msgs++
	w.cur.b = b
	w.cur.msgs++
}

// CommitLater is Commit for one-way traffic: a goroutine writes, so that many
// messages of one sender go out together.
func (c *Conn) CommitLater(b []byte) {
	w := &c.writer
	w.commit(b)
	if w.busy || w.err != nil {
		w.mu.Unlock()
		return
	}
	w.busy = true
	w.mu.Unlock()
	go c.flush()
}

// corkBytes is how much a Cork holds back at most: the peer had better work on
// what is there.
const corkBytes = 64 << 10

func (w *writer) corkFull() bool { return len(w.full) > 0 || len(w.cur.b) >= corkBytes }

// Cork holds back what is committed until Uncork, so that a batch of answers
// goes out in one piece, or in pieces of corkBytes.
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
	if w.busy || w.corked > 0 || w.err != nil || !w.pending() {
		w.mu.Unlock()
		return
	}
	c.writeLocked()
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
		w.next()
		w.mu.Unlock()
		w.prepare()
		n, err := w.try.TryWrite(w.wire)
		w.mu.Lock()
		if err != nil {
			c.failLocked(n, err)
			return
		}
		if n < len(w.wire) {
			w.mu.Unlock()
			go c.flushRest(n)
			return
		}
		w.sent()
		if !w.pending() {
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

// pending reports whether there is more than what is being written.
func (w *writer) pending() bool { return len(w.full) > 0 || len(w.cur.b) > 0 }

// next makes the oldest chunk the one that is being written.
func (w *writer) next() {
	if len(w.full) > 0 {
		w.out = w.full[0]
		n := copy(w.full, w.full[1:])
		w.full[n] = chunk{}
		w.full = w.full[:n]
		return
	}
	w.out = w.cur
	w.cur = chunk{}
}

// newChunk returns a chunk for messages as the last ones were.
func (w *writer) newChunk() chunk {
	if w.big {
		return chunkIn(newBuffer(chunkSize))
	}
	return chunkIn(newSmall())
}

func chunkIn(buf *buffer) chunk { return chunk{b: buf.b[:0], buf: buf} }

// free gives the chunk's memory back. What a small one has grown to is kept.
func (c *chunk) free() {
	if c.buf.class == small {
		c.buf.b = c.b[:cap(c.b)]
	}
	c.buf.free()
	*c = chunk{}
}

// dropEmpty gives the memory of a chunk back to which nothing was committed.
func (w *writer) dropEmpty() {
	if w.cur.buf != nil && len(w.cur.b) == 0 {
		w.cur.free()
	}
}

// sent forgets what was written.
func (w *writer) sent() {
	w.gone.count(&w.out, len(w.out.b), len(w.wire))
	w.unseal()
	w.msgs -= w.out.msgs
	w.bytes -= len(w.out.b)
	w.big = len(w.out.b) > maxSmall
	w.out.free()
}

// settle ends the work of whoever was writing; it unlocks.
func (c *Conn) settle() {
	w := &c.writer
	w.busy = false
	w.idle.Notify()
	c.unmark()
	w.mu.Unlock()
}

// unmark calls Room, without the lock, if someone has found the queue full and
// there is room again.
func (c *Conn) unmark() {
	w := &c.writer
	if !w.marked || w.bytes > c.cfg.SendQueueBytes/2 || w.msgs > c.cfg.SendQueue/2 {
		return
	}
	w.marked = false
	if c.Room != nil {
		w.mu.Unlock()
		c.Room()
		w.mu.Lock()
	}
}

// flush writes until nothing is left; it may wait for the peer.
func (c *Conn) flush() {
	w := &c.writer
	w.mu.Lock()
	for w.pending() && w.err == nil {
		w.next()
		w.mu.Unlock()
		w.prepare()
		n, err := w.raw.Write(w.wire)
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
	m, err := c.writer.raw.Write(c.writer.wire[n:])
	if c.wrote(n+m, err) {
		c.writer.mu.Unlock()
		c.flush()
	}
}

// wrote accounts for a write that ended; when it returns true the lock is held.
func (c *Conn) wrote(n int, err error) bool {
	c.writer.mu.Lock()
	if err != nil {
		c.failLocked(n, err)
		return false
	}
	c.writer.sent()
	c.unmark()
	return true
}
