package taskqueue

import (
	"time"

	"github.com/gozmq/gozmq/runtime/internal/list"
)

// A leaseRun is tasks that peers have, whose leases are equally long and end in the
// order in which they began. So the lease of one task costs the same whatever the
// number of tasks is, and nothing is sorted.
type leaseRun struct {
	length time.Duration
	tasks  list.List[*Task]
}

// maxRuns is how many lengths of leases have a run. The leases of all others are in
// the clock.
const maxRuns = 8

// lease restarts t's lease.
func (q *Queue) lease(t *Task, now time.Time) {
	t.inLine.Remove()
	t.when = time.Time{}
	length := t.Lease
	if length > 0 {
		t.when = now.Add(length)
	}
	if most := q.limits.MaxHold; most > 0 {
		if end := t.first.Add(most); t.when.IsZero() || end.Before(t.when) {
			length, t.when = end.Sub(now), end
			if length != most {
				length = 0
			}
		}
	}
	if length <= 0 || !q.run(t, length) {
		q.schedule(t)
	}
}

// run puts t behind those whose leases are as long as its own, and reports whether
// it belongs there.
func (q *Queue) run(t *Task, length time.Duration) bool {
	r := q.leaseRun(length)
	if r == nil {
		return false
	}
	if last := r.tasks.Last(); last != nil && t.when.Before(last.Value().when) {
		return false
	}
	if t.inClock > 0 {
		q.clock.Set(t, false)
	}
	r.tasks.PushBack(&t.inLine, t)
	return true
}

// leaseRun returns the run for leases of a length, nil if there are too many others.
func (q *Queue) leaseRun(length time.Duration) *leaseRun {
	var empty *leaseRun
	for _, r := range q.leases {
		if r.length == length {
			return r
		}
		if r.tasks.Empty() {
			empty = r
		}
	}
	if empty == nil && len(q.leases) < maxRuns {
		empty = new(leaseRun)
		q.leases = append(q.leases, empty)
	}
	if empty != nil {
		empty.length = length
	}
	return empty
}

// first returns the task for which something happens first, nil for none.
func (q *Queue) first() (first *Task) {
	if len(q.clock) > 0 {
		first = q.clock[0]
	}
	for _, r := range q.leases {
		if e := r.tasks.First(); e != nil && (first == nil || e.Value().Less(first)) {
			first = e.Value()
		}
	}
	return first
}
