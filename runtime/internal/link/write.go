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
	// chunkFull is the size at which a chunk is full and the next one begins.
	chunkFull = 128 << 10
	// chunkSize is the memory of a chunk that follows another one.
	chunkSize = 256 << 10
	// maxRounds is how often a caller writes the messages that others append
	// meanwhile before it leaves them to a goroutine.
	maxRounds = 4
)

// A chunk is a run of whole messages that wait to be written. Its memory is pooled,
// so that an idle connection keeps none, and new messages get memory that is still
// in the processor's cache.
type chunk struct {
	b        []byte
	msgs     int
	commands int     // those of msgs that are commands
	buf      *buffer // the memory that b began in; nil if b is
}

// A writer collects frames and hands them to the kernel in as few calls as
// possible. A goroutine that commits a message while none writes becomes the
// one that writes; all others append their message and return.
type writer struct {
	mu       sync.Mutex
	raw      net.Conn
	try      tryWriter
	out      chunk   // being written by the goroutine that set busy
	full     []chunk // after out, oldest first
	cur      chunk   // after full; messages are committed here
	big      bool    // the last chunk had more than half of what a small one may have
	msgs     int     // in all chunks
	commands int     // those of msgs that are commands
	bytes    int     // in all chunks
	busy     bool
	blocked  bool          // the queue was found full, and has not had room since
	writable func()        // see OnWritable
	corked   int           // nested Corks
	handed   writeCount    // to the kernel
	taken    atomic.Uint64 // bytes that the kernel has accepted, even of a write in progress
	cut      []byte        // the message that the kernel had accepted in part when writing failed
	err      error
	broken   atomic.Bool // err is set, or about to be
	unsent   []byte      // messages that were left when err was set
	wire     []byte      // the bytes of out for the kernel
	sealed   *buffer     // the pooled memory of wire; nil: wire is out's memory

	session *curve.Session   // seals frames; nil: they are not sealed
	idle    notify.Broadcast // notified when nothing is left to write
}

func (w *writer) init(raw net.Conn, session *curve.Session) {
	w.raw = raw
	w.try = newTryWriter(raw)
	w.session = session
}

// Begin locks the write buffer and returns it, so that the caller can append one
// message. Commit or Abort, which unlock it, must follow at once. At the high-water
// mark Begin returns ErrFull, with nothing locked.
func (c *Conn) Begin() ([]byte, error) { return c.begin(false) }

// BeginForced is Begin without a high-water mark. It is for replies, whose
// number is bounded by that of the requests, and for commands.
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
	switch cur := &w.cur; {
	case len(cur.b) >= chunkFull:
		w.full = append(w.full, *cur)
		*cur = chunkIn(newBuffer(chunkSize))
	case cur.buf == nil:
		*cur = w.newChunk()
	case cur.buf.class == small && len(cur.b) > maxSmall/2:
		cur.move(newBuffer(chunkSize))
	}
	return w.cur.b, nil
}

// OnWritable sets what is called, with no lock held, when a full queue has room
// again, or writing has failed. Call it before Begin; others may write to the
// connection before that.
func (c *Conn) OnWritable(call func()) {
	c.writer.mu.Lock()
	c.writer.writable = call
	c.writer.mu.Unlock()
}

// Full reports whether the queue is at its high-water mark. If it is, what
// OnWritable has set will be called when it no longer is.
func (c *Conn) Full() bool {
	c.writer.mu.Lock()
	defer c.writer.mu.Unlock()
	return c.fullLocked()
}

func (c *Conn) fullLocked() bool {
	w := &c.writer
	if w.messages() < c.cfg.SendQueue && w.bytes < c.cfg.SendQueueBytes {
		return false
	}
	w.blocked = true
	return true
}

// messages returns how many messages wait, without commands.
func (w *writer) messages() int { return w.msgs - w.commands }

// crowdedLocked reports whether as many messages and commands wait as messages may:
// a peer that does not read must not make us keep answers to its PINGs.
func (c *Conn) crowdedLocked() bool {
	return c.writer.msgs >= c.cfg.SendQueue || c.fullLocked()
}

// Abort ends what Begin began, and discards the message.
func (c *Conn) Abort() {
	c.writer.dropEmpty()
	c.writer.mu.Unlock()
}

// Commit ends what Begin began. b is the buffer with one message appended. The
// caller writes it if no other goroutine is writing; it never waits for the
// peer.
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
	c.writer.commands++
	c.writer.cur.commands++
	c.Commit(b)
}

// CommitTogether is Commit for one of several callers. It lets others that are
// ready to run append their messages first, so that one write takes them all.
func (c *Conn) CommitTogether(b []byte) {
	w := &c.writer
	w.commit(b)
	w.mu.Unlock()
	runtime.Gosched()
	w.mu.Lock()
	c.writePending()
}

func (w *writer) commit(b []byte) {
	w.bytes += len(b) - len(w.cur.b)
	w.msgs++
	w.cur.b = b
	w.cur.msgs++
}

// CommitLater is Commit for one-way traffic. A goroutine writes, so that many
// messages of one sender go out together.
func (c *Conn) CommitLater(b []byte) {
	c.writer.commit(b)
	c.flushLater(false)
}

