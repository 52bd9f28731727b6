package gozmq

import (
	"bytes"
	"context"
	"sync"
	"sync/atomic"

	gozmqv1 "github.com/gozmq/gozmq/proto/gozmq/v1"
	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A plainSink is the source of a sink that takes results at most once: a PULL
// socket.
type plainSink struct {
	pull     *socket.Collect
	observer *observer
	queue    queueConfig
	batches  *batchTally
	done     chan struct{} // closed by end

	mu      sync.Mutex
	version atomic.Uint64     // one more with each change of inboxes
	inboxes map[string]*inbox // by procedure; "" for bare framing
	change  chan struct{}     // closed and replaced when inboxes changes
	closed  bool
}

func newPlainSink(cfg *sinkConfig, o *observer) *plainSink {
	s := &plainSink{
		observer: o, queue: cfg.queue, batches: newBatchTally(cfg.batchStatus),
		done:    make(chan struct{}),
		inboxes: make(map[string]*inbox),
		change:  make(chan struct{}),
	}
	cfg.Observe = o.link(cfg.SocketType)
	s.pull = socket.NewCollect(cfg.Config, collector{s})
	return s
}

func (s *plainSink) links() *link.Group { return s.pull.Links() }

func (s *plainSink) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.closed = true
		close(s.done)
	}
	for _, in := range s.inboxes {
		in.close()
	}
}

func (s *plainSink) shutdown(ctx context.Context) error { return s.pull.Shutdown(ctx) }

func (s *plainSink) progress() (p Progress) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, in := range s.inboxes {
		queued, taken := in.progress()
		p.Queued += queued
		p.Done += taken
	}
	return p
}

// inboxOf returns where the results of a method wait for whoever iterates over
// them.
func (s *plainSink) inboxOf(m *Method) *inbox {
	if m.Bare {
		return s.inbox("")
	}
	return s.inbox(m.Procedure)
}

// inbox returns where the messages of a procedure wait for whoever iterates
// over them.
func (s *plainSink) inbox(procedure string) *inbox {
	s.mu.Lock()
	defer s.mu.Unlock()
	in := s.inboxes[procedure]
	if in == nil {
		in = newInbox(s.queue)
		s.inboxes[procedure] = in
		s.version.Add(1)
		close(s.change)
		s.change = make(chan struct{})
		if s.closed {
			in.close()
		}
	}
	return in
}

// A collector hands what a plainSink's socket has read to its inboxes
// (socket.BatchReceiver).
type collector struct{ s *plainSink }

// Receive puts each message into its method's inbox, waiting where there is no
// room, or no inbox yet.
func (r collector) Receive(c *link.Conn, b *link.Batch) {
	var last place
	for i := range b.Len() {
		frames := b.Message(i)
		var batch *gozmqv1.Batch
		if len(frames) == 3 {
			batch = batchIn(frames[2])
		}
		if batch != nil && len(frames[0]) == 0 {
			r.s.batches.hearAlone(batch)
			continue
		}
		if !r.s.same(frames, &last) {
			var err error
			if last, err = r.find(c, frames); err != nil {
				c.Malformed("result: %w", err)
				continue
			}
		}
		if last.inbox == nil || !last.inbox.putWait(c, &arrival{body: last.body}, r.s.done) {
			return // closed
		}
		r.s.batches.countAlone(batch)
	}
}

// same makes the body of p that of a message which belongs where p is; false:
// that is not known.
func (s *plainSink) same(frames [][]byte, p *place) bool {
	if p.inbox == nil || p.version != s.version.Load() {
		return false
	}
	method, body, err := splitTask(frames, p.bare)
	if err != nil || !bytes.Equal(method, p.method) {
		return false
	}
	p.body = body
	return true
}

// find returns where a message belongs; without an inbox after Close. While no
// one has asked for its method it waits.
func (r collector) find(c *link.Conn, frames [][]byte) (place, error) {
	for reported := false; ; {
		place, err := r.s.place(frames)
		if place.inbox != nil || err != nil {
			return place, err
		}
		if place.unclaimed && !reported {
			reported = true
			r.s.observer.observe(Event{
				Kind: EventUnclaimed, SocketType: string(zmtp.Pull), Endpoint: c.Endpoint(), Peer: c.Address(), Procedure: string(cut(place.method)),
			})
		}
		if !waitPaused(c, place.change, r.s.done) {
			return place, nil
		}
	}
}

// A place is where a message belongs.
type place struct {
	inbox        *inbox // nil: wait for change
	method, body []byte
	bare         bool   // the framing
	version      uint64 // of the inboxes
	unclaimed    bool   // someone iterates, but not over this method
	change       <-chan struct{}
}

// place finds where a message belongs. Which framing to expect is known once
// someone iterates.
func (s *plainSink) place(frames [][]byte) (p place, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.change = s.change
	if len(s.inboxes) == 0 {
		return p, nil
	}
	p.version, p.bare = s.version.Load(), s.inboxes[""] != nil
	if p.method, p.body, err = splitTask(frames, p.bare); err != nil {
		return p, err
	}
	p.inbox = s.inboxes[string(p.method)]
	p.unclaimed = p.inbox == nil
	return p, nil
}
