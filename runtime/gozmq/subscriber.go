package gozmq

import (
	"context"
	"fmt"
	"iter"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/prefix"
	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

type subscriberConfig struct {
	socketConfig
	queue queueConfig
}

// queueConfig bounds what waits for an iterator.
type queueConfig struct{ messages, bytes int }

var defaultQueue = queueConfig{messages: 1000, bytes: 1 << 20}

func (q queueConfig) check() error {
	if q.messages < 1 || q.bytes < 1 {
		return fmt.Errorf("WithReceiveQueue: %d messages and %d bytes, want at least 1 of each", q.messages, q.bytes)
	}
	return nil
}

func (q queueConfig) applySubscriber(c *subscriberConfig) { c.queue = q }
func (q queueConfig) applySink(c *sinkConfig)             { c.queue = q }

// WithReceiveQueue sets how many messages and bytes may wait for one iterator
// before its socket stops reading, so that the senders' queues fill in turn.
// Defaults: 1000 and 1 MiB. One message always fits.
func WithReceiveQueue(messages, bytes int) interface {
	SubscriberOption
	SinkOption
} {
	return queueConfig{messages, bytes}
}

// A Subscriber receives what publishers send under the topics that it
// subscribes to. Any number of subscriptions may run at once. One that is not
// read for long holds up the others: they share the connections. On the wire
// it is a SUB socket.
type Subscriber struct {
	sub      *socket.Sub
	observer *observer
	queue    queueConfig
	linger   time.Duration
	addrs    []string
	done     chan struct{}

	mu     sync.Mutex
	subs   prefix.Tree[*subscription]
	open   map[*subscription]struct{}
	closed bool
}

// NewSubscriber opens a subscriber. Close must be called.
func NewSubscriber(opts ...SubscriberOption) (*Subscriber, error) {
	cfg := subscriberConfig{socketConfig: newSocketConfig(zmtp.Sub), queue: defaultQueue}
	for _, o := range opts {
		o.applySubscriber(&cfg)
	}
	err := cfg.check()
	if err == nil {
		err = cfg.queue.check()
	}
	if err != nil {
		return nil, fmt.Errorf("subscriber: %w", err)
	}
	s := &Subscriber{
		observer: newObserver(cfg.observer),
		queue:    cfg.queue, linger: cfg.linger,
		done: make(chan struct{}),
		open: make(map[*subscription]struct{}),
	}
	cfg.Observe = s.observer.link(cfg.SocketType)
	s.sub = socket.NewSub(cfg.Config, receiver{s})
	if s.addrs, err = cfg.endpoints.open(s.sub.Links()); err != nil {
		s.Close()
		return nil, fmt.Errorf("subscriber: %w", err)
	}
	return s, nil
}

// Addrs returns the endpoints that were bound, with ports filled in.
func (s *Subscriber) Addrs() []string { return s.addrs }

// Close ends every subscription and closes the connections.
func (s *Subscriber) Close() error {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.done)
	}
	for sub := range s.open {
		sub.inbox.close()
	}
	s.mu.Unlock()
	err := lingering(s.linger, s.sub.Shutdown)
	s.observer.close()
	return err
}

// A Filter says which topics a subscription takes. Generated filter types and
// TopicPattern implement it.
type Filter interface{ TopicPattern() TopicPattern }

// A subscription is one running iterator.
type subscription struct {
	patterns []TopicPattern
	bare     bool
	inbox    *inbox
}

func (s *subscription) matches(topic []byte) bool {
	for i := range s.patterns {
		if s.patterns[i].matches(topic) {
			return true
		}
	}
	return s.bare
}

// Subscribe returns an iterator over the messages whose topic at least one of
// the filters takes; without filters the zero value of F takes all topics of
// its kind. Generated code calls it. The subscription begins when the iteration
// does, and ends with it, with ctx or with Close. A message that cannot be
// decoded is yielded as an error, and the iteration goes on.
func Subscribe[T any, P message[T], F Filter](ctx context.Context, s *Subscriber, filters []F) iter.Seq2[P, error] {
	patterns := make([]TopicPattern, 0, max(len(filters), 1))
	for _, f := range filters {
		patterns = append(patterns, f.TopicPattern())
	}
	if len(filters) == 0 {
		var all F
		patterns = append(patterns, all.TopicPattern())
	}
	return iterate[T, P](ctx, s, patterns, false)
}

