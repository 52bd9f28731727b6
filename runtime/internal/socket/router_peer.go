package socket

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/notify"
	"github.com/gozmq/gozmq/runtime/internal/stream"
	"github.com/gozmq/gozmq/runtime/internal/throttle"
)

// A RouterPeer is one connection of a router. One goroutine at a time is its
// reader, and owns oversized, refused, canceled, unreadBytes, corked, woken, last,
// ahead and envelope.
type RouterPeer struct {
	*link.Conn
	// Context ends with the connection.
	Context context.Context
	// Value is the Receiver's state for the connection; initially nil.
	Value any
	// Held is how many streams of the connection hold a place at the Receiver,
	// which alone uses it.
	Held atomic.Int64

	router   *Router
	writable writable
	streams  routerStreams
	unread   *stream.Share // for messages that the streams have not received
	late     atomic.Int64  // messages that ended streams may still get
	envelope []byte        // of the last message read, in its wire form

	roomMu sync.Mutex
	room   notify.Broadcast // of the connection being writable

	oversized   throttle.Bucket // of requests that are too large
	refused     refusals        // requests that had no job
	canceled    throttle.Bucket // streams that were given up
	unreadBytes throttle.Bucket // of messages that were not received
	corked      int             // answers held back since the last write
	running     int             // jobs; the router's lock guards it
	woken       *RouterStream   // a message was handed to it, and it must be woken
	last        *RouterStream   // the stream of the last message read; nil: it had none
	ahead       canceledAhead   // finds calls that were given up before they were begun
	watched     atomic.Uint64   // the watch's looks, plus 1, when a job was last reported to it

	// inline is odd while the reader runs a job itself, or a stream has its role
	// and the handler is away. The reader, or the stream, moves it to the next
	// even number when the job has run, or the handler waits again, and is the
	// reader. If that takes too long the watch does so first, and makes another
	// goroutine the reader.
	inline atomic.Uint64
}

// Serve reads a connection until it ends (link.Handler).
func (r *Router) Serve(c *link.Conn) error {
	ctx, cancel := context.WithCancelCause(r.base)
	c.OnClose(cancel)
	p := &RouterPeer{Conn: c, Context: ctx, router: r, writable: newWritable(c), unread: stream.NewShare(r.unread)}
	c.OnWritable(p.notifyWritable)
	c.CountInFlight(p.jobs)
	c.Ready()
	p.read() // another goroutine may be the reader then
	return nil
}

// jobs returns how many jobs of the connection run.
func (p *RouterPeer) jobs() int {
	p.router.mu.Lock()
	defer p.router.mu.Unlock()
	return p.running
}

// notifyWritable wakes those that wait for room in the connection's queue.
func (p *RouterPeer) notifyWritable() {
	p.writable.room.Set()
	p.roomMu.Lock()
	p.room.Notify()
	p.roomMu.Unlock()
}

// roomChanged returns a channel that is closed when the connection's queue has
// room.
func (p *RouterPeer) roomChanged() <-chan struct{} {
	p.roomMu.Lock()
	defer p.roomMu.Unlock()
	return p.room.Changed()
}

// read reads requests until the connection ends, or another goroutine or a stream
// becomes the reader because this one must run a job.
func (p *RouterPeer) read() {
	for {
		frames, err := p.next()
		if err != nil {
			if p.passOver(frames, err) {
				continue
			}
			return
		}
		if job := p.take(frames); job != nil && !p.run(job) || !p.wakeReader() {
			return
		}
	}
}

// take handles one message, and returns its job if there is one to run. If it sets
// p.woken, the caller must wake that stream.
func (p *RouterPeer) take(frames [][]byte) Job {
	if p.Gozmq() && p.ahead.canceled(p.Conn, frames) {
		p.streams.canceled(frames)
		return nil
	}
	p.last = nil
	job := p.router.receiver.Receive(p, frames)
	switch {
	case job == nil:
		p.refuse(frames)
		return nil
	case job == Handled:
		if p.last != nil {
			p.last.takeRun()
			p.last = nil
		}
		return nil
	}
	p.refused.served(1)
	if !p.router.start(p) {
		job.Refuse()
		return nil
	}
	return job
}

