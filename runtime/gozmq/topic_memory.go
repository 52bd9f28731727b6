package gozmq

import (
	"fmt"

	"github.com/gozmq/gozmq/runtime/internal/lru"
)

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
