package gozmqimpl

import (
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/internal/topic"
)

// A Field is a field of the messages M that is part of their topic.
type Field[M any] struct {
	// append appends m's field to b, with delim as in topic.AppendString.
	append func(b []byte, m M, delim byte) []byte
	// match adds the condition of a gozmq.Match to p.
	match func(p *topic.Pattern, match any, delim byte)
	// parse parses the field from p into to, a pointer to the field's type.
	parse func(p *topic.Parser, to any, delim byte)
	// again expects in p the value that parse has stored in to.
	again func(p *topic.Parser, to any, delim byte)
}

// String is a string field.
func String[M any](get func(M) string) Field[M] { return field(get, topic.StringKind()) }

// Int is an integer field.
func Int[M any, V topic.Integer](get func(M) V) Field[M] { return field(get, topic.IntKind[V]()) }

// Bool is a bool field.
func Bool[M any](get func(M) bool) Field[M] { return field(get, topic.BoolKind()) }

// Enum is an enum field.
func Enum[M any, V topic.NamedEnum](get func(M) V) Field[M] {
	return field(get, topic.EnumKind[V]())
}

func field[M, V any](get func(M) V, kind topic.Kind[V]) Field[M] {
	return Field[M]{
		append: func(b []byte, m M, delim byte) []byte { return kind.Append(b, get(m), delim) },
		match: func(p *topic.Pattern, match any, delim byte) {
			if m, ok := match.(gozmq.Match[V]); ok {
				if v, fixed := m.Value(); fixed {
					p.AddLiteral(string(kind.Append(nil, v, delim)))
					return
				}
			}
			p.AddOpen(delim)
		},
		parse: func(p *topic.Parser, to any, delim byte) { kind.Parse(p, to.(*V), delim) },
		again: func(p *topic.Parser, to any, delim byte) {
			p.Literal(string(kind.Append(nil, *to.(*V), delim)))
		},
	}
}
