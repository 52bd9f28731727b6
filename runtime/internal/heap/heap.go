// Package heap has a heap whose values know their places in it, so that any of them
// can be moved or removed.
package heap

import "container/heap"

// An Ordered value may be in a Heap.
type Ordered[T any] interface {
	// Less reports whether the value comes before other.
	Less(other T) bool
	// Slot points to the value's index in its heap, plus 1; 0: it is in none.
	Slot() *int
}

// A Heap keeps the smallest value first. The zero value is empty.
type Heap[T Ordered[T]] []T

// Set adds x or moves it to its place, or removes it when in is false.
func (h *Heap[T]) Set(x T, in bool) {
	switch i := *x.Slot() - 1; {
	case in && i < 0:
		heap.Push((*core[T])(h), x)
	case in && len(*h) > 1:
		heap.Fix((*core[T])(h), i)
	case in:
	case i >= 0:
		heap.Remove((*core[T])(h), i)
	}
}

// A core is a Heap as package container/heap sees it.
type core[T Ordered[T]] []T

func (h core[T]) Len() int           { return len(h) }
func (h core[T]) Less(i, j int) bool { return h[i].Less(h[j]) }

func (h core[T]) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	*h[i].Slot(), *h[j].Slot() = i+1, j+1
}

// Push adds a value (heap.Interface).
func (h *core[T]) Push(x any) {
	v := x.(T)
	*h = append(*h, v)
	*v.Slot() = len(*h)
}

// Pop removes the last value (heap.Interface).
func (h *core[T]) Pop() any {
	old := *h
	var none T
	v := old[len(old)-1]
	old[len(old)-1] = none
	*h = old[:len(old)-1]
	*v.Slot() = 0
	return v
}
