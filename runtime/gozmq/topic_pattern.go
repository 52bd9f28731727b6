package gozmq

import (
	"github.com/gozmq/gozmq/runtime/internal/bridge"
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
