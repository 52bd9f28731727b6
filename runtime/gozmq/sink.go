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
// nothing stands between. It drops nothing: what no one iterates over waits,
// and when its queue is full the senders wait. On the wire it is a PULL socket.
type Sink struct {
	pull     *socket.Pull
	observer *observer
	queue    queueConfig
	linger   time.Duration
	addrs    []string

	stop    context.CancelFunc // of dispatch
	stopped sync.WaitGroup

	mu      sync.Mutex
	inboxes map[string]*inbox // by procedure; "" for bare framing
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
		observer: newObserver(cfg.SocketType, cfg.observer),
		queue:    cfg.queue, linger: cfg.linger,
		inboxes: make(map[string]*inbox),
	}
	cfg.Observe = s.observer.link()
	s.pull = socket.NewPull(cfg.Config, pullWindow)
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.stopped.Go(func() { s.dispatch(ctx) })
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
	s.closed = true
	for _, in := range s.inboxes {
		in.close()
	}
	s.mu.Unlock()
	s.stop()
	err := lingering(s.linger, s.pull.Shutdown)
	s.stopped.Wait()
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
		drainInbox[T, P](ctx, s.inbox(name), yield)
	}
}

// inbox returns where the messages of a procedure wait.
func (s *Sink) inbox(procedure string) *inbox {
	s.mu.Lock()
	defer s.mu.Unlock()
	in := s.inboxes[procedure]
	if in == nil {
		in = newInbox(s.queue.messages, s.queue.bytes)
		s.inboxes[procedure] = in
		if s.closed {
			in.close()
		}
	}
	return in
}

// dispatch moves messages from the socket to the inboxes.
func (s *Sink) dispatch(ctx context.Context) {
	for {
		b, first, c, err := s.pull.RecvBatch(ctx)
		if err != nil {
			return
		}
		for i := first; i < b.Len(); i++ {
			if !s.deliver(ctx, c, b.Message(i)) {
				break
			}
		}
		b.Release()
	}
}

// deliver waits while the inbox is full; it returns false when ctx has ended.
func (s *Sink) deliver(ctx context.Context, c *link.Conn, frames [][]byte) bool {
	method, body, err := splitTask(frames, len(frames) == 1)
	if err != nil {
		c.Malformed("result: %w", err)
		return true
	}
	in := s.lookup(method)
	if in == nil {
		c.Malformed("result of method %q: %d methods are known, no more are taken", cut(method), maxMethods)
		return true
	}
	for full := in.put(body); full != nil; full = in.put(body) {
		select {
		case <-full:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// maxMethods is how many methods a sink keeps results of: a peer must not make
// it keep any number.
const maxMethods = 1024

func (s *Sink) lookup(method []byte) *inbox {
	s.mu.Lock()
	in, n := s.inboxes[string(method)], len(s.inboxes)
	s.mu.Unlock()
	if in == nil && n < maxMethods {
		in = s.inbox(string(method))
	}
	return in
}
