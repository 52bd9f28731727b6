package taskqueue

import (
	"container/heap"
	"time"
)

// clock is the tasks for which something happens at a time, earliest first.
type clock []*Task

func (c clock) Len() int           { return len(c) }
func (c clock) Less(i, j int) bool { return c[i].when.Before(c[j].when) }

func (c clock) Swap(i, j int) {
	c[i], c[j] = c[j], c[i]
	c[i].place, c[j].place = i, j
}

// Push adds a task (heap.Interface).
func (c *clock) Push(x any) {
	t := x.(*Task)
	t.place = len(*c)
	*c = append(*c, t)
}

// Pop removes the last task (heap.Interface).
func (c *clock) Pop() any {
	old := *c
	t := old[len(old)-1]
	old[len(old)-1] = nil
	*c = old[:len(old)-1]
	t.place = -1
	return t
}

// set puts t where its time belongs; a zero time takes it out.
func (c *clock) set(t *Task) {
	switch {
	case t.when.IsZero():
		if t.place >= 0 {
			heap.Remove(c, t.place)
		}
	case t.place >= 0:
		heap.Fix(c, t.place)
	default:
		heap.Push(c, t)
	}
}

// Wake returns when Expire or Next has something to do at the earliest; ok is false
// for never.
func (q *Queue) Wake() (when time.Time, ok bool) {
	if len(q.clock) > 0 {
		when, ok = q.clock[0].when, true
	}
	if gates := q.line.gates; len(gates) > 0 && (!ok || gates[0].until.Before(when)) {
		when, ok = gates[0].until, true
	}
	if len(q.stale) > 0 && (!ok || q.stale[0].until.Before(when)) {
		when, ok = q.stale[0].until, true
	}
	return when, ok
}

// Expire ends the backoffs, the leases and the unique keys whose time has come.
// It returns the tasks whose lease has ended, and those that have waited until
// they expired; those with Dead were given up.
func (q *Queue) Expire(now time.Time) (expired []Expired) {
	q.freeKeys(now)
	for len(q.clock) > 0 && !q.clock[0].when.After(now) {
		t := q.clock[0]
		if t.state != held && t.expired(now) {
			t.Reason = ErrTooLate
			q.finish(t, true)
			expired = append(expired, Expired{Task: t, Dead: true})
			continue
		}
		if t.state == backingOff {
			if !t.Control {
				q.counts.Queued--
			}
			q.wait(t, t.Reason == ErrLost)
			continue
		}
		e := Expired{Task: t, Peer: t.holder}
		e.Dead = q.lose(t, t.holder.hasBegun(t), ErrExpired, now)
		expired = append(expired, e)
	}
	return expired
}

// Expired is a task whose lease has ended, and the peer that held it; or one that
// has expired while it waited.
type Expired struct {
	Task *Task
	Peer *Peer // nil: nobody
	Dead bool
}