// passOver returns true when reading can go on after err, which next or Next has
// returned with those frames. Otherwise it ends the connection.
func (p *RouterPeer) passOver(frames [][]byte, err error) bool {
	if errors.Is(err, link.ErrInterrupted) { // a stream interrupted reading
		p.Resume()
		return true
	}
	if p.tooLarge(frames, err) {
		return true
	}
	p.uncork()
	p.Close(err)
	return false
}

// Reply sends the peer the frames that appendFrames appends, with the envelope,
// even if the queue is full. It does nothing when the peer is gone. If appendFrames
// fails, it returns that error, and nothing was sent. It may be called from any
// goroutine.
func (p *RouterPeer) Reply(appendFrames func(b []byte) ([]byte, error)) error {
	b, err := p.BeginForced()
	if err != nil {
		return nil
	}
	done := false
	defer func() {
		if !done {
			p.Abort()
		}
	}()
	if b, err = appendFrames(b); err != nil {
		return err
	}
	done = true
	p.Commit(b)
	return nil
}

// refuse counts a request that had no job, and pauses after too many of them.
func (p *RouterPeer) refuse(frames [][]byte) {
	size := 0
	for _, f := range frames {
		size += len(f)
	}
	if d := p.refused.take(1, size); d > 0 {
		p.uncork()
		p.PauseReading(d)
	}
}

// run runs a job, alone or while another goroutine reads. It returns whether the
// caller is still the reader.
func (p *RouterPeer) run(job Job) (reader bool) {
	pace := job.Pace() // before Run, which may free the job
	if !pace.quick() {
		p.uncork()
		p.router.promote(p)
		p.runLong(job, pace)
		return false
	}
	return p.runQuick(job, pace)
}

// runLong runs a job while another goroutine is the reader.
func (p *RouterPeer) runLong(job Job, pace *Pace) {
	defer p.router.finish(p) // the job may end its goroutine with runtime.Goexit
	start := time.Now()
	job.Run()
	pace.note(time.Since(start))
}

// runQuick runs a job that is likely to be quick while nobody reads.
func (p *RouterPeer) runQuick(job Job, pace *Pace) (reader bool) {
	defer p.router.finish(p)
	p.cork()
	run := p.inline.Add(1)
	p.router.watch.started(p)
	defer func() { // the job may end its goroutine with runtime.Goexit
		if p.inline.CompareAndSwap(run, run+1) {
			p.router.promote(p)
		}
	}()
	job.Run()
	if p.inline.CompareAndSwap(run, run+1) {
		return true
	}
	pace.reset()
	return false
}

// replaceReader makes another goroutine the reader in place of one that runs a
// job for too long. run is the value of inline for that job.
func (p *RouterPeer) replaceReader(run uint64) {
	if p.inline.CompareAndSwap(run, run+1) {
		p.uncork()
		p.router.promote(p)
	}
}

// maxCorked is the most answers that are held back. It is small, so that the peer
// works on the first answers while the next ones are made.
const maxCorked = 8

// cork holds answers back while further requests have been read.
func (p *RouterPeer) cork() {
	if p.corked >= maxCorked {
		p.uncork()
	}
	if p.corked > 0 {
		p.corked++
	} else if p.Pending() {
		p.corked = 1
		p.Cork()
	}
}

func (p *RouterPeer) uncork() {
	if p.corked > 0 {
		p.corked = 0
		p.Uncork()
	}
}

// next returns the next request. It does not read while the peer does not read its
// answers.
func (p *RouterPeer) next() ([][]byte, error) {
	if p.corked > 0 {
		if frames, err := p.TryNext(); frames != nil || err != nil {
			return frames, err
		}
		p.uncork()
	}
	if err := p.writable.wait(); err != nil {
		return nil, err
	}
	return p.Next()
}
