package gozmq

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/internal/bridge"
	"github.com/gozmq/gozmq/runtime/internal/topic"
)

// subscriptionConfig is what the options of one subscription set.
type subscriptionConfig struct {
	queue    queueConfig
	overflow Overflow
}

var defaultSubscription = subscriptionConfig{queue: defaultQueue}

func (c *subscriptionConfig) check() error {
	if err := c.queue.check(); err != nil {
		return err
	}
	if c.overflow > DropNewest {
		return fmt.Errorf("WithOverflow: %v, want Block, DropOldest or DropNewest", c.overflow)
	}
	return nil
}

type subscriptionOption func(*subscriptionConfig)

func (o subscriptionOption) applySubscription(c *subscriptionConfig) { o(c) }
func (o subscriptionOption) applySubscriber(c *subscriberConfig)     { o(&c.subscription) }
func (o subscriptionOption) applyHandler(c *handlerConfig)           { o(&c.subscription) }

// A Subscription receives the messages of one kind whose topic at least one of
// its filters takes. It begins when it is opened and goes on, with messages
// waiting, until Close; nobody need iterate. Its methods may be called from any
// goroutine. Generated code opens one.
type Subscription[M proto.Message, F Filter] interface {
	// Add makes the subscription take the topics of the filters, too. A filter
	// that it has already changes nothing.
	Add(filters ...F)
	// Remove ends an Add of the same filters, or their place at the opening; one
	// that the subscription does not have changes nothing. Messages that have
	// come before stay. Without any filter the subscription receives nothing
	// until the next Add.
	Remove(filters ...F)
	// All returns an iterator over the messages that have come and come. It ends
	// with ctx; when the subscription or the Subscriber is closed it ends after
	// the messages that have come. A message that cannot be decoded is yielded as
	// an error, and iteration goes on. Another call continues where the last one
	// left; one that begins before that waits for it to end.
	All(ctx context.Context) iter.Seq2[M, error]
	// Dropped returns how many messages the subscription's policy has dropped
	// (WithOverflow).
	Dropped() uint64
	// Close ends the subscription.
	Close() error
}

// holdsSubscriber is what gozmqimpl finds in a Subscriber.
type holdsSubscriber = bridge.Held[bridge.Subscriber[SubscriptionOption, TopicHandlerOption]]

// subscribing is a Subscriber as gozmqimpl sees it (bridge.Subscriber).
type subscribing Subscriber

// Open begins a subscription. It fails when an option is wrong, and with
// CodeCanceled when the subscriber is closed.
func (s *subscribing) Open(patterns []topic.Pattern, bare bool, opts []SubscriptionOption) (bridge.Subscription, error) {
	sub, err := (*Subscriber)(s).open(patterns, bare, opts)
	if err != nil {
		return nil, err
	}
	return (*opened)(sub), nil
}

// An opened is a subscription as gozmqimpl sees it (bridge.Subscription).
type opened subscription

func (o *opened) Add(p topic.Pattern)    { (*subscription)(o).take(p) }
func (o *opened) Remove(p topic.Pattern) { (*subscription)(o).giveUp(p) }
func (o *opened) Dropped() uint64        { return o.drops.total.Load() }

func (o *opened) Each(ctx context.Context, fresh func() proto.Message, yield func(proto.Message, error) bool) {
	(*subscription)(o).each(ctx,
		func(a *arrival) bool { return yield(decodeArrival(&o.subscriber.bodies, a, fresh)) },
		func(_ *arrival, err error) bool { return yield(nil, err) })
}

func (o *opened) Close() error {
	(*subscription)(o).close()
	return nil
}

// decodeArrival decodes an arrival's body into a message that fresh makes.
func decodeArrival(c *bodies, a *arrival, fresh func() proto.Message) (proto.Message, error) {
	m := fresh()
	if err := c.decode(a.body, m); err != nil {
		return nil, Errorf(CodeDataLoss, "decode %s of %d bytes: %w", nameOf(m), len(a.body), err)
	}
	return m, nil
}

// A subscription is what one iterator, Subscription or handler receives.
type subscription struct {
	subscriber *Subscriber
	name       string // what it took first, for people to read
	bare       bool
	inbox      *inbox
	drops      drops

	turn  chan struct{} // has room for whoever is in each
	track *tracker      // theirs
	kept  *keptArrival  // theirs

	patterns    []topic.Pattern // each once; subscriber.mu guards them
	resumptions *resumptions
	running     bool // has what it was opened with
	closed      bool // subscriber.mu guards it
	watches     bool // for peers; subscriber.mu guards it
}

// open begins a subscription; close must be called.
func (s *Subscriber) open(patterns []topic.Pattern, bare bool, opts []SubscriptionOption) (*subscription, error) {
	cfg := s.defaults
	for _, o := range opts {
		o.applySubscription(&cfg)
	}
	return s.openWith(cfg, patterns, bare)
}

