// Package list has doubly linked lists whose elements are part of what stands in
// them, so that nothing is allocated to put something there or to take it away.
package list

// A List is a list of values of type T, in order. The zero value is empty. It is
// for one goroutine at a time, and must not be copied while something is in it.
type List[T any] struct{ first, last *Element[T] }

// An Element is a place in a list: a field of what is to stand there, one for
// each list that it may be in at once. The zero value is in none. It must not be
// copied while it is in one.
type Element[T any] struct {
	list       *List[T] // nil: none
	next, prev *Element[T]
	value      T
}

// First returns the first element; nil when the list is empty.
func (l *List[T]) First() *Element[T] { return l.first }

// Empty reports whether nothing is in the list.
func (l *List[T]) Empty() bool { return l.first == nil }

// PushFront puts v, whose element e is, in front of all others. e must be in no
// list.
func (l *List[T]) PushFront(e *Element[T], v T) {
	e.list, e.prev, e.next, e.value = l, nil, l.first, v
	if l.first != nil {
		l.first.prev = e
	} else {
		l.last = e
	}
	l.first = e
}

// PushBack puts v, whose element e is, behind all others. e must be in no list.
func (l *List[T]) PushBack(e *Element[T], v T) {
	e.list, e.prev, e.next, e.value = l, l.last, nil, v
	if l.last != nil {
		l.last.next = e
	} else {
		l.first = e
	}
	l.last = e
}

// Value returns what stands at e, which must be in a list.
func (e *Element[T]) Value() T { return e.value }

// Next returns the element behind e; nil when e is the last or in no list.
func (e *Element[T]) Next() *Element[T] { return e.next }

// Remove takes e out of its list; in none it does nothing.
func (e *Element[T]) Remove() {
	l := e.list
	if l == nil {
		return
	}
	if e.prev != nil {
		e.prev.next = e.next
	} else {
		l.first = e.next
	}
	if e.next != nil {
		e.next.prev = e.prev
	} else {
		l.last = e.prev
	}
	*e = Element[T]{}
}
