package gozmq

import (
	"fmt"

	"github.com/gozmq/gozmq/runtime/internal/bridge"
	"github.com/gozmq/gozmq/runtime/internal/lru"
	"github.com/gozmq/gozmq/runtime/internal/topic"
)

// holdsPattern is what gozmqimpl finds in a TopicPattern.
type holdsPattern = bridge.Held[topic.Pattern]

// A TopicPattern describes a set of topics: literal text and fields, each of
// which is fixed to one value or open. Generated filters make them. The zero
// value matches the empty topic only.
type TopicPattern struct{ holdsPattern }

// TopicPattern returns p, so that a pattern serves as a Filter.
func (p TopicPattern) TopicPattern() TopicPattern { return p }

// String returns the pattern for people to read, with * for each open field:
// "weather/ams/*".
func (p TopicPattern) String() string { return bridge.Open(&p).String() }

// A Filter selects the topics of a subscription. Generated filter types and
// TopicPattern implement it.
type Filter interface{ TopicPattern() TopicPattern }

func patternOf(f Filter) topic.Pattern {
	p := f.TopicPattern()
	return bridge.Open(&p)
}

// A Match is a filter's condition on one field. Eq makes one that asks for a
// value; the zero value matches any value.
type Match[T any] struct {
	value T
	fixed bool
}

// Eq matches a field that equals v.
func Eq[T any](v T) Match[T] { return Match[T]{value: v, fixed: true} }

// Value returns the value that the field must equal. fixed is false when any
// value will do.
func (m Match[T]) Value() (v T, fixed bool) { return m.value, m.fixed }

// topicMemory limits how many topics are remembered, and in how many bytes.
type topicMemory struct{ topics, bytes int }

var defaultTopicMemory = topicMemory{topics: 1 << 16, bytes: 64 << 20}

func (o topicMemory) check() error {
	if o.topics < 1 || o.bytes < 1 {
		return fmt.Errorf("WithTopicMemory: %d topics and %d bytes, want at least 1 of each", o.topics, o.bytes)
	}
	return nil
}

// bounds returns the limits as engines take them.
func (o topicMemory) bounds() lru.Bounds { return lru.Bounds{Count: o.topics, Bytes: o.bytes} }

// A TopicOption is an option of NewPublisher and NewSubscriber.
type TopicOption interface {
	PublisherOption
	SubscriberOption
}

// WithTopicMemory limits how many topics with traits a publisher, a subscriber
// and each of its streams remember, and how many bytes each of them uses for
// that. One topic always fits. Beyond a limit, the topic that has had no
// message for the longest time is forgotten, and EventForgotten reports it:
//
//   - New subscribers do not get the last message of a forgotten topic.
//   - When a topic that the publisher has forgotten has a message again, a
//     GapError may report more messages than were lost, and never fewer.
//   - A stream reports no gap in a topic that it has forgotten.
//
// Defaults: 65536 topics and 64 MiB.
func WithTopicMemory(topics, bytes int) TopicOption { return topicMemory{topics, bytes} }
