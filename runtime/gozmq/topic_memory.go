package gozmq

import (
	"fmt"
	"math/rand/v2"

	"github.com/gozmq/gozmq/runtime/internal/socket"
)

// topicMemory bounds what is remembered of topics.
type topicMemory struct{ topics, bytes int }

var defaultTopicMemory = topicMemory{topics: 1 << 16, bytes: 64 << 20}

func (o topicMemory) check() error {
	if o.topics < 1 || o.bytes < 1 {
		return fmt.Errorf("WithTopicMemory: %d topics and %d bytes, want at least 1 of each", o.topics, o.bytes)
	}
	return nil
}

func (o topicMemory) applyPublisher(c *publisherConfig)   { c.memory = o }
func (o topicMemory) applySubscriber(c *subscriberConfig) { c.memory = o }

// WithTopicMemory limits how many topics with traits a publisher, a subscriber
// and each of its streams remember, and how many bytes each uses for them. Beyond, the topic that had no message for longest is forgotten, which
// the observer is told (EventForgotten). The last message of a forgotten topic
// is not there for new subscribers. When a topic that the publisher forgot has a
// message again, subscribers may be told that they missed some although they did
// not, and never the other way round; a stream does not see a gap in a topic
// that it forgot. Defaults: 65536 topics and 64 MiB. One topic always fits.
func WithTopicMemory(topics, bytes int) interface {
	PublisherOption
	SubscriberOption
} {
	return topicMemory{topics, bytes}
}

// newPublisherID returns the id of a publisher.
func newPublisherID() uint64 {
	for {
		if id := rand.Uint64(); id != 0 {
			return id
		}
	}
}

// appendHeader appends the header of a message as its last frame.
func (p *Publisher) appendHeader(b []byte, s socket.Stamp) []byte {
	h := headerOf(p.id, s)
	return h.appendFrame(b)
}
