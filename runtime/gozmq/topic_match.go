package gozmq

// A Match is what a filter asks of one field: one value, or, as the zero value,
// nothing. Eq makes the former.
type Match[T any] struct {
	value T
	fixed bool
}

// Eq matches a field that equals v.
func Eq[T any](v T) Match[T] { return Match[T]{value: v, fixed: true} }

// Value returns the value that the field must equal. fixed is false when any
// value will do.
func (m Match[T]) Value() (v T, fixed bool) { return m.value, m.fixed }
