package gozmq

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"google.golang.org/protobuf/proto"
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

// A Filter says which topics a subscription takes. Generated filter types and
// TopicPattern implement it.
type Filter interface{ TopicPattern() TopicPattern }

// A Subscription receives the messages of one kind whose topic at least one of
// its filters takes. It begins when it is opened and goes on, with messages
// waiting, until Close; nobody need iterate. Its methods may be called from any
// goroutine.
type Subscription[M proto.Message, F Filter] struct {
	sub    *subscription
	decode func(*arrival) (M, error)
}

// OpenSubscription opens a subscription; without filters it takes what the zero
// value of F does, all topics of the kind. It fails when an option is wrong, and
// with CodeCanceled when s is closed. Generated code calls it.
func OpenSubscription[T any, P message[T], F Filter](s *Subscriber, filters []F, opts []SubscriptionOption) (*Subscription[P, F], error) {
	sub, err := s.open(patternsOf(filters), false, opts)
	if err != nil {
		return nil, err
	}
	return hold[T, P, F](sub), nil
}

// OpenBareSubscription is OpenSubscription for a service with bare framing, whose
// messages have no topic: it takes all of them, and filters change nothing.
func OpenBareSubscription[T any, P message[T]](s *Subscriber, opts []SubscriptionOption) (*Subscription[P, TopicPattern], error) {
	sub, err := s.open(nil, true, opts)
	if err != nil {
		return nil, err
	}
	return hold[T, P, TopicPattern](sub), nil
}

func hold[T any, P message[T], F Filter](sub *subscription) *Subscription[P, F] {
	return &Subscription[P, F]{sub, func(a *arrival) (P, error) { return decodeArrival[T, P](&sub.subscriber.bodies, a) }}
}

// Add makes the subscription take what the filters do, too. A filter that it
// has already changes nothing.
func (s *Subscription[M, F]) Add(filters ...F) {
	for _, f := range filters {
		s.sub.take(f.TopicPattern())
	}
}

// Remove ends an Add of the same filters, or their place at the opening; one
// that the subscription does not have changes nothing. What has come before
// stays. Without any filter the subscription receives nothing until the next
// Add.
func (s *Subscription[M, F]) Remove(filters ...F) {
	for _, f := range filters {
		s.sub.giveUp(f.TopicPattern())
	}
}

// All returns an iterator over what has come and comes. It ends with ctx; when
// the subscription or the Subscriber is closed it ends after what has come. A
// message that cannot be decoded is yielded as an error, and the iteration goes
// on, as with Subscribe. Another call continues where the last one left; one that
// begins before that waits for it to end.
func (s *Subscription[M, F]) All(ctx context.Context) iter.Seq2[M, error] {
	return func(yield func(M, error) bool) {
		s.sub.each(ctx,
			func(a *arrival) bool { return yield(s.decode(a)) },
			func(_ *arrival, err error) bool { var none M; return yield(none, err) })
	}
}

// Dropped returns how many messages the subscription's policy has dropped
// (WithOverflow).
func (s *Subscription[M, F]) Dropped() uint64 { return s.sub.drops.total.Load() }

// Close ends the subscription.
func (s *Subscription[M, F]) Close() error {
	s.sub.close()
	return nil
}

// Subscribe returns an iterator over the messages whose topic at least one of
// the filters takes; without filters the zero value of F takes all topics of
// its kind. Generated code calls it. The subscription begins when the iteration
// does, and ends with it, with ctx or with Close. A message that cannot be
// decoded is yielded as an error, and the iteration goes on; so are a GapError,
// a PublisherRestartedError and a LagError of sequenced topics.
func Subscribe[T any, P message[T], F Filter](ctx context.Context, s *Subscriber, filters []F) iter.Seq2[P, error] {
	return iterate[T, P](ctx, s, patternsOf(filters), false)
}

// SubscribeBare is Subscribe for a service with bare framing, whose messages
// have no topic.
func SubscribeBare[T any, P message[T]](ctx context.Context, s *Subscriber) iter.Seq2[P, error] {
	return iterate[T, P](ctx, s, nil, true)
}

func patternsOf[F Filter](filters []F) []TopicPattern {
	if len(filters) == 0 {
		filters = make([]F, 1)
	}
	patterns := make([]TopicPattern, len(filters))
	for i, f := range filters {
		patterns[i] = f.TopicPattern()
	}
	return patterns
}

func iterate[T any, P message[T]](ctx context.Context, s *Subscriber, patterns []TopicPattern, bare bool) iter.Seq2[P, error] {
	return func(yield func(P, error) bool) {
		sub, err := s.open(patterns, bare, nil)
		if err != nil {
			return // closed
		}
		defer sub.close()
		sub.each(ctx,
			func(a *arrival) bool { return yield(decodeArrival[T, P](&s.bodies, a)) },
			func(_ *arrival, err error) bool { return yield(nil, err) })
	}
}

// decodeArrival decodes an arrival's body.
func decodeArrival[T any, P message[T]](c *bodies, a *arrival) (P, error) {
	m := P(new(T))
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

	patterns    []TopicPattern // each once; subscriber.mu guards them
	resumptions *resumptions
	running     bool // has what it was opened with
	closed      bool // subscriber.mu guards it
	watches     bool // for peers; subscriber.mu guards it
}

// open begins a subscription; close must be called.
func (s *Subscriber) open(patterns []TopicPattern, bare bool, opts []SubscriptionOption) (*subscription, error) {
	cfg := s.defaults
	for _, o := range opts {
		o.applySubscription(&cfg)
	}
	return s.openWith(cfg, patterns, bare)
}

func (s *Subscriber) openWith(cfg subscriptionConfig, patterns []TopicPattern, bare bool) (*subscription, error) {
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
func (s *subscription) matches(topic []byte) bool {
	for i := range s.patterns {
		if s.patterns[i].matches(topic) {
			return true
		}
	}
	return s.bare
}

// onlyNewest reports whether all patterns that take a topic say that only its
// newest message counts; subscriber.mu is held.
func (s *subscription) onlyNewest(topic []byte) bool {
	only := !s.bare
	for i := range s.patterns {
		if s.patterns[i].matches(topic) {
			only = only && s.patterns[i].traits&LatestOnly != 0
		}
	}
	return only
}

// take adds a pattern, unless it is there or the subscription is closed.
func (s *subscription) take(p TopicPattern) {
	all := s.subscriber
	all.mu.Lock()
	defer all.mu.Unlock()
	if s.closed || all.closed || s.bare || slices.ContainsFunc(s.patterns, p.equal) {
		return
	}
	s.begin(p)
	s.patterns = append(s.patterns, p)
	all.subscribe(s, p.prefix())
}

// giveUp removes a pattern, if it is there.
func (s *subscription) giveUp(p TopicPattern) {
	all := s.subscriber
	all.mu.Lock()
	defer all.mu.Unlock()
	i := slices.IndexFunc(s.patterns, p.equal)
	if i < 0 || s.closed {
		return
	}
	s.patterns = slices.Delete(s.patterns, i, i+1)
	prefix := p.prefix()
	if !slices.ContainsFunc(s.patterns, func(other TopicPattern) bool { return string(other.prefix()) == string(prefix) }) {
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
		all.cancel(p.prefix())
	}
}
