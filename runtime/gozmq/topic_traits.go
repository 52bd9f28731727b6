package gozmq

import "github.com/gozmq/gozmq/runtime/internal/socket"

// TopicTraits is what a topic's annotation asks for beside a template.
type TopicTraits uint8

const (
	// Sequenced topics have numbered messages: a subscriber is told what it
	// misses (GapError, PublisherRestartedError) and how late it is (LagError).
	Sequenced = TopicTraits(socket.Sequenced)
	// Retained topics keep their last message: who subscribes gets it first.
	Retained = TopicTraits(socket.Retained)
	// LatestOnly topics are about the newest message: who does not keep up gets
	// that one, and those before it are left out.
	LatestOnly = TopicTraits(socket.LatestOnly)
)
