package pipeline

import (
	"time"

	"github.com/gozmq/gozmq/runtime/internal/heap"
	"github.com/gozmq/gozmq/runtime/internal/list"
)

// A doneTask is a task that was done and is kept to be looked at.
type doneTask struct {
	TaskState
	until   time.Time // when it is forgotten
	place   uint64    // the order in which they were done
	inOrder list.Element[*doneTask]
	inClock int
}

// Less reports whether t is forgotten earlier (heap.Ordered).
func (t *doneTask) Less(other *doneTask) bool { return t.until.Before(other.until) }

// Slot returns the place of t in the clock (heap.Ordered).
func (t *doneTask) Slot() *int { return &t.inClock }

// retained is the tasks that were done and are kept for a time. Its zero value has
// none; the dispatcher's lock guards it.
type retained struct {
	byID  map[string]*doneTask
	order list.List[*doneTask]
	clock heap.Heap[*doneTask] // the task to forget next comes first
	bytes int
	last  uint64 // the place of the last one
}

// The limits of the retained tasks. Beyond them a dispatcher forgets the one that
// was done first.
const (
	MaxRetained      = 100_000
	MaxRetainedBytes = 64 << 20
)

// doneOverhead is the approximate size of a doneTask without its contents.
const doneOverhead = 512

func (t *doneTask) size() int {
	return len(t.ID) + len(t.Procedure) + len(t.Body) + len(t.Result) + len(t.Progress.Text) + doneOverhead
}

// add keeps a task, and returns the tasks that it forgets to make room.
func (r *retained) add(s TaskState, until time.Time) (forgotten []*doneTask) {
	if r.byID == nil {
		r.byID = make(map[string]*doneTask)
	}
	r.last++
	t := &doneTask{TaskState: s, until: until, place: r.last}
	r.byID[t.ID] = t
	r.order.PushBack(&t.inOrder, t)
	r.clock.Set(t, true)
	r.bytes += t.size()
	for len(r.byID) > 1 && (len(r.byID) > MaxRetained || r.bytes > MaxRetainedBytes) {
		oldest := r.order.First().Value()
		r.remove(oldest)
		forgotten = append(forgotten, oldest)
	}
	return forgotten
}

func (r *retained) remove(t *doneTask) {
	delete(r.byID, t.ID)
	t.inOrder.Remove()
	r.clock.Set(t, false)
	r.bytes -= t.size()
}

// expire returns a task whose time is over, which it removes; nil if there is none.
func (r *retained) expire(now time.Time) *doneTask {
	if len(r.clock) == 0 || r.clock[0].until.After(now) {
		return nil
	}
	t := r.clock[0]
	r.remove(t)
	return t
}

// wake returns when expire has something to do; ok is false for never.
func (r *retained) wake() (when time.Time, ok bool) {
	if len(r.clock) == 0 {
		return when, false
	}
	return r.clock[0].until, true
}
