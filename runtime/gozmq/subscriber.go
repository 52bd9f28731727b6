package gozmq

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/bridge"
	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/prefix"
	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

type subscriberConfig struct {
	socketConfig
	subscription subscriptionConfig // what subscriptions have by default
	memory       topicMemory
	lag          lagLimits
}

// check reports everything that is wrong with the options.
func (c *subscriberConfig) check() error {
	return errors.Join(c.socketConfig.check(), c.subscription.check(), c.memory.check(), c.lag.check())
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

func (q queueConfig) applySubscription(c *subscriptionConfig) { c.queue = q }
func (q queueConfig) applySubscriber(c *subscriberConfig)     { c.subscription.queue = q }
func (q queueConfig) applyHandler(c *handlerConfig)           { c.subscription.queue = q }
func (q queueConfig) applySink(c *sinkConfig)                 { c.queue = q }

// WithReceiveQueue sets how many messages and bytes may wait for one iterator,
// beside those that it has taken, before its socket stops reading, so that the
// senders' queues fill in turn, or what else WithOverflow says. Defaults: 1000
// and 1 MiB. One message always fits.
func WithReceiveQueue(messages, bytes int) interface {
	SubscriptionOption
	SinkOption
} {
	return queueConfig{messages, bytes}
}

// A Subscriber receives what publishers send under the topics that it
// subscribes to. Any number of subscriptions may run at once. One that is not
// read for long holds up the others, which share the connections, unless it
// drops messages (WithOverflow). On the wire it is a SUB socket.
type Subscriber struct {
	holdsSubscriber
	sub      *socket.Sub
	bodies   bodies
	observer *observer
	defaults subscriptionConfig
	memory   topicMemory
	lag      lagLimits
	linger   time.Duration
	dropped  atomic.Uint64
	addrs    []string
	done     chan struct{}
	origins  origins

	superseded atomic.Uint64
	version    atomic.Uint64 // 1 and one more with each change of subs

	mu            sync.Mutex
	values        lastValues
	subs          prefix.Tree[*subscription]
	subscriptions map[*subscription]struct{}
	closed        bool
}

// NewSubscriber opens a subscriber. Close must be called.
func NewSubscriber(opts ...SubscriberOption) (*Subscriber, error) {
	cfg := subscriberConfig{socketConfig: newSocketConfig(zmtp.Sub), subscription: defaultSubscription, memory: defaultTopicMemory}
	for _, o := range opts {
		o.applySubscriber(&cfg)
	}
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("subscriber: %w", err)
	}
	s := &Subscriber{
		bodies:   cfg.bodies(),
		observer: newObserver(cfg.observer),
		defaults: cfg.subscription, memory: cfg.memory, lag: cfg.lag, linger: cfg.linger,
		done:          make(chan struct{}),
		subscriptions: make(map[*subscription]struct{}),
	}
	s.holdsSubscriber = bridge.Hold[bridge.Subscriber[SubscriptionOption, TopicHandlerOption]]((*subscribing)(s))
	s.version.Store(1)
	cfg.Observe = s.observer.link(cfg.SocketType)
	s.values.limits, s.values.observe = cfg.memory, cfg.Observe
	s.sub = socket.NewSub(cfg.Config, receiver{s})
	s.sub.Joined = s.peerJoined
	var err error
	if s.addrs, err = cfg.endpoints.open(s.sub.Links()); err != nil {
		s.Close()
		return nil, fmt.Errorf("subscriber: %w", err)
	}
	return s, nil
}

// Addrs returns the endpoints that were bound, with ports filled in.
func (s *Subscriber) Addrs() []string { return s.addrs }

// Dropped returns how many messages subscriptions have dropped because their
// queue was full (WithOverflow).
func (s *Subscriber) Dropped() uint64 { return s.dropped.Load() }

