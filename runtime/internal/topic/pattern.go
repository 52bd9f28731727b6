package topic

import (
	"slices"
	"strings"
)

// MaxSubscription is the longest prefix that is sent as a subscription, in
// bytes: libzmq 4.3 breaks its own stream on longer ones.
const MaxSubscription = 245

// A Pattern describes a set of topics: literal text with fields between, each
// either fixed to one value or open. The zero value matches the empty topic
// only. A pattern is a value: adding to it changes no copy of it.
type Pattern struct {
	text string // the literals and the fixed values; the open fields are left out
	open []openField
	// LatestOnly says that only the newest message of each topic counts.
	LatestOnly bool
}

// An openField matches any bytes, even none, up to the first that a value never
// contains: delim, and punctuation that encoding escapes.
type openField struct {
	at    int // where in the pattern's text
	delim Field
}

// Literal returns the pattern of one topic.
func Literal(topic string) Pattern { return Pattern{text: topic} }

// AddLiteral adds text that is matched byte by byte: a literal of the template,
// or the value of a field that is fixed.
func (p *Pattern) AddLiteral(s string) { p.text += s }

// AddOpen adds a field that may have any value. delim is the first byte of the
// literal text that is added next, 0 when nothing is.
func (p *Pattern) AddOpen(delim byte) {
	p.open = append(slices.Clip(p.open), openField{len(p.text), Field(delim)})
}

// rest is the delimiter of an open field that takes all bytes to the end. No
// template has it, because it is not UTF-8.
const rest = 0xff

// AddRest adds an open field that matches all remaining bytes, even none. The
// caller must add nothing after it.
func (p *Pattern) AddRest() { p.AddOpen(rest) }

// Segment returns the part of the pattern with that number, from 0: the text after
// the previous open field, and the open field that follows. more is false for the
// last part, which no field follows.
func (p Pattern) Segment(i int) (literal string, open Field, more bool) {
	text := p.text
	if i < len(p.open) {
		text, open, more = text[:p.open[i].at], p.open[i].delim, true
	}
	if i > 0 {
		text = text[p.open[i-1].at:]
	}
	return text, open, more
}

// A Field is an open field, by the byte that ends it; 0 when nothing follows.
type Field byte

// Len returns how many bytes at the start of topic are the field's value.
func (f Field) Len(topic []byte) int {
	if f == rest {
		return len(topic)
	}
	return valueLen(topic, byte(f))
}

// String returns the pattern for people to read, with * for each open field:
// "weather/ams/*".
func (p Pattern) String() string {
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

// Prefix returns what to subscribe to: the longest text that all matching
// topics begin with, or as much of it as a subscription may have.
func (p Pattern) Prefix() string {
	text := p.text
	if len(p.open) > 0 {
		text = text[:p.open[0].at]
	}
	return text[:min(len(text), MaxSubscription)]
}

// Matches reports whether a received topic is in the set. It allocates nothing, and
// its cost grows with the topic's length.
func (p Pattern) Matches(topic []byte) bool {
	done := 0
	for _, o := range p.open {
		literal := p.text[done:o.at]
		if len(topic) < len(literal) || string(topic[:len(literal)]) != literal {
			return false
		}
		topic, done = topic[len(literal):], o.at
		topic = topic[o.delim.Len(topic):]
	}
	return string(topic) == p.text[done:]
}
