package gozmq

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/bridge"
	"github.com/gozmq/gozmq/runtime/internal/handshake"
	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/subscription"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

type subscriberConfig struct {
	socketConfig
	subscription subscriptionConfig // defaults of subscriptions
	memory       topicMemory
	interceptors interceptorOption
	lag          lagLimits
}

// Options from other files that NewSubscriber takes.

func (o socketOption) applySubscriber(c *subscriberConfig) { o(&c.socketConfig) }
func (e Endpoints) applySubscriber(c *subscriberConfig)    { e.add(&c.endpoints) }
func (o codecOption) applySubscriber(c *subscriberConfig)  { o.apply(&c.socketConfig) }
func (o lagReport) applySubscriber(c *subscriberConfig)    { c.lag.report = time.Duration(o) }
func (o lagEnd) applySubscriber(c *subscriberConfig)       { c.lag.end = time.Duration(o) }
func (o topicMemory) applySubscriber(c *subscriberConfig)  { c.memory = o }
func (o interceptorOption) applySubscriber(c *subscriberConfig) {
	c.interceptors = append(c.interceptors, o...)
}

// check reports everything that is wrong with the options.
func (c *subscriberConfig) check() error {
	return errors.Join(c.socketConfig.check(), c.subscription.check(), c.memory.check(), c.lag.check(), c.interceptors.check())
}

// queueConfig bounds the receive queue of one iterator.
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

// A ReceiveOption is an option of a subscription and of NewSink.
type ReceiveOption interface {
	SubscriptionOption
	SinkOption
}

// WithReceiveQueue limits how many messages and bytes wait for one iterator,
// besides those that the iterator has taken. When the queue is full, the socket
// stops reading, so that the senders' queues fill in turn; WithOverflow can
// change that. One message always fits. Defaults: 1000 and 1 MiB.
func WithReceiveQueue(messages, bytes int) ReceiveOption { return queueConfig{messages, bytes} }

// A Subscriber receives the messages that publishers send under the topics to
// which it subscribes. Any number of subscriptions may run at once. They share
// the connections: a subscription that nobody iterates over holds up the others
// once its queue is full, unless it drops messages (WithOverflow). Its methods
// may be called from any goroutine. On the wire it is a SUB socket.
type Subscriber struct {
	holdsSubscriber
	hub      *subscription.Hub
	methods  methodCounters
	sub      *socket.Sub
	bodies   bodies
	observer *observer
	defaults subscriptionConfig
	linger   time.Duration
	addrs    []string
	role     roleState

	interceptor Interceptor // nil: there is none
	connected   *subscription.Connections
}

// NewSubscriber opens a subscriber. Close must be called.
func NewSubscriber(opts ...SubscriberOption) (*Subscriber, error) {
	cfg := subscriberConfig{socketConfig: newSocketConfig(zmtp.Sub, handshake.RoleSubscriber), subscription: defaultSubscription, memory: defaultTopicMemory}
	for _, o := range opts {
		o.applySubscriber(&cfg)
	}
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("subscriber: %w", err)
	}
	s := &Subscriber{defaults: cfg.subscription, linger: cfg.linger, interceptor: cfg.interceptors.chain(), connected: subscription.NewConnections()}
	s.observer = newObserver(cfg.observer, &s.role)
	s.bodies = cfg.bodies(s.observer)
	s.holdsSubscriber = bridge.Hold[bridge.Subscriber[SubscriptionOption, TopicHandlerOption, Method, Event]]((*subscribing)(s))
	s.hub = subscription.New(subscription.Config{
		Socket: subscriberSocket{s},
		Topics: cfg.memory.bounds(),
		Lag:    subscription.LagLimits{Report: cfg.lag.report, End: cfg.lag.end},
		Events: subscription.Events{Evicted: s.observeEvicted, Overflow: s.observeOverflow},
	})
	cfg.Observe, cfg.Runs = s.observer.link(cfg.SocketType), true
	s.sub = socket.NewSub(cfg.Config, receiver{s.hub})
	s.sub.Joined, s.sub.Left = s.joined, s.left
	var err error
	if s.addrs, err = cfg.endpoints.open(s.sub.Links()); err != nil {
		s.Close()
		return nil, fmt.Errorf("subscriber: %w", err)
	}
	return s, nil
}

