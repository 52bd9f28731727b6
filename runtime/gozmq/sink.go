package gozmq

import (
	"context"
	"fmt"
	"iter"
	"sync"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

type sinkConfig struct {
	socketConfig
	queue queueConfig
}

// A Sink receives the results that workers send, or the tasks themselves where
// nothing stands between. It drops nothing: a connection whose next result no
// one iterates over, or finds the iterator's queue full, waits, and so does its
// sender in the end. Iterate over every method that has results. On the wire
// it is a PULL socket.
type Sink struct {
	pull     *socket.Collect
	observer *observer
	queue    queueConfig
	linger   time.Duration
	addrs    []string
	done     chan struct{} // closed by Close

	mu      sync.Mutex
	inboxes map[string]*inbox // by procedure; "" for bare framing
	change  chan struct{}     // closed and replaced when inboxes changes
	closed  bool
}

// NewSink opens a sink. Close must be called.
func NewSink(opts ...SinkOption) (*Sink, error) {
	cfg := sinkConfig{socketConfig: newSocketConfig(zmtp.Pull), queue: defaultQueue}
	for _, o := range opts {
		o.applySink(&cfg)
	}
	err := cfg.check()
	if err == nil {
		err = cfg.queue.check()
	}
	if err != nil {
		return nil, fmt.Errorf("sink: %w", err)
	}
	s := &Sink{
		observer: newObserver(cfg.observer),
		queue:    cfg.queue, linger: cfg.linger,
		done:    make(chan struct{}),
		inboxes: make(map[string]*inbox),
		change:  make(chan struct{}),
	}
	cfg.Observe = s.observer.link(cfg.SocketType)
	s.pull = socket.NewCollect(cfg.Config, collector{s})
	if s.addrs, err = cfg.endpoints.open(s.pull.Links()); err != nil {
		s.Close()
		return nil, fmt.Errorf("sink: %w", err)
	}
	return s, nil
}

// Addrs returns the endpoints that were bound, with ports filled in.
func (s *Sink) Addrs() []string { return s.addrs }

// Close ends every iteration and closes the connections. What was received and
// not iterated over is gone.
func (s *Sink) Close() error {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.done)
	}
	for _, in := range s.inboxes {
		in.close()
	}
	s.mu.Unlock()
	err := lingering(s.linger, s.pull.Shutdown)
	s.observer.close()
	return err
}

// Results returns an iterator over the results of one method. Generated code
// calls it. It ends with ctx or with Close. A result that cannot be decoded is
// yielded as an error, and the iteration goes on. Several iterations of one
// method share its results.
func Results[T any, P message[T]](ctx context.Context, s *Sink, m *Method) iter.Seq2[P, error] {
	name := m.Procedure
	if m.Bare {
		name = ""
	}
	return func(yield func(P, error) bool) {
		s.inbox(name).drain(ctx, func(a *arrival) bool { return yield(decodeArrival[T, P](a)) })
	}
}

// inbox returns where the messages of a procedure wait for whoever iterates
// over them.
func (s *Sink) inbox(procedure string) *inbox {
	s.mu.Lock()
	defer s.mu.Unlock()
	in := s.inboxes[procedure]
	if in == nil {
		in = newInbox(s.queue.messages, s.queue.bytes)
		s.inboxes[procedure] = in
		close(s.change)
		s.change = make(chan struct{})
		if s.closed {
			in.close()
		}
	}
	return in
}

// A collector hands what a Sink's socket has read to its inboxes
// (socket.BatchReceiver).
type collector struct{ s *Sink }

// Receive puts each message into its method's inbox, waiting where there is no
// room, or no inbox yet.
func (r collector) Receive(c *link.Conn, b *link.Batch) {
	for i := range b.Len() {
		in, body, err := r.find(c, b.Message(i))
		if err != nil {
			c.Malformed("result: %w", err)
			continue
		}
		if in == nil || !in.putWait(c, &arrival{body: body}, r.s.done) {
			return // closed
		}
	}
}

// find returns a message's inbox and its body; no inbox after Close. While no
// one has asked for its method it waits.
func (r collector) find(c *link.Conn, frames [][]byte) (*inbox, []byte, error) {
	for reported := false; ; {
		place, err := r.s.place(frames)
		if place.inbox != nil || err != nil {
			return place.inbox, place.body, err
		}
		if place.unclaimed && !reported {
			reported = true
			r.s.observer.observe(Event{
				Kind: EventUnclaimed, Socket: string(zmtp.Pull), Endpoint: c.Endpoint(), Peer: c.Address(), Method: string(cut(place.method)),
			})
		}
		if !waitPaused(c, place.change, r.s.done) {
			return nil, nil, nil
		}
	}
}

// A place is where a message belongs.
type place struct {
	inbox        *inbox // nil: wait for change
	method, body []byte
	unclaimed    bool // someone iterates, but not over this method
	change       <-chan struct{}
}

// place finds where a message belongs. Which framing to expect is known once
// someone iterates.
func (s *Sink) place(frames [][]byte) (p place, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.change = s.change
	if len(s.inboxes) == 0 {
		return p, nil
	}
	if p.method, p.body, err = splitTask(frames, s.inboxes[""] != nil); err != nil {
		return p, err
	}
	p.inbox = s.inboxes[string(p.method)]
	p.unclaimed = p.inbox == nil
	return p, nil
}