// Ready returns when there is a publisher at every endpoint that was connected
// to, and at least one in all, and each of them has processed the subscriptions
// made before: what our Publisher publishes from then on arrives. (The
// subscription of an iterator is made when the iteration begins; that of a
// Subscription when it is opened.) A publisher of libzmq 4.2 or later has the
// subscriptions in its socket then, and heeds them when it next looks there,
// which may be a millisecond later while it sends without a pause. Ready fails
// with CodeUnimplemented when a publisher speaks ZMTP 3.0, which cannot tell,
// and all others are ready; with CodeUnavailable when an endpoint refuses us;
// and with the code of ctx's error, and what is missing, when ctx ends. It
// waits while a queue that blocks is full.
func (s *Subscriber) Ready(ctx context.Context) error {
	err := s.sub.Ready(ctx)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return Errorf(CodeOf(ctx.Err()), "subscriber is not ready: %w", err)
	case errors.Is(err, link.ErrNoPing):
		return Errorf(CodeUnimplemented, "subscriber cannot tell whether it is ready: %w", err)
	case errors.Is(err, link.ErrClosed):
		return Errorf(CodeCanceled, "the subscriber is closed")
	}
	return Errorf(CodeUnavailable, "subscriber is not ready: %w", err)
}

// Superseded returns how many messages of topics with latest_only were left out
// because a newer one came before they were yielded.
func (s *Subscriber) Superseded() uint64 { return s.superseded.Load() }

// Close ends every subscription and closes the connections.
func (s *Subscriber) Close() error {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.done)
	}
	for sub := range s.subscriptions {
		sub.inbox.close()
	}
	s.mu.Unlock()
	err := lingering(s.linger, s.sub.Shutdown)
	s.observer.close()
	return err
}

// A receiver hands what a Subscriber's socket has read to its subscriptions
// (socket.BatchReceiver).
type receiver struct{ s *Subscriber }

// Receive gives each message to every subscription that takes it, waiting
// where there is no room.
func (r receiver) Receive(c *link.Conn, b *link.Batch) {
	var last match
	var publisher uint64
	for i := range b.Len() {
		frames := b.Message(i)
		if len(frames) > 3 {
			c.Malformed("publication has %d frames, want a topic, a body and at most a header", len(frames))
			continue
		}
		a := arrivalOf(frames)
		var h publicationHeader
		if a.header != nil && h.parse(a.header) && h.numbered() && h.publisher != publisher {
			publisher = h.publisher
			r.s.origins.heard(publisher, c)
		}
		if h.retained != 0 && h.numbered() {
			r.s.matchRetained(&a, h, &last)
		} else {
			r.s.match(frames[0], len(frames) == 1, &last)
		}
		if len(last.subs) == 0 && len(frames) == 1 {
			c.Malformed("publication has 1 frame, want a topic and a body")
		}
		for _, sub := range last.newest {
			sub.inbox.putNewest(&a)
		}
		for _, sub := range last.subs {
			if !sub.inbox.putWait(c, &a, r.s.done) {
				return // closed
			}
		}
	}
}

// arrivalOf names the frames of a publication, of which there are one to three.
func arrivalOf(frames [][]byte) arrival {
	switch len(frames) {
	case 1:
		return arrival{body: frames[0]}
	case 2:
		return arrival{topic: frames[0], body: frames[1]}
	default:
		return arrival{topic: frames[0], body: frames[1], header: frames[2]}
	}
}

// A match is which subscriptions take a topic; it holds good for the messages
// behind that have the same topic.
type match struct {
	topic   []byte
	bare    bool
	version uint64 // of the subscriptions; 0: no topic was matched yet
	subs    []*subscription
	newest  []*subscription // for which only the topic's newest message counts
}

// match makes m the subscriptions that take a topic, or, for a message of one
// frame, those that are bare.
func (s *Subscriber) match(topic []byte, bare bool, m *match) {
	if m.version == s.version.Load() && m.bare == bare && bytes.Equal(m.topic, topic) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.findMatch(topic, bare, m)
}

// matchRetained is match for a message of a retained topic, which it keeps for
// subscriptions to come: these get it so, and those in m from the connection.
func (s *Subscriber) matchRetained(a *arrival, h publicationHeader, m *match) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.findMatch(a.topic, false, m)
	if s.subs.Matches(a.topic) {
		s.values.put(a, h)
	}
}

// findMatch makes m what it is to be; s.mu is held.
func (s *Subscriber) findMatch(topic []byte, bare bool, m *match) {
	m.topic, m.bare, m.version, m.subs, m.newest = topic, bare, s.version.Load(), m.subs[:0], m.newest[:0]
	s.subs.Match(topic, func(sub *subscription) {
		switch {
		case sub.bare != bare || !sub.matches(topic):
		case sub.onlyNewest(topic):
			m.newest = append(m.newest, sub)
		default:
			m.subs = append(m.subs, sub)
		}
	})
}