// A subscriberSocket is the socket of a Subscriber as its hub uses it
// (subscription.Socket).
type subscriberSocket struct{ s *Subscriber }

func (k subscriberSocket) Subscribe(prefix []byte) { k.s.sub.Subscribe(prefix) }
func (k subscriberSocket) Cancel(prefix []byte)    { k.s.sub.Cancel(prefix) }
func (k subscriberSocket) Together(f func())       { k.s.sub.Together(f) }
func (k subscriberSocket) Peers() int              { return k.s.sub.Peers() }

// A receiver hands what a Subscriber's socket has read to its hub
// (socket.BatchReceiver).
type receiver struct{ hub *subscription.Hub }

func (r receiver) Receive(c *link.Conn, b *link.Batch) { r.hub.Receive(c, b) }

// TooLarge passes on that a message was skipped (socket.OversizedReceiver).
func (r receiver) TooLarge(c *link.Conn, frames [][]byte, err *zmtp.SizeError) {
	r.hub.TooLarge(c, frames, err.Size, err.Limit)
}

func (s *Subscriber) observeEvicted(topic string) {
	s.observer.observe(Event{Kind: EventForgotten, SocketType: string(zmtp.Sub), Topic: topic})
}

func (s *Subscriber) observeOverflow(pattern string, count int) {
	s.observer.observe(Event{Kind: EventOverflow, SocketType: string(zmtp.Sub), Topic: pattern, Count: count, Err: errOverflow})
}

// Addrs returns the bound endpoints, with ports filled in.
func (s *Subscriber) Addrs() []string { return s.addrs }

// Dropped returns how many messages subscriptions have dropped because their
// queue was full (WithOverflow).
func (s *Subscriber) Dropped() uint64 { return s.hub.Dropped() }

// Superseded returns how many messages of latest_only topics were not yielded
// because a newer message replaced them.
func (s *Subscriber) Superseded() uint64 { return s.hub.Superseded() }

// Ready waits until every connected endpoint has a publisher, at least one in
// all, and each publisher has processed all subscriptions made before the call.
// Then every message that a gozmq Publisher publishes from now on arrives; a
// libzmq publisher may need another millisecond. An iterator subscribes when
// the iteration begins, a Subscription when it is opened.
//
// Ready fails with CodeUnavailable when an endpoint refuses us, with
// CodeUnimplemented when a publisher speaks ZMTP 3.0, which has no way to
// confirm subscriptions, and all others are ready, with CodeCanceled when s is
// closed, and with the code of ctx's error when ctx ends. It does not return
// while a full queue blocks the connection.
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

// Close ends every subscription and closes the connections. Running iterations
// yield the messages that wait and end without an error; later ones yield an
// error with CodeCanceled.
func (s *Subscriber) Close() error {
	s.hub.Close()
	err := lingering(s.linger, s.sub.Shutdown)
	s.observer.close()
	return err
}

// Connected says whether a Subscriber has publishers.
type Connected struct {
	// Publishers is how many are connected now; behind a Proxy the proxy counts as
	// one.
	Publishers int
	// Since is when the Subscriber got its first publisher or, if Publishers is 0,
	// when it lost its last one; before it had any, when it was opened.
	Since time.Time
	// LastReceived is when something last came from any publisher, a heartbeat or a
	// message, to within a quarter of the heartbeat interval (WithHeartbeat); zero
	// before the first publisher.
	LastReceived time.Time
}

// Connected returns whether s has publishers, since when, and when anything last
// came from one. EventConnected and EventDisconnected say when it may have changed,
// and with WithIdleError a loop gets an error when nothing comes. Ready waits for
// publishers.
func (s *Subscriber) Connected() Connected {
	n, since, received := s.connected.State()
	return Connected{Publishers: n, Since: since, LastReceived: received}
}

// joined records a publisher, before anything is received from it.
func (s *Subscriber) joined(c *link.Conn) {
	c.Tag = peerOf(c)
	s.connected.Joined(c)
	s.hub.PeerJoined()
}

// left records the end of a publisher's connection, and passes on the reason
// that the publisher gave, if it did.
func (s *Subscriber) left(c *link.Conn, err error) {
	s.connected.Left(c)
	var ended *link.EndedError
	if errors.As(err, &ended) {
		s.hub.PeerEnded(c.Endpoint(), ended)
	}
}
