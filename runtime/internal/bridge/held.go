// Package bridge joins package gozmq, which users see, and the packages beside it:
// gozmqimpl, which generated code calls, gozmqcurve and gozmqzap. It gives the
// other packages access to the internals of gozmq's values without an exported
// method or field. Package gozmq embeds a Held in its types, under an unexported
// name, and the others open it.
package bridge

// A Held is embedded in a type to hold the value that Open returns. Its one method
// has an unexported name of this package, so that no other package can call it.
type Held[T any] struct{ v T }

// Hold returns a Held with v.
func Hold[T any](v T) Held[T] { return Held[T]{v} }

func (h *Held[T]) held() *T { return &h.v }

// A Holder is a pointer to a value that embeds a Held.
type Holder[T any] interface{ held() *T }

// Open returns the value that x holds.
func Open[T any](x Holder[T]) T { return *x.held() }

// Set makes x hold v.
func Set[T any](x Holder[T], v T) { *x.held() = v }