func (s *Subscriber) openWith(cfg subscriptionConfig, patterns []topic.Pattern, bare bool) (*subscription, error) {
	if err := cfg.check(); err != nil {
		return nil, Errorf(CodeInvalidArgument, "subscription: %w", err)
	}
	sub := &subscription{subscriber: s, bare: bare, turn: make(chan struct{}, 1), track: newTracker(s.memory, s.lag, &s.origins), resumptions: newResumptions()}
	sub.inbox = newInbox(cfg.queue)
	sub.inbox.overflow, sub.inbox.drop, sub.inbox.settled = cfg.overflow, sub.drop, sub.reportDrops
	sub.inbox.newest.limits, sub.inbox.newest.superseded = s.memory, &s.superseded
	if len(patterns) > 0 {
		sub.name = patterns[0].String()
	}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil, Errorf(CodeCanceled, "subscription: the subscriber is closed")
	}
	s.subscriptions[sub] = struct{}{}
	if bare {
		s.subscribe(sub, nil)
	}
	s.mu.Unlock()
	for _, p := range patterns {
		sub.take(p)
	}
	sub.running = true
	return sub, nil
}

// each gives what comes to take, and what is to be said before a message to
// tell, each arrival valid during the call, until one of them returns false,
// the subscription is closed or ctx ends. Calls take turns.
func (s *subscription) each(ctx context.Context, take func(*arrival) bool, tell func(*arrival, error) bool) {
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return
	}
	defer func() {
		if s.track.ended {
			s.close()
		}
		<-s.turn
	}()
	if k := s.kept; k != nil && ctx.Err() == nil {
		s.kept = nil
		if !s.pass(&k.arrival, k.errs, take, tell) {
			return
		}
	}
	if s.track.ended {
		return
	}
	s.inbox.drain(ctx, func(a *arrival) bool {
		if s.resumptions.marks(a) {
			s.resume(a)
			return true
		}
		fresh, errs := s.track.check(a)
		if len(errs) == 0 {
			return !fresh || take(a)
		}
		return s.pass(a, errs, take, tell) && !s.track.ended
	})
}

// A keptArrival is a message that was not passed on because the loop ended with
// what was said before it.
type keptArrival struct {
	arrival
	errs []error // that were not told yet
}

// pass tells errs and has a taken, unless the subscription has ended with them.
func (s *subscription) pass(a *arrival, errs []error, take func(*arrival) bool, tell func(*arrival, error) bool) bool {
	for i, err := range errs {
		if !tell(a, err) {
			if !s.track.ended || i+1 < len(errs) {
				s.kept = &keptArrival{a.clone(), errs[i+1:]}
			}
			return false
		}
	}
	return !s.track.ended && take(a)
}

// matches reports whether the subscription takes a topic; subscriber.mu is
// held.
func (s *subscription) matches(name []byte) bool {
	for i := range s.patterns {
		if s.patterns[i].Matches(name) {
			return true
		}
	}
	return s.bare
}

// onlyNewest reports whether all patterns that take a topic say that only its
// newest message counts; subscriber.mu is held.
func (s *subscription) onlyNewest(name []byte) bool {
	only := !s.bare
	for i := range s.patterns {
		if s.patterns[i].Matches(name) {
			only = only && s.patterns[i].LatestOnly
		}
	}
	return only
}

// take adds a pattern, unless it is there or the subscription is closed.
func (s *subscription) take(p topic.Pattern) {
	all := s.subscriber
	all.mu.Lock()
	defer all.mu.Unlock()
	if s.closed || all.closed || s.bare || slices.ContainsFunc(s.patterns, p.Equal) {
		return
	}
	s.begin(p)
	s.patterns = append(s.patterns, p)
	all.subscribe(s, p.Prefix())
}

// giveUp removes a pattern, if it is there.
func (s *subscription) giveUp(p topic.Pattern) {
	all := s.subscriber
	all.mu.Lock()
	defer all.mu.Unlock()
	i := slices.IndexFunc(s.patterns, p.Equal)
	if i < 0 || s.closed {
		return
	}
	s.patterns = slices.Delete(s.patterns, i, i+1)
	prefix := p.Prefix()
	if !slices.ContainsFunc(s.patterns, func(other topic.Pattern) bool { return string(other.Prefix()) == string(prefix) }) {
		all.subs.Remove(prefix, s)
	}
	all.version.Add(1)
	all.cancel(prefix)
}

// cancel ends one subscription to prefix, after subs no longer has it; s.mu is
// held.
func (s *Subscriber) cancel(prefix []byte) {
	s.values.release(prefix, s.subs.Matches)
	s.sub.Cancel(prefix)
}

// subscribe lets sub have what begins with prefix; s.mu is held.
func (s *Subscriber) subscribe(sub *subscription, prefix []byte) {
	s.subs.Add(prefix, sub)
	s.version.Add(1)
	s.sub.Subscribe(prefix)
}

// close ends the subscription.
func (s *subscription) close() {
	s.inbox.close()
	all := s.subscriber
	all.mu.Lock()
	defer all.mu.Unlock()
	if s.closed {
		return
	}
	s.closed = true
	delete(all.subscriptions, s)
	all.version.Add(1)
	all.subs.RemoveAll(s)
	if s.bare {
		all.cancel(nil)
	}
	for _, p := range s.patterns {
		all.cancel(p.Prefix())
	}
}