// SubscribeBare is Subscribe for a service with bare framing, whose messages
// have no topic.
func SubscribeBare[T any, P message[T]](ctx context.Context, s *Subscriber) iter.Seq2[P, error] {
	return iterate[T, P](ctx, s, nil, true)
}

func iterate[T any, P message[T]](ctx context.Context, s *Subscriber, patterns []TopicPattern, bare bool) iter.Seq2[P, error] {
	return func(yield func(P, error) bool) {
		sub := &subscription{patterns: patterns, bare: bare, inbox: newInbox(s.queue.messages, s.queue.bytes)}
		if !s.add(sub) {
			return
		}
		defer s.remove(sub)
		drainInbox[T, P](ctx, sub.inbox, yield)
	}
}

// drainInbox decodes and yields what comes into an inbox until it is closed,
// ctx ends or yield returns false. What was not yielded stays.
func drainInbox[T any, P message[T]](ctx context.Context, in *inbox, yield func(P, error) bool) {
	var slab *slab
	for {
		if slab = in.take(ctx, slab); slab == nil {
			return
		}
		for ctx.Err() == nil {
			body, ok := slab.pop()
			if !ok {
				break
			}
			m := P(new(T))
			err := proto.Unmarshal(body, m)
			if err != nil {
				m, err = nil, Errorf(CodeDataLoss, "decode %s of %d bytes: %w", nameOf(m), len(body), err)
			}
			if !yield(m, err) {
				in.giveBack(slab)
				return
			}
		}
		if ctx.Err() != nil {
			in.giveBack(slab)
			return
		}
	}
}

// prefixes returns what a subscription sends to publishers.
func (s *subscription) prefixes() [][]byte {
	if s.bare {
		return [][]byte{{}}
	}
	list := make([][]byte, len(s.patterns))
	for i := range s.patterns {
		list[i] = s.patterns[i].prefix()
	}
	return list
}

func (s *Subscriber) add(sub *subscription) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.open[sub] = struct{}{}
	for _, p := range sub.prefixes() {
		s.subs.Add(p, sub)
		s.sub.Subscribe(p)
	}
	return true
}

func (s *Subscriber) remove(sub *subscription) {
	sub.inbox.close()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, sub)
	s.subs.RemoveAll(sub)
	for _, p := range sub.prefixes() {
		s.sub.Cancel(p)
	}
}

// A receiver hands what a Subscriber's socket has read to its subscriptions
// (socket.BatchReceiver).
type receiver struct{ s *Subscriber }

// Receive gives each message to every subscription that takes it, waiting
// where there is no room.
func (r receiver) Receive(c *link.Conn, b *link.Batch) {
	var matched []*subscription
	for i := range b.Len() {
		frames := b.Message(i)
		if len(frames) > 3 {
			c.Malformed("publication has %d frames, want a topic, a body and at most a header", len(frames))
			continue
		}
		topic, body := frames[0], frames[len(frames)-1]
		if len(frames) > 1 {
			body = frames[1]
		}
		matched = r.s.match(topic, len(frames) == 1, matched[:0])
		if len(matched) == 0 && len(frames) == 1 {
			c.Malformed("publication has 1 frame, want a topic and a body")
		}
		for _, sub := range matched {
			if !sub.inbox.putWait(c, body, r.s.done) {
				return // closed
			}
		}
	}
}

// match finds the subscriptions that take a topic, and those that are bare for
// a message of one frame.
func (s *Subscriber) match(topic []byte, single bool, to []*subscription) []*subscription {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.subs.Match(topic, func(sub *subscription) {
		if sub.bare == single && sub.matches(topic) {
			to = append(to, sub)
		}
	})
	return to
}
