package gozmq

import (
	"context"
	"iter"

	"google.golang.org/protobuf/proto"
)

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
// decoded is yielded as an error, and the iteration goes on; so are a GapError,
// a PublisherRestartedError and a LagError of sequenced topics.
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
		s.run(ctx, sub,
			func(a *arrival) bool { return yield(decodeArrival[T, P](a)) },
			func(err error) bool { return yield(nil, err) })
	}
}

// run gives what comes for a subscription to take, and what is to be said
// between two messages to tell, until one of them returns false or the
// subscription ends.
func (s *Subscriber) run(ctx context.Context, sub *subscription, take func(*arrival) bool, tell func(error) bool) {
	if !s.add(sub) {
		return
	}
	defer s.remove(sub)
	track := newTracker(s.memory, s.lag, &s.origins)
	sub.inbox.drain(ctx, func(a *arrival) bool {
		fresh, errs := track.check(a)
		for _, err := range errs {
			if !tell(err) {
				return false
			}
		}
		return !track.ended && (!fresh || take(a))
	})
}

// decodeArrival decodes an arrival's body.
func decodeArrival[T any, P message[T]](a *arrival) (P, error) {
	m := P(new(T))
	if err := proto.Unmarshal(a.body, m); err != nil {
		return nil, Errorf(CodeDataLoss, "decode %s of %d bytes: %w", nameOf(m), len(a.body), err)
	}
	return m, nil
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
	s.version.Add(1)
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
	s.version.Add(1)
	s.subs.RemoveAll(sub)
	for _, p := range sub.prefixes() {
		s.sub.Cancel(p)
	}
}
