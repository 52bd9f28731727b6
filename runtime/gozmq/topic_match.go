package gozmq

// A Match is what a filter asks of one field: one value, or, as the zero value,
// nothing. Eq makes the former.
type Match[T any] struct {
	value T
	fixed bool
}

// Eq matches a field that equals v.
func Eq[T any](v T) Match[T] { return Match[T]{value: v, fixed: true} }

// MatchString adds a string field to p. delim is the first byte of the literal
// text that is added next, 0 when nothing is. Generated code calls it.
func MatchString(p *TopicPattern, m Match[string], delim byte) {
	matchField(p, m, delim, AppendString)
}

// MatchInt adds an integer field to p, with delim as in MatchString. Generated
// code calls it.
func MatchInt[T integer](p *TopicPattern, m Match[T], delim byte) {
	matchField(p, m, delim, AppendInt)
}

// MatchBool adds a bool field to p, with delim as in MatchString. Generated
// code calls it.
func MatchBool(p *TopicPattern, m Match[bool], delim byte) {
	matchField(p, m, delim, AppendBool)
}

// MatchEnum adds an enum field to p, with delim as in MatchString. Generated
// code calls it.
func MatchEnum[T enum](p *TopicPattern, m Match[T], delim byte) {
	matchField(p, m, delim, AppendEnum)
}

func matchField[T any](p *TopicPattern, m Match[T], delim byte, add func([]byte, T, byte) []byte) {
	if m.fixed {
		p.text = string(add([]byte(p.text), m.value, delim))
		return
	}
	p.addOpen(delim)
}
