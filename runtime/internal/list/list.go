package list

// A List is an ordered list of values of type T. The zero value is empty. One
// goroutine at a time may use it. It must not be copied unless it is empty.
type List[T any] struct {
	first, last *Element[T]
	len         int
}

// An Element is a place in a list. It is a field of the listed value, which has one
// for each list that it may be in at the same time. The zero value is in no list.
// An Element must not be copied while it is in one.
type Element[T any] struct {
	list       *List[T] // nil: none
	next, prev *Element[T]
	value      T
}

// Len returns how many values are in the list.
func (l *List[T]) Len() int { return l.len }

// First returns the first element; nil when the list is empty.
func (l *List[T]) First() *Element[T] { return l.first }

// Last returns the last element; nil when the list is empty.
func (l *List[T]) Last() *Element[T] { return l.last }

// Empty reports whether the list has no value.
func (l *List[T]) Empty() bool { return l.first == nil }

// PushFront adds v as the first value. e is v's element, and must be in no list.
func (l *List[T]) PushFront(e *Element[T], v T) {
	e.list, e.prev, e.next, e.value = l, nil, l.first, v
	if l.first != nil {
		l.first.prev = e
	} else {
		l.last = e
	}
	l.first = e
	l.len++
}

// PushBack adds v as the last value. e is v's element, and must be in no list.
func (l *List[T]) PushBack(e *Element[T], v T) {
	e.list, e.prev, e.next, e.value = l, l.last, nil, v
	if l.last != nil {
		l.last.next = e
	} else {
		l.first = e
	}
	l.last = e
	l.len++
}

// InsertAfter adds v after the element at, which is in the list. e is v's element,
// and must be in no list.
func (l *List[T]) InsertAfter(e *Element[T], v T, at *Element[T]) {
	if at == l.last {
		l.PushBack(e, v)
		return
	}
	e.list, e.prev, e.next, e.value = l, at, at.next, v
	at.next.prev = e
	at.next = e
	l.len++
}

// Value returns the value at e, which must be in a list.
func (e *Element[T]) Value() T { return e.value }

// Next returns the element after e; nil when e is the last or in no list.
func (e *Element[T]) Next() *Element[T] { return e.next }

// Remove removes e from its list. It does nothing when e is in none.
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
	l.len--
	*e = Element[T]{}
}