// CommitSoon is CommitLater, but leaves a message on a corked connection to
// Uncork, up to corkBytes. It never calls what OnWritable has set in the caller's
// goroutine.
func (c *Conn) CommitSoon(b []byte) {
	w := &c.writer
	w.commit(b)
	c.flushLater(w.corked > 0 && !w.corkFull())
}

// flushLater has a goroutine write unless one does, or the messages are held
// back. It unlocks.
func (c *Conn) flushLater(held bool) {
	w := &c.writer
	if held || w.busy || w.err != nil {
		w.mu.Unlock()
		return
	}
	w.busy = true
	w.mu.Unlock()
	go c.flush()
}

// corkBytes is the most that a Cork holds back, so that the peer can begin to work
// on the first messages.
const corkBytes = 64 << 10

func (w *writer) corkFull() bool { return len(w.full) > 0 || len(w.cur.b) >= corkBytes }

// Cork holds committed messages back until Uncork, so that a batch of replies
// goes out in one piece, or in pieces of corkBytes.
func (c *Conn) Cork() {
	c.writer.mu.Lock()
	c.writer.corked++
	c.writer.mu.Unlock()
}

// Uncork ends a Cork and writes the messages that it held back.
func (c *Conn) Uncork() {
	w := &c.writer
	w.mu.Lock()
	w.corked--
	c.writePending()
}

// writePending is writeLocked, unless nothing waits, it is held back, or another
// goroutine writes. It unlocks.
func (c *Conn) writePending() {
	if w := &c.writer; w.busy || w.corked > 0 || w.err != nil || !w.pending() {
		w.mu.Unlock()
		return
	}
	c.writeLocked()
}

// writeLocked writes without waiting, in the caller's goroutine, and leaves the
// bytes that the kernel does not accept to another goroutine. It unlocks.
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
		w.taken.Add(uint64(n))
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
			c.endWriteLocked()
			return
		}
		if round == maxRounds {
			w.mu.Unlock()
			go c.flush()
			return
		}
	}
}

// pending reports whether messages wait after the ones that are being written.
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

// newChunk returns a chunk with memory for messages like the last ones.
func (w *writer) newChunk() chunk {
	if w.big {
		return chunkIn(newBuffer(chunkSize))
	}
	return chunkIn(newSmall())
}

func chunkIn(buf *buffer) chunk { return chunk{b: buf.b[:0], buf: buf} }

// move moves the chunk to other memory, before it grows beyond what is pooled.
func (c *chunk) move(to *buffer) {
	from := *c
	c.b, c.buf = append(to.b[:0], from.b...), to
	from.free()
}

// free returns the chunk's memory to its pool. A small buffer keeps the size
// that it has grown to.
func (c *chunk) free() {
	if c.buf.class == small {
		c.buf.b = c.b[:cap(c.b)]
	}
	c.buf.free()
	*c = chunk{}
}

// dropEmpty frees the memory of cur if no message was committed to it.
func (w *writer) dropEmpty() {
	if w.cur.buf != nil && len(w.cur.b) == 0 {
		w.cur.free()
	}
}

// sent counts and frees the chunk that was written.
func (w *writer) sent() {
	w.handed.count(&w.out, len(w.out.b), len(w.wire))
	w.dropSealed()
	w.msgs -= w.out.msgs
	w.commands -= w.out.commands
	w.bytes -= len(w.out.b)
	w.big = len(w.out.b) > maxSmall/2 // a small one that grows further is not used again
	w.out.free()
}

// endWriteLocked ends a run of writes that has set busy; it unlocks.
func (c *Conn) endWriteLocked() {
	w := &c.writer
	w.busy = false
	w.idle.Notify()
	c.unblockLocked()
	w.mu.Unlock()
}

// unblockLocked calls writable if Begin or Full has found the queue full and it
// has room again. It unlocks meanwhile.
func (c *Conn) unblockLocked() {
	w := &c.writer
	if !w.blocked || w.bytes > c.cfg.SendQueueBytes/2 || w.messages() > c.cfg.SendQueue/2 {
		return
	}
	w.blocked = false
	if writable := w.writable; writable != nil {
		w.mu.Unlock()
		writable()
		w.mu.Lock()
	}
}

// flush writes until no message is left; it may wait for the peer.
func (c *Conn) flush() {
	w := &c.writer
	w.mu.Lock()
	for w.pending() && w.err == nil {
		w.next()
		w.mu.Unlock()
		w.prepare()
		n, err := w.writeAll(w.wire)
		if !c.wrote(n, err) {
			return
		}
	}
	if w.err != nil {
		c.failLocked(0, w.err)
		return
	}
	c.endWriteLocked()
}

// flushRest is flush after n bytes of wire have been written.
func (c *Conn) flushRest(n int) {
	m, err := c.writer.writeAll(c.writer.wire[n:])
	if c.wrote(n+m, err) {
		c.writer.mu.Unlock()
		c.flush()
	}
}

// wrote accounts for a write that has ended. It returns true, with the lock held,
// if the writer may go on.
func (c *Conn) wrote(n int, err error) bool {
	c.writer.mu.Lock()
	if err != nil {
		c.failLocked(n, err)
		return false
	}
	c.writer.sent()
	c.unblockLocked()
	return true
}
