package pipeline

import (
	"fmt"
	"slices"
	"testing"
)

// A ledger knows the tasks that it holds, and the last ones that were done, also when
// one that was given back comes again.
func TestLedger(t *testing.T) {
	l := newLedger()
	task := func(i int) *Delivery { return &Delivery{id: fmt.Sprint(i)} }
	want := func(what string, i int, held *Delivery, done bool) {
		t.Helper()
		if d, was := l.find([]byte(fmt.Sprint(i))); d != held || was != done {
			t.Errorf("%s: %v, done %v, want %v, %v", what, d, was, held, done)
		}
	}
	first, second := task(-1), task(-1)
	l.add(first)
	want("held", -1, first, false)
	l.remove(first)
	want("given back", -1, nil, false)
	l.add(second)
	l.finish(first)
	want("done by an earlier delivery while it is held", -1, second, false)
	l.finish(second)
	l.finish(first)
	want("done", -1, nil, true)
	for i := range consumerMemory {
		want("not known", i, nil, false)
		d := task(i)
		if l.add(d); i%2 == 0 {
			l.remove(d) // its connection was lost
		}
		l.finish(d)
		want("done", i, nil, true)
	}
	want("done long ago", -1, nil, false)
	want("done first", 0, nil, true)
	if len(l.tasks) != consumerMemory || !l.held.Empty() || len(l.done) != consumerMemory {
		t.Errorf("%d ids, %d held, %d places", len(l.tasks), l.held.Len(), len(l.done))
	}
	a, b, c := task(1e6), task(1e6+1), task(1e6+2)
	var seen []*Delivery
	for _, d := range []*Delivery{a, b, c} {
		l.add(d)
	}
	l.each(func(d *Delivery) {
		seen = append(seen, d)
		l.remove(d)
	})
	if !slices.Equal(seen, []*Delivery{a, b, c}) || !l.held.Empty() {
		t.Errorf("%d were seen, %d are left", len(seen), l.held.Len())
	}
}
