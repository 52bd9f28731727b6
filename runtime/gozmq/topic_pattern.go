package gozmq

import (
	"slices"
	"strings"
)

// maxSubscription is the longest prefix that is sent as a subscription, in
// bytes: libzmq 4.3 breaks its own stream on longer ones.
const maxSubscription = 245

// A TopicPattern describes a set of topics: literal text with fields between,
// each either fixed to one value or open. The zero value matches the empty
// topic only; build others by adding, in order, literals with Literal and
// fields with MatchString, MatchInt, MatchBool and MatchEnum. A pattern is a
// value: adding to it changes no copy of it.
type TopicPattern struct {
	text   string // the literals and the fixed values; the open fields are left out
	open   []openField
	traits TopicTraits
}

// An openField takes any bytes, also none, up to the first that a value never
// has: delim, and punctuation that encoding escapes.
type openField struct {
	at    int // where in the pattern's text
	delim byte
}

// LiteralTopic returns the pattern of one topic.
func LiteralTopic(topic string) TopicPattern { return TopicPattern{text: topic} }

// TopicPattern returns p, so that a pattern serves as a Filter.
func (p TopicPattern) TopicPattern() TopicPattern { return p }

// Literal adds literal text, which is matched byte by byte.
func (p *TopicPattern) Literal(s string) { p.text += s }

// Marked returns p with what is special about the messages of its topics.
// LatestOnly is what makes a difference to a subscriber. Generated code calls
// it.
func (p TopicPattern) Marked(t TopicTraits) TopicPattern {
	p.traits |= t
	return p
}

func (p *TopicPattern) addOpen(delim byte) {
	p.open = append(slices.Clip(p.open), openField{len(p.text), delim})
}

// String returns the pattern for people to read, with * for each open field:
// "weather/ams/*".
func (p TopicPattern) String() string {
	var b strings.Builder
	done := 0
	for _, o := range p.open {
		b.WriteString(p.text[done:o.at])
		b.WriteByte('*')
		done = o.at
	}
	b.WriteString(p.text[done:])
	return b.String()
}

// valueLen returns how many bytes at the start of topic may be a field's value.
func valueLen(topic []byte, delim byte) int {
	for i, c := range topic {
		if isEscapedPunctuation(c) || c == delim && delim != 0 {
			return i
		}
	}
	return len(topic)
}

// prefix returns what to subscribe to: the longest text that all matching
// topics begin with, or as much of it as a subscription may have. The caller
// owns it.
func (p TopicPattern) prefix() []byte {
	text := p.text
	if len(p.open) > 0 {
		text = text[:p.open[0].at]
	}
	return []byte(text[:min(len(text), maxSubscription)])
}

// matches reports whether a topic, as received, is in the set. It allocates
// nothing and takes time in the topic's length.
func (p TopicPattern) matches(topic []byte) bool {
	done := 0
	for _, o := range p.open {
		literal := p.text[done:o.at]
		if len(topic) < len(literal) || string(topic[:len(literal)]) != literal {
			return false
		}
		topic, done = topic[len(literal):], o.at
		topic = topic[valueLen(topic, o.delim):]
	}
	return string(topic) == p.text[done:]
}
