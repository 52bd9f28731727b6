package gozmq

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/pipeline"
	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/subscription"
	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A plainSink is the source of a sink with DeliveryAtMostOnce: a PULL socket.
type plainSink struct {
	pull     *socket.BatchPull
	observer *observer
	queue    queueConfig
	batches  *pipeline.BatchCounter
	peers    numberedPeers
	done     chan struct{} // closed by end

	mu      sync.Mutex
	blocked atomic.Int64                   // messages that were read and have no queue yet
	version atomic.Uint64                  // one more with each change of queues
	queues  map[string]*subscription.Queue // by procedure; "" for bare framing
	change  chan struct{}                  // closed and replaced when queues changes
	closed  bool
}

func newPlainSink(cfg *sinkConfig, o *observer) *plainSink {
	s := &plainSink{
		observer: o, queue: cfg.queue, batches: pipeline.NewBatchCounter(batchReporter(cfg.onBatch, cfg.SocketType, o), false),
		done:   make(chan struct{}),
		queues: make(map[string]*subscription.Queue),
		change: make(chan struct{}),
	}
	cfg.Observe = o.link(cfg.SocketType)
	s.pull = socket.NewBatchPull(cfg.Config, collector{s})
	return s
}

// iterate yields what a method's queue has. As its topic, an entry has the number of
// the connection that it came from.
func (s *plainSink) iterate(ctx context.Context, m *Method, described bool, yield func(sinkMessage) bool) {
	s.queueOf(m).Drain(ctx, func(p *wire.Publication) bool {
		message := sinkMessage{Task: wire.Task{Body: p.Body, Header: p.Header}}
		if described {
			message.peer = s.peers.peer(p.Topic)
		}
		return yield(message)
	})
}

func (s *plainSink) links() *link.Group { return s.pull.Links() }

func (s *plainSink) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.closed = true
		close(s.done)
	}
	for _, in := range s.queues {
		in.Close()
	}
}

func (s *plainSink) shutdown(ctx context.Context) error { return s.pull.Shutdown(ctx) }

func (s *plainSink) progress() (p Progress) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.Queued = int(s.blocked.Load())
	for _, in := range s.queues {
		queued, taken := in.Progress()
		p.Queued += queued
		p.Done += taken
	}
	return p
}

// queueOf returns the queue of a method's results.
func (s *plainSink) queueOf(m *Method) *subscription.Queue {
	if m.Bare {
		return s.queueNamed("")
	}
	return s.queueNamed(m.Procedure)
}

// queueNamed returns the queue of a procedure's results, "" for bare framing.
func (s *plainSink) queueNamed(procedure string) *subscription.Queue {
	s.mu.Lock()
	defer s.mu.Unlock()
	in := s.queues[procedure]
	if in == nil {
		in = subscription.NewQueue(subscription.QueueConfig{Messages: s.queue.messages, Bytes: s.queue.bytes})
		s.queues[procedure] = in
		s.version.Add(1)
		close(s.change)
		s.change = make(chan struct{})
		if s.closed {
			in.Close()
		}
	}
	return in
}

// A collector queues what a plainSink's socket has read (socket.BatchReceiver).
type collector struct{ s *plainSink }

// Receive puts each message into its method's queue. It waits while there is no
// room, or no queue yet.
func (r collector) Receive(c *link.Conn, b *link.Batch) {
	var last place
	from := r.s.peers.number(c)
	for i := range b.Len() {
		frames := b.Message(i)
		batch, control := wire.PlainBatch(frames)
		if control {
			r.s.batches.NoticePlain(batch)
			continue
		}
		if !r.s.same(frames, &last) {
			var err error
			if last, err = r.find(c, frames, b.Len()-i); err != nil {
				c.Malformed("result: %w", err)
				continue
			}
		}
		if last.queue == nil || !last.queue.Put(c, &wire.Publication{Topic: from[:], Body: last.result.Body, Header: last.result.Header}, r.s.done) {
			return // closed
		}
		r.s.batches.CountPlain(batch)
	}
}

// same puts a message into p if it belongs where p's message does. It returns
// false when that is not known.
func (s *plainSink) same(frames [][]byte, p *place) bool {
	if p.queue == nil || p.version != s.version.Load() {
		return false
	}
	result, same := wire.SamePlainProcedure(frames, p.bare, p.result.Procedure)
	if same {
		p.result = result
	}
	return same
}

// find returns where a message belongs. It waits while nobody has asked for the
// message's method; after Close it returns a place without a queue. left is how many
// of the batch wait with it.
func (r collector) find(c *link.Conn, frames [][]byte, left int) (place, error) {
	for reported := false; ; {
		place, err := r.s.place(frames)
		if place.queue != nil || err != nil {
			return place, err
		}
		if place.unclaimed && !reported {
			reported = true
			r.s.observer.observe(Event{
				Kind: EventUnclaimed, SocketType: string(zmtp.Pull), Endpoint: c.Endpoint(), Peer: c.Address(), Procedure: string(wire.Excerpt(place.result.Procedure)),
			})
		}
		r.s.blocked.Add(int64(left))
		waited := c.WaitPaused(place.change, r.s.done)
		r.s.blocked.Add(-int64(left))
		if !waited {
			return place, nil
		}
	}
}

// A place is where a message belongs.
type place struct {
	queue     *subscription.Queue // nil: wait for change
	result    wire.PlainTask
	bare      bool   // the framing
	version   uint64 // of the queues
	unclaimed bool   // someone iterates, but not over this method
	change    <-chan struct{}
}

// place finds where a message belongs. Which framing to expect is known once
// someone iterates.
func (s *plainSink) place(frames [][]byte) (p place, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.change = s.change
	if len(s.queues) == 0 {
		return p, nil
	}
	p.version, p.bare = s.version.Load(), s.queues[""] != nil
	if p.result, err = wire.ParsePlainTask(frames, p.bare); err != nil {
		return p, err
	}
	p.queue = s.queues[string(p.result.Procedure)]
	p.unclaimed = p.queue == nil
	return p, nil
}
