package taskqueue

import "time"

// A Window remembers the ids of the last tasks that were dealt with, for some
// time.
type Window struct {
	max  int
	age  time.Duration
	seen map[ID]struct{}
	ring []windowEntry // oldest at next once it is full
	next int
	old  int // the oldest entry that is still in seen
	used int // entries in seen
}

type windowEntry struct {
	id   ID
	when time.Time
}

// NewWindow returns a window that remembers at most max tasks, each for age.
// With max 0 it remembers nothing; an age of 0 is without end.
func NewWindow(max int, age time.Duration) *Window {
	return &Window{max: max, age: age, seen: make(map[ID]struct{})}
}

// Add remembers a task that is not in the window.
func (w *Window) Add(id ID, now time.Time) {
	if w.max == 0 {
		return
	}
	w.forget(now)
	if w.used == w.max {
		w.drop()
	}
	if len(w.ring) < w.max {
		w.ring = append(w.ring, windowEntry{id, now})
	} else {
		w.ring[w.next] = windowEntry{id, now}
	}
	w.next = (w.next + 1) % w.max
	w.used++
	w.seen[id] = struct{}{}
}

// Has reports whether a task is in the window.
func (w *Window) Has(id ID, now time.Time) bool {
	w.forget(now)
	_, ok := w.seen[id]
	return ok
}

// forget drops the entries that are too old.
func (w *Window) forget(now time.Time) {
	for w.age > 0 && w.used > 0 && now.Sub(w.ring[w.old].when) >= w.age {
		w.drop()
	}
}

func (w *Window) drop() {
	delete(w.seen, w.ring[w.old].id)
	w.ring[w.old] = windowEntry{}
	w.old = (w.old + 1) % w.max
	w.used--
}
