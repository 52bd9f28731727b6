package pipeline

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/subscription"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// CollectorConfig is the configuration of a Collector. All fields must be set.
type CollectorConfig struct {
	Socket  link.Config
	Queue   subscription.QueueConfig // of each procedure
	Batches *BatchCounter
	// Describe returns the value of Message.Peer for a connection.
	Describe func(*link.Conn) any
	// Unclaimed reports that results of a procedure wait that nobody has asked for.
	Unclaimed func(c *link.Conn, procedure string)
}

// A Collector is the Source with at-most-once delivery: a PULL socket whose
// results, or tasks, wait in a queue of their procedure. Its methods may be called
// from any goroutine.
type Collector struct {
	cfg   CollectorConfig
	pull  *socket.BatchPull
	peers numberedPeers
	done  chan struct{} // closed by End

	mu      sync.Mutex
	version atomic.Uint64                  // one more with each change of queues
	queues  map[string]*subscription.Queue // by procedure; "" for bare framing
	change  chan struct{}                  // closed and replaced when queues changes
	closed  bool
	blocked int // messages that were read and have no queue yet
}

// NewCollector returns a Collector without peers. Shutdown must be called.
func NewCollector(cfg CollectorConfig) *Collector {
	s := &Collector{
		cfg: cfg, peers: numberedPeers{describe: cfg.Describe},
		done: make(chan struct{}), queues: make(map[string]*subscription.Queue), change: make(chan struct{}),
	}
	s.pull = socket.NewBatchPull(cfg.Socket, collecting{s})
	return s
}

// Links returns the connections.
func (s *Collector) Links() *link.Group { return s.pull.Links() }

// Each yields the messages for a procedure, "" for bare framing, until ctx ends,
// yield returns false, or all messages from before End were yielded (Source).
func (s *Collector) Each(ctx context.Context, procedure string, described bool, yield func(Message) bool, _ func(acked, reported bool)) {
	s.queue(procedure).Drain(ctx, func(p *wire.Publication) bool {
		m := Message{Task: wire.Task{Body: p.Body, Header: p.Header}}
		if described {
			m.Peer = s.peers.of(p.Topic)
		}
		return yield(m)
	})
}

// End lets nothing more into the queues.
func (s *Collector) End() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.closed = true
		close(s.done)
	}
	for _, q := range s.queues {
		q.Close()
	}
}

// Shutdown closes the connections. End has been called.
func (s *Collector) Shutdown(ctx context.Context) error { return s.pull.Shutdown(ctx) }

// Progress returns how many results wait, and how many were yielded.
func (s *Collector) Progress() (p Progress) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.Queued = s.blocked
	for _, q := range s.queues {
		waiting, taken := q.Progress()
		p.Queued += waiting
		p.Done += taken
	}
	return p
}

// queue returns the queue of a procedure's results, "" for bare framing.
func (s *Collector) queue(procedure string) *subscription.Queue {
	s.mu.Lock()
	defer s.mu.Unlock()
	in := s.queues[procedure]
	if in == nil {
		in = subscription.NewQueue(s.cfg.Queue)
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

// collecting is a Collector as its socket sees it (socket.BatchReceiver).
type collecting struct{ s *Collector }

// Receive puts each message into its method's queue. It waits while there is no
// room, or no queue yet.
func (r collecting) Receive(c *link.Conn, b *link.Batch) {
	var last place
	from := r.s.peers.number(c)
	for i := range b.Len() {
		frames := b.Message(i)
		batch, control := wire.PlainBatch(frames)
		if control {
			r.s.cfg.Batches.NoticePlain(batch)
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
		r.s.cfg.Batches.CountPlain(batch)
	}
}

// same puts a message into p if it belongs where p's message does. It returns
// false when that is not known.
func (s *Collector) same(frames [][]byte, p *place) bool {
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
// message's method; after Close it returns a place without a queue.
// left is how many of the batch wait with it.
func (r collecting) find(c *link.Conn, frames [][]byte, left int) (place, error) {
	for reported := false; ; {
		place, err := r.s.place(frames)
		if place.queue != nil || err != nil {
			return place, err
		}
		if place.unclaimed && !reported {
			reported = true
			r.s.cfg.Unclaimed(c, string(wire.Excerpt(place.result.Procedure)))
		}
		r.s.block(left)
		waited := c.WaitPaused(place.change, r.s.done)
		r.s.block(-left)
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

// block counts messages that were read and have no queue yet.
func (s *Collector) block(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.blocked += n
}

// place finds where a message belongs. Which framing to expect is known once
// someone iterates.
func (s *Collector) place(frames [][]byte) (p place, err error) {
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

// Fills returns how full the queues of the procedures are; nothing here is
// acknowledged (Source).
func (s *Collector) Fills() (list []subscription.Fill, oldest time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for procedure, q := range s.queues {
		f := q.Fill()
		f.Name = procedure
		list = append(list, f)
	}
	return list, oldest
}
