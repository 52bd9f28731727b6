package gozmqimpl

import (
	"context"
	"iter"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/internal/bridge"
	"github.com/gozmq/gozmq/runtime/internal/topic"
)

// Publish sends m to the subscribers of its topic. It never blocks. It encodes
// m only if there are subscribers or the topic is retained. It fails with the
// code of ctx's error when ctx has ended, with CodeCanceled when p is closed,
// with CodeResourceExhausted when m is too large, and with CodeInvalidArgument
// when m cannot be encoded or its topic is longer than 32 KiB.
func Publish[T any, P message[T]](ctx context.Context, p *gozmq.Publisher, t *Topic[T, P], m P) error {
	return bridge.Open(p).Publish(ctx, (*described[T, P])(t), m)
}

// Subscribe returns an iterator over the messages whose topic at least one of
// the filters selects; without filters it yields all messages of t. The
// subscription begins and ends with the iteration, which ends when ctx ends.
//
// The iterator yields an error for a message that cannot be decoded, and a
// GapError, PublisherRestartedError or LagError of a sequenced topic, and goes
// on. On a closed Subscriber it yields one error with CodeCanceled; a running
// iteration ends without an error when the Subscriber is closed.
func Subscribe[T any, P message[T], F gozmq.Filter](ctx context.Context, s *gozmq.Subscriber, t *Topic[T, P], filters []F) iter.Seq2[P, error] {
	return func(yield func(P, error) bool) {
		sub, err := bridge.Open(s).Open(t.method, patterns(t, filters), t.method.Bare, nil)
		if err != nil {
			yield(nil, err)
			return
		}
		defer func() { _ = sub.Close() }()
		each[T, P](ctx, sub, yield)
	}
}

// SubscribeAll is Subscribe for a topic without fields, or without a topic.
func SubscribeAll[T any, P message[T]](ctx context.Context, s *gozmq.Subscriber, t *Topic[T, P]) iter.Seq2[P, error] {
	return Subscribe[T, P, gozmq.TopicPattern](ctx, s, t, nil)
}

// Open opens a subscription to the messages that Subscribe yields. It fails
// with CodeInvalidArgument when an option is wrong, and with CodeCanceled when
// s is closed.
func Open[T any, P message[T], F gozmq.Filter](s *gozmq.Subscriber, t *Topic[T, P], filters []F, opts []gozmq.SubscriptionOption) (gozmq.Subscription[P, F], error) {
	sub, err := bridge.Open(s).Open(t.method, patterns(t, filters), t.method.Bare, opts)
	if err != nil {
		return nil, err
	}
	return &subscription[T, P, F]{sub}, nil
}

// OpenAll is Open for a topic without fields, or without a topic.
func OpenAll[T any, P message[T]](s *gozmq.Subscriber, t *Topic[T, P], opts []gozmq.SubscriptionOption) (gozmq.Subscription[P, gozmq.TopicPattern], error) {
	return Open[T, P, gozmq.TopicPattern](s, t, nil, opts)
}

// patterns returns the patterns of the filters, or the pattern of all of t when
// there are none.
func patterns[T any, P message[T], F gozmq.Filter](t *Topic[T, P], filters []F) []topic.Pattern {
	switch {
	case t.method.Bare:
		return nil
	case len(filters) == 0:
		return []topic.Pattern{t.pattern(nil)}
	}
	list := make([]topic.Pattern, len(filters))
	for i, f := range filters {
		list[i] = patternOf(f)
	}
	return list
}

func patternOf(f gozmq.Filter) topic.Pattern {
	p := f.TopicPattern()
	return bridge.Open(&p)
}

func each[T any, P message[T]](ctx context.Context, sub bridge.Subscription, yield func(P, error) bool) {
	sub.Each(ctx, fresh[T, P], func(m proto.Message, err error) bool {
		if err != nil {
			return yield(nil, err)
		}
		return yield(m.(P), nil)
	})
}

// A subscription is a typed view over one of the runtime's.
type subscription[T any, P message[T], F gozmq.Filter] struct{ sub bridge.Subscription }

func (s *subscription[T, P, F]) Add(filters ...F) {
	for _, f := range filters {
		s.sub.Add(patternOf(f))
	}
}

func (s *subscription[T, P, F]) Remove(filters ...F) {
	for _, f := range filters {
		s.sub.Remove(patternOf(f))
	}
}

func (s *subscription[T, P, F]) All(ctx context.Context) iter.Seq2[P, error] {
	return func(yield func(P, error) bool) { each[T, P](ctx, s.sub, yield) }
}

func (s *subscription[T, P, F]) Dropped() uint64 { return s.sub.Dropped() }
func (s *subscription[T, P, F]) Close() error    { return s.sub.Close() }
