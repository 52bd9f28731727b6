package taskqueue

import "time"

// Less reports whether something happens earlier for t (heap.Ordered).
func (t *Task) Less(other *Task) bool { return t.when.Before(other.when) }

// Slot returns the place of t in the clock (heap.Ordered).
func (t *Task) Slot() *int { return &t.inClock }

// schedule puts t into the clock, where its time belongs; a zero time takes it out.
func (q *Queue) schedule(t *Task) { q.clock.Set(t, !t.when.IsZero()) }

// Wake returns when Expire or Next has something to do at the earliest; ok is false
// for never.
func (q *Queue) Wake() (when time.Time, ok bool) {
	if t := q.first(); t != nil {
		when, ok = t.when, true
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
// It returns the tasks whose lease has ended, and the tasks that expired while they
// waited; those with Dead were given up.
func (q *Queue) Expire(now time.Time) (expired []Expired) {
	q.freeKeys(now)
	for t := q.first(); t != nil && !t.when.After(now); t = q.first() {
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

// Expired is a task whose lease has ended, with the peer that held it, or a task
// that expired while it waited.
type Expired struct {
	Task *Task
	Peer *Peer // nil: nobody
	Dead bool
}
