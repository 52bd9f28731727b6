package gozmq

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/internal/subscription"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// subscriptionConfig has the options of one subscription.
type subscriptionConfig struct {
	queue    queueConfig
	overflow Overflow
}

var defaultSubscription = subscriptionConfig{queue: defaultQueue}

func (c *subscriptionConfig) check() error {
	if err := c.queue.check(); err != nil {
		return err
	}
	if c.overflow > OverflowDropNewest {
		return fmt.Errorf("WithOverflow: %v, want OverflowBlock, OverflowDropOldest or OverflowDropNewest", c.overflow)
	}
	return nil
}

// engine returns the options as the engine takes them.
func (c *subscriptionConfig) engine() subscription.QueueConfig {
	return subscription.QueueConfig{Messages: c.queue.messages, Bytes: c.queue.bytes, Overflow: c.overflow.engine()}
}

type subscriptionOption func(*subscriptionConfig)

func (o subscriptionOption) applySubscription(c *subscriptionConfig) { o(c) }
func (o subscriptionOption) applySubscriber(c *subscriberConfig)     { o(&c.subscription) }
func (o subscriptionOption) applyHandler(c *handlerConfig)           { o(&c.subscription) }

// A Filter says which topics a subscription takes. Generated filter types and
// TopicPattern implement it.
type Filter interface{ TopicPattern() TopicPattern }

// A Subscription receives the messages of one kind whose topic at least one of
// its filters takes. It receives from the time it is opened until Close;
// messages wait in its queue while nobody iterates. Its methods may be called
// from any goroutine.
type Subscription[M proto.Message, F Filter] struct {
	sub    *subscription.Subscription
	decode func(body []byte) (M, error)
}

// OpenSubscription opens a subscription. Without filters it takes all topics of
// the kind, as the zero value of F does. It fails with CodeInvalidArgument when
// an option is wrong, and with CodeCanceled when s is closed. Generated code
// calls it.
func OpenSubscription[T any, P message[T], F Filter](s *Subscriber, filters []F, opts []SubscriptionOption) (*Subscription[P, F], error) {
	sub, err := s.open(patternsOf(filters), false, opts)
	if err != nil {
		return nil, err
	}
	return newSubscription[T, P, F](s, sub), nil
}

// OpenBareSubscription is OpenSubscription for a service with bare framing,
// whose messages have no topic: it takes all of them, and filters change
// nothing.
func OpenBareSubscription[T any, P message[T]](s *Subscriber, opts []SubscriptionOption) (*Subscription[P, TopicPattern], error) {
	sub, err := s.open(nil, true, opts)
	if err != nil {
		return nil, err
	}
	return newSubscription[T, P, TopicPattern](s, sub), nil
}

func newSubscription[T any, P message[T], F Filter](s *Subscriber, sub *subscription.Subscription) *Subscription[P, F] {
	return &Subscription[P, F]{sub, func(body []byte) (P, error) { return decodeBody[T, P](&s.bodies, body) }}
}

// Add makes the subscription take the topics of more filters. A filter that it
// already has changes nothing.
func (s *Subscription[M, F]) Add(filters ...F) {
	for _, f := range filters {
		s.sub.Add(pattern{f.TopicPattern()})
	}
}

// Remove takes filters from the subscription; one that it does not have changes
// nothing. Messages that wait already are still yielded. Without any filter the
// subscription receives nothing until the next Add.
func (s *Subscription[M, F]) Remove(filters ...F) {
	for _, f := range filters {
		s.sub.Remove(pattern{f.TopicPattern()})
	}
}

// All returns an iterator over the messages, beginning with those that wait. It
// ends when ctx does; after a Close of the subscription or the Subscriber it
// ends, without an error, once the messages that wait were yielded. Errors are
// yielded as with Subscribe, and the iteration goes on. A later iteration
// continues where the last one ended; one that begins before that waits for the
// end.
func (s *Subscription[M, F]) All(ctx context.Context) iter.Seq2[M, error] {
	return func(yield func(M, error) bool) {
		s.sub.Each(ctx,
			func(p *wire.Publication) bool { return yield(s.decode(p.Body)) },
			func(_ *wire.Publication, n subscription.Notice) bool { var none M; return yield(none, noticeError(n)) })
	}
}

// Dropped returns the number of messages that the subscription has dropped
// because its queue was full (WithOverflow).
func (s *Subscription[M, F]) Dropped() uint64 { return s.sub.Dropped() }

