package taskqueue

import (
	"slices"
	"testing"
)

// The place of an id is given out again, and an id of an earlier task, or of
// another queue, does not find the task that has the place by now.
func TestIndex(t *testing.T) {
	random := func(b byte) (r [RandomBytes]byte) {
		r[RandomBytes-1] = b // their tags are the same
		return r
	}
	q := NewQueue(roomy)
	first := q.NewID(random(1))
	if q.Has(first) {
		t.Error("a task is there that was not added")
	}
	q.Add(&Task{ID: first})
	other := ID(string([]byte{0, 0, 0, 0}) + string(make([]byte, RandomBytes-1)) + "\x02")
	if q.Has(other) {
		t.Error("an id of another queue finds a task")
	}
	q.Add(&Task{ID: other})
	if q.Get(first).ID != first || q.Get(other).ID != other || q.Len() != 2 {
		t.Errorf("%d tasks, %v and %v", q.Len(), q.Get(first), q.Get(other))
	}
	if far := ID("\xff" + string(make([]byte, 15))); q.Has(far) { // beyond an int of 32 bits
		t.Errorf("the id %x finds a task", far)
	}
	q.DropID(first) // it has a task
	q.Cancel(first, errFailed)
	second := q.NewID(random(3))
	if placeOf(second) != placeOf(first) || q.Has(first) || q.Has(second) {
		t.Errorf("id %x after %x; %v, %v", second, first, q.Has(first), q.Has(second))
	}
	q.DropID(second)
	third := q.NewID(random(4))
	if q.Add(&Task{ID: third}); q.Get(third).ID != third || len(q.tasks.places) != 1 {
		t.Errorf("%v, %d places", q.Get(third), len(q.tasks.places))
	}
	q.Cancel(other, errFailed)
	q.Cancel(third, errFailed)
	if q.Len() != 0 || len(q.tasks.others) != 0 || !slices.Equal(q.tasks.free, []uint32{0}) {
		t.Errorf("%d tasks are left, %d of others, %v free", q.Len(), len(q.tasks.others), q.tasks.free)
	}
}
