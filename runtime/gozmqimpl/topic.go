package gozmqimpl

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/internal/bridge"
	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/topic"
)

// Traits are the guarantees of a topic's annotation, apart from its template.
type Traits = socket.Traits

// The traits of a topic.
const (
	Sequenced  = socket.Sequenced
	Retained   = socket.Retained
	LatestOnly = socket.LatestOnly
)

// A Topic defines how the messages of one topic are published, selected and
// decoded. It is immutable.
type Topic[T any, P message[T]] struct {
	method *gozmq.Method // whose procedure is the name
	traits Traits
	fields []Field[P]
	// literals are the texts around the places: one before each, and one at the
	// end.
	literals []string
	places   []place
}

// A place is the position of a field in a topic.
type place struct {
	field int  // the index of the field
	again bool // the field also has an earlier place
	delim byte // ends the field; 0 for none
}

// NewTopic returns the topic of a template, such as "weather/{station}". The
// fields are those that the template names in braces, each once, in the order
// of their first use. name is "package.Service/Method", or the message's full
// name.
func NewTopic[T any, P message[T]](name, template string, fields ...Field[P]) *Topic[T, P] {
	t := &Topic[T, P]{method: &gozmq.Method{Procedure: name, TopicTemplate: template}, fields: fields}
	var names []string
	for len(names) <= len(fields) {
		literal, rest, found := strings.Cut(template, "{")
		path, after, closed := strings.Cut(rest, "}")
		at := slices.Index(names, path)
		if again := at >= 0; !again {
			at, names = len(names), append(names, path)
		}
		if !found || !closed || at >= len(fields) {
			break
		}
		p := place{field: at, again: slices.ContainsFunc(t.places, func(p place) bool { return p.field == at })}
		if after != "" {
			p.delim = after[0]
		}
		t.literals, t.places, template = append(t.literals, literal), append(t.places, p), after
	}
	t.literals = append(t.literals, template)
	return t
}

// NewBareTopic returns the topic of a service with bare framing.
func NewBareTopic[T any, P message[T]](name string) *Topic[T, P] {
	return &Topic[T, P]{method: &gozmq.Method{Procedure: name, Bare: true}, literals: []string{""}}
}

// With sets the topic's traits and returns the topic.
func (t *Topic[T, P]) With(traits Traits) *Topic[T, P] {
	t.traits = traits
	return t
}

// Of returns the topic of m.
func (t *Topic[T, P]) Of(m P) string { return string(t.append(nil, m)) }

func (t *Topic[T, P]) append(b []byte, m P) []byte {
	b = append(b, t.literals[0]...)
	for i, p := range t.places {
		b = t.fields[p.field].append(b, m, p.delim)
		b = append(b, t.literals[i+1]...)
	}
	return b
}

// Pattern returns the pattern of the topics whose fields match. matches are
// values of gozmq.Match, in the order of the fields; a field without one may
// have any value.
func (t *Topic[T, P]) Pattern(matches ...any) gozmq.TopicPattern {
	var out gozmq.TopicPattern
	bridge.Set(&out, t.pattern(matches))
	return out
}

// PrefixPattern returns the pattern of all topics that begin with prefix. It is for
// programs that inspect topics without a template.
func PrefixPattern(prefix string) gozmq.TopicPattern {
	p := topic.Literal(prefix)
	p.AddRest()
	var out gozmq.TopicPattern
	bridge.Set(&out, p)
	return out
}

func (t *Topic[T, P]) pattern(matches []any) topic.Pattern {
	out := topic.Literal(t.literals[0])
	for i, p := range t.places {
		var match any
		if p.field < len(matches) {
			match = matches[p.field]
		}
		t.fields[p.field].match(&out, match, p.delim)
		out.AddLiteral(t.literals[i+1])
	}
	out.LatestOnly = t.traits&LatestOnly != 0
	return out
}

// Parse parses a topic of t into the fields of a struct, and returns the
// struct. to holds pointers to the fields, in order. It fails with
// CodeInvalidArgument when text is not a topic of t.
func Parse[T any, P message[T], F any](t *Topic[T, P], text string, fields *F, to ...any) (F, error) {
	p := topic.NewParser(text)
	p.Literal(t.literals[0])
	for i, place := range t.places {
		take := t.fields[place.field].parse
		if place.again {
			take = t.fields[place.field].again
		}
		take(&p, to[place.field], place.delim)
		p.Literal(t.literals[i+1])
	}
	if err := p.End(); err != nil {
		var none F
		return none, gozmq.Errorf(gozmq.CodeInvalidArgument, "%w", err)
	}
	return *fields, nil
}

// described is a topic in the runtime's form (bridge.Topic).
type described[T any, P message[T]] Topic[T, P]

func (t *described[T, P]) Method() *gozmq.Method { return t.method }
func (t *described[T, P]) Name() string          { return t.method.Procedure }
func (t *described[T, P]) Bare() bool            { return t.method.Bare }
func (t *described[T, P]) Traits() socket.Traits { return t.traits }

func (t *described[T, P]) Append(b []byte, m proto.Message) []byte {
	return (*Topic[T, P])(t).append(b, m.(P))
}
