package gozmq

import (
	"fmt"
	"strconv"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// A TopicParser takes a topic apart, from its beginning: literals with Literal
// and fields with ParseString, ParseInt, ParseBool and ParseEnum, in order; End
// tells how it went. After the first fault the rest does nothing. Only a topic
// that a publisher would build passes: what was parsed gives it again, byte by
// byte.
type TopicParser struct {
	topic string
	rest  string
	err   error
}

// ParseTopic returns a parser at the beginning of a topic. Generated code calls
// it.
func ParseTopic(topic string) TopicParser { return TopicParser{topic: topic, rest: topic} }

// Literal expects literal text.
func (p *TopicParser) Literal(s string) {
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

// End returns what was wrong with the topic, an error with CodeInvalidArgument,
// nil when it was as expected to its end.
func (p *TopicParser) End() error {
	if p.err == nil && p.rest != "" {
		p.fail("want the end")
	}
	return p.err
}

// fail notes the first fault, which is where the rest begins.
func (p *TopicParser) fail(format string, args ...any) {
	if p.err == nil {
		p.err = Errorf(CodeInvalidArgument, "topic %q: at byte %d: %s", cut([]byte(p.topic)), len(p.topic)-len(p.rest), fmt.Sprintf(format, args...))
	}
}

// ParseString takes a string field. delim is as in AppendString. Generated code
// calls it.
func ParseString(p *TopicParser, to *string, delim byte) {
	parseField(p, to, delim, AppendString, func(s string) (string, bool) { return s, true })
}

// ParseInt takes an integer field, with delim as in AppendString. Generated code
// calls it.
func ParseInt[T integer](p *TopicParser, to *T, delim byte) {
	parseField(p, to, delim, AppendInt, func(s string) (T, bool) {
		if strings.HasPrefix(s, "-") {
			v, err := strconv.ParseInt(s, 10, 64)
			return T(v), err == nil && int64(T(v)) == v
		}
		v, err := strconv.ParseUint(s, 10, 64)
		return T(v), err == nil && T(v) >= 0 && uint64(T(v)) == v
	})
}

// ParseBool takes a bool field, with delim as in AppendString. Generated code
// calls it.
func ParseBool(p *TopicParser, to *bool, delim byte) {
	parseField(p, to, delim, AppendBool, func(s string) (bool, bool) { return s == "true", s == "true" || s == "false" })
}

// namedEnum is the constraint of generated enum types whose names are needed.
type namedEnum interface {
	enum
	Descriptor() protoreflect.EnumDescriptor
}

// ParseEnum takes an enum field, with delim as in AppendString. Generated code
// calls it.
func ParseEnum[T namedEnum](p *TopicParser, to *T, delim byte) {
	parseField(p, to, delim, AppendEnum, func(s string) (T, bool) {
		if v := (*to).Descriptor().Values().ByName(protoreflect.Name(s)); v != nil {
			return T(v.Number()), true
		}
		v, err := strconv.ParseInt(s, 10, 32)
		return T(v), err == nil
	})
}

// parseField takes the bytes up to delim for a field's value, if they are what
// add makes of the value that read finds in them.
func parseField[T any](p *TopicParser, to *T, delim byte, add func([]byte, T, byte) []byte, read func(string) (T, bool)) {
	if p.err != nil {
		return
	}
	raw := p.rest
	if i := strings.IndexByte(raw, delim); i >= 0 && delim != 0 {
		raw = raw[:i]
	}
	text, ok := unescape(raw)
	if !ok {
		p.fail("%q is not percent-encoded", cut([]byte(raw)))
		return
	}
	v, ok := read(text)
	if !ok || string(add(nil, v, delim)) != raw {
		p.fail("%q is no %T as a topic has it", cut([]byte(raw)), v)
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
