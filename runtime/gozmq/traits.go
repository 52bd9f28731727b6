package gozmq

// TopicTraits is what a topic's annotation asks for beside a template.
type TopicTraits uint8

const (
	// Sequenced topics have numbered messages: a subscriber is told what it
	// misses (GapError, PublisherRestartedError) and how late it is (LagError).
	Sequenced TopicTraits = 1 << iota
)
