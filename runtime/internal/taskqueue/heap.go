package taskqueue

import "container/heap"

// An ordered value may be in a heapOf.
type ordered[T any] interface {
	// less reports whether the value comes before another one.
	less(other T) bool
	// place is the value's place in its heap, plus 1; 0: it is in none.
	place() *int
}

// A heapOf is values of which the first one comes before all others. The zero value
// is empty.
type heapOf[T ordered[T]] []T

// set puts x where it belongs now, or takes it out.
func (h *heapOf[T]) set(x T, in bool) {
	switch i := *x.place() - 1; {
	case in && i < 0:
		heap.Push(h, x)
	case in:
		heap.Fix(h, i)
	case i >= 0:
		heap.Remove(h, i)
	}
}

func (h heapOf[T]) Len() int           { return len(h) }
func (h heapOf[T]) Less(i, j int) bool { return h[i].less(h[j]) }

func (h heapOf[T]) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	*h[i].place(), *h[j].place() = i+1, j+1
}

// Push adds a value (heap.Interface).
func (h *heapOf[T]) Push(x any) {
	v := x.(T)
	*h = append(*h, v)
	*v.place() = len(*h)
}

// Pop removes the last value (heap.Interface).
func (h *heapOf[T]) Pop() any {
	old := *h
	var none T
	v := old[len(old)-1]
	old[len(old)-1] = none
	*h = old[:len(old)-1]
	*v.place() = 0
	return v
}
