package topic

import (
	"fmt"
	"strconv"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// A Parser splits a topic, from its beginning: literals with Literal and fields
// with Parse, in order. End returns the first fault; after that fault the other
// methods do nothing. Only a topic that a publisher would build passes: the parsed
// values build the same bytes again.
type Parser struct {
	topic string
	rest  string
	err   error
}

// NewParser returns a parser at the beginning of a topic.
func NewParser(topic string) Parser { return Parser{topic: topic, rest: topic} }

// Literal expects literal text.
func (p *Parser) Literal(s string) {
	if p.err != nil {
		return
	}
	rest, ok := strings.CutPrefix(p.rest, s)
	if !ok {
		p.fail("want %q", s)
		return
	}
	p.rest = rest
}

// End returns the first fault, or nil when the topic was as expected to its end.
func (p *Parser) End() error {
	if p.err == nil && p.rest != "" {
		p.fail("want the end")
	}
	return p.err
}

// maxShown is how much of a topic an error shows, in bytes.
const maxShown = 128

// fail keeps the first fault, which is where the rest begins.
func (p *Parser) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf("topic %q: at byte %d: %s", shown(p.topic), len(p.topic)-len(p.rest), fmt.Sprintf(format, args...))
	}
}

func shown(s string) string { return s[:min(len(s), maxShown)] }

// A Kind is how the values of one Go type are written in a topic.
type Kind[V any] struct {
	// Append appends v, with delim as in AppendString.
	Append func(b []byte, v V, delim byte) []byte
	// read returns the value that unescaped text stands for.
	read func(text string) (V, bool)
}

// StringKind is the kind of string fields.
func StringKind() Kind[string] {
	return Kind[string]{AppendString, func(s string) (string, bool) { return s, true }}
}

// IntKind is the kind of integer fields.
func IntKind[V Integer]() Kind[V] { return Kind[V]{AppendInt[V], readInt[V]} }

func readInt[V Integer](s string) (V, bool) {
	if strings.HasPrefix(s, "-") {
		v, err := strconv.ParseInt(s, 10, 64)
		return V(v), err == nil && int64(V(v)) == v
	}
	v, err := strconv.ParseUint(s, 10, 64)
	return V(v), err == nil && V(v) >= 0 && uint64(V(v)) == v
}

// BoolKind is the kind of bool fields.
func BoolKind() Kind[bool] {
	return Kind[bool]{AppendBool, func(s string) (bool, bool) { return s == "true", s == "true" || s == "false" }}
}

// NamedEnum is the constraint of generated enum types whose names are needed.
type NamedEnum interface {
	Enum
	Descriptor() protoreflect.EnumDescriptor
}

// EnumKind is the kind of enum fields.
func EnumKind[V NamedEnum]() Kind[V] { return Kind[V]{AppendEnum[V], readEnum[V]} }

func readEnum[V NamedEnum](s string) (V, bool) {
	var none V
	if v := none.Descriptor().Values().ByName(protoreflect.Name(s)); v != nil {
		return V(v.Number()), true
	}
	v, err := strconv.ParseInt(s, 10, 32)
	return V(v), err == nil
}

// Parse parses a field's value, which ends at delim, into to.
func (k Kind[V]) Parse(p *Parser, to *V, delim byte) {
	if p.err != nil {
		return
	}
	raw := p.rest
	if i := strings.IndexByte(raw, delim); i >= 0 && delim != 0 {
		raw = raw[:i]
	}
	text, ok := unescape(raw)
	if !ok {
		p.fail("%q is not percent-encoded", shown(raw))
		return
	}
	v, ok := k.read(text)
	if !ok || string(k.Append(nil, v, delim)) != raw {
		p.fail("%q is no %T as a topic has it", shown(raw), v)
		return
	}
	*to, p.rest = v, p.rest[len(raw):]
}

// unescape undoes percent-encoding.
func unescape(s string) (string, bool) {
	if !strings.Contains(s, "%") {
		return s, true
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		if i+2 >= len(s) {
			return "", false
		}
		c, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
		if err != nil {
			return "", false
		}
		b.WriteByte(byte(c))
		i += 2
	}
	return b.String(), true
}