// Close ends the subscription. It may be called more than once and returns nil.
func (s *Subscription[M, F]) Close() error {
	s.sub.Close()
	return nil
}

// Subscribe returns an iterator over the messages whose topic at least one of
// the filters takes; without filters it takes all topics of the kind, as the
// zero value of F does. Generated code calls it. The subscription begins and
// ends with the iteration, which ends when ctx does.
//
// The iterator yields an error for a message that cannot be decoded, and a
// GapError, PublisherRestartedError or LagError of a sequenced topic, and goes
// on. On a closed Subscriber it yields one error with CodeCanceled; an
// iteration that runs when the Subscriber is closed ends without an error.
func Subscribe[T any, P message[T], F Filter](ctx context.Context, s *Subscriber, filters []F) iter.Seq2[P, error] {
	return iterate[T, P](ctx, s, patternsOf(filters), false)
}

// SubscribeBare is Subscribe for a service with bare framing, whose messages
// have no topic.
func SubscribeBare[T any, P message[T]](ctx context.Context, s *Subscriber) iter.Seq2[P, error] {
	return iterate[T, P](ctx, s, nil, true)
}

func iterate[T any, P message[T]](ctx context.Context, s *Subscriber, patterns []subscription.Pattern, bare bool) iter.Seq2[P, error] {
	return func(yield func(P, error) bool) {
		sub, err := s.open(patterns, bare, nil)
		if err != nil {
			yield(nil, err)
			return
		}
		defer sub.Close()
		sub.Each(ctx,
			func(p *wire.Publication) bool { return yield(decodeBody[T, P](&s.bodies, p.Body)) },
			func(_ *wire.Publication, n subscription.Notice) bool { return yield(nil, noticeError(n)) })
	}
}

// decodeBody decodes a message's body.
func decodeBody[T any, P message[T]](c *bodies, body []byte) (P, error) {
	m := P(new(T))
	if err := c.decode(body, m); err != nil {
		return nil, Errorf(CodeDataLoss, "decode %s of %d bytes: %w", nameOf(m), len(body), err)
	}
	return m, nil
}

// open begins a subscription; Close must be called.
func (s *Subscriber) open(patterns []subscription.Pattern, bare bool, opts []SubscriptionOption) (*subscription.Subscription, error) {
	cfg := s.defaults
	for _, o := range opts {
		o.applySubscription(&cfg)
	}
	return s.openWith(cfg, patterns, bare)
}

// openWith is open with all options.
func (s *Subscriber) openWith(cfg subscriptionConfig, patterns []subscription.Pattern, bare bool) (*subscription.Subscription, error) {
	if err := cfg.check(); err != nil {
		return nil, Errorf(CodeInvalidArgument, "subscription: %w", err)
	}
	sub, err := s.hub.Open(cfg.engine(), patterns, bare)
	if errors.Is(err, subscription.ErrClosed) {
		return nil, Errorf(CodeCanceled, "subscription: %w", err)
	}
	return sub, err
}

// A pattern is a TopicPattern as the engine matches it (subscription.Pattern).
type pattern struct{ topics TopicPattern }

// patternsOf returns the patterns of filters, without any that of F's zero
// value.
func patternsOf[F Filter](filters []F) []subscription.Pattern {
	if len(filters) == 0 {
		filters = make([]F, 1)
	}
	patterns := make([]subscription.Pattern, len(filters))
	for i, f := range filters {
		patterns[i] = pattern{f.TopicPattern()}
	}
	return patterns
}

func (p pattern) Prefix() []byte            { return p.topics.prefix() }
func (p pattern) Matches(topic []byte) bool { return p.topics.matches(topic) }
func (p pattern) Conflated() bool           { return p.topics.traits&LatestOnly != 0 }
func (p pattern) String() string            { return p.topics.String() }

// Segments returns the literals and the open fields (subscription.Pattern).
func (p pattern) Segments() []subscription.Segment {
	segments := make([]subscription.Segment, 0, len(p.topics.open)+1)
	done := 0
	for _, o := range p.topics.open {
		segments = append(segments, subscription.Segment{Literal: p.topics.text[done:o.at], Open: fieldValue(o.delim)})
		done = o.at
	}
	return append(segments, subscription.Segment{Literal: p.topics.text[done:]})
}

// A fieldValue is what an open field takes, with the delimiter that ends it
// (subscription.Value).
type fieldValue byte

// Len returns how many bytes at the start of topic are the field's.
func (d fieldValue) Len(topic []byte) int { return valueLen(topic, byte(d)) }
