package socket

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/throttle"
)

// A RouterPeer is one connection of a router. One goroutine at a time is its
// reader and owns the fields below.
type RouterPeer struct {
	*link.Conn
	// Context ends with the connection.
	Context context.Context
	// Value is whatever the Receiver keeps for the connection; nil at first.
	Value any

	router   *Router
	writable writable

	serving   bool            // the reader is the goroutine of Serve
	detained  bool            // the goroutine of Serve runs a job that takes long
	oversized throttle.Bucket // of requests that are too large
	corked    int             // answers held back since the last write
	seen      atomic.Uint64   // the watch's looks, and one, when it was told of a job last

	// inline is odd while the reader runs a job itself. Who moves it to the
	// next even number, the reader when the job has run or the watch when that
	// takes too long, is or chooses the reader from then on.
	inline atomic.Uint64
}

// Serve reads a connection until it ends (link.Handler).
func (r *Router) Serve(c *link.Conn) error {
	ctx, cancel := context.WithCancelCause(r.base)
	c.OnClose(cancel)
	p := &RouterPeer{Conn: c, Context: ctx, router: r, writable: newWritable(c), serving: true}
	c.Ready()
	defer func() { <-c.Closed() }() // others may be reading, and jobs may have answers to send
	p.read()
	<-c.Closed()
	return c.Err()
}

// read reads requests until the connection ends or, because a request that was
// read had to be run, another goroutine reads on.
func (p *RouterPeer) read() {
	for {
		frames, err := p.next()
		if err != nil {
			if p.tooLarge(frames, err) {
				continue
			}
			p.uncork()
			p.Close(err)
			if p.detained {
				p.Leave()
			}
			return
		}
		job := p.router.receiver.Receive(p, frames)
		if job == nil {
			continue
		}
		if !p.router.start() {
			job.Refuse()
			continue
		}
		if !p.run(job) {
			return
		}
	}
}

// run runs a job, here or beside another reader. It returns whether the caller
// still is the reader.
func (p *RouterPeer) run(job Job) (reader bool) {
	pace := job.Pace() // before it runs: then it may be gone
	if !pace.quick() {
		p.uncork()
		serving := p.serving
		p.serving = false
		p.router.promote(p)
		if serving {
			// Serve must see the connection's end, however long the job takes.
			p.router.readers.Go(func() { p.runLong(job, pace) })
		} else {
			p.runLong(job, pace)
		}
		return false
	}
	return p.runQuick(job, pace)
}

// runLong runs a job while another goroutine is the reader.
func (p *RouterPeer) runLong(job Job, pace *Pace) {
	defer p.router.finish() // the job may end its goroutine with runtime.Goexit
	start := time.Now()
	job.Run()
	pace.note(time.Since(start))
}

// runQuick runs a job that is likely to be quick while no one reads.
func (p *RouterPeer) runQuick(job Job, pace *Pace) (reader bool) {
	defer p.router.finish()
	p.cork()
	turn := p.inline.Add(1)
	p.router.watch.begin(p)
	defer func() { // the job may end its goroutine with runtime.Goexit
		if p.inline.CompareAndSwap(turn, turn+1) {
			p.router.promote(p)
		}
	}()
	job.Run()
	if p.inline.CompareAndSwap(turn, turn+1) {
		return true
	}
	pace.reset()
	return false
}

// free gives the role of the reader, which the job of that turn has held for too
// long, to someone else.
func (p *RouterPeer) free(turn uint64) {
	if p.inline.CompareAndSwap(turn, turn+1) {
		p.uncork()
		p.serving, p.detained = false, p.serving || p.detained
		p.router.promote(p)
	}
}

// maxCorked is how many answers are held back at most: few, so that the peer
// works on the first ones while the next ones are made.
const maxCorked = 8

// cork holds answers back while there are more requests to answer.
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

// next returns the next request. While the peer does not read its answers no
// more of its requests are read.
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
