package taskqueue

import "time"

// A Place is where a walk through a queue goes on: after a task. The zero value is
// the beginning.
type Place struct {
	ID    ID
	Added uint64 // which Add of the queue that was
}

// Walk calls visit with the unfinished tasks after a place, oldest first, until
// visit returns false. It leaves out control messages. It starts in constant time
// if the place's task is still in the queue.
func (q *Queue) Walk(from Place, visit func(*Task) bool) {
	e := q.ages.First()
	if t := q.tasks.get(from.ID); t != nil && t.added == from.Added && !t.Control {
		e = t.inAges.Next()
	}
	for ; e != nil; e = e.Next() {
		if t := e.Value(); t.added > from.Added && !visit(t) {
			return
		}
	}
}

// Place returns the place after t.
func (t *Task) Place() Place { return Place{t.ID, t.added} }

// Holder returns the peer that has t, and since when; nil for none.
func (t *Task) Holder() (*Peer, time.Time) {
	if t.state != held {
		return nil, time.Time{}
	}
	return t.holder, t.since
}

// Due returns when the lease of t ends or, if no peer has it, until when it waits;
// zero: the lease has no end, or t waits for a worker.
func (t *Task) Due() time.Time {
	if t.state == waiting {
		return time.Time{} // when is the end of its time
	}
	return t.when
}

// LimitMethod sets the limits of a method. Its tasks that run count, and may exceed
// them. It looks at all tasks if they have other keys to wait by now.
func (q *Queue) LimitMethod(procedure string, limit MethodLimit) {
	m := q.line.method(procedure)
	if m.keyed == limit.PerKey {
		q.line.limit(m, limit)
		return
	}
	var waits, counts []*Task // in the line; held tasks that count
	for e := q.ages.First(); e != nil; e = e.Next() {
		t := e.Value()
		switch {
		case t.Procedure != procedure:
		case t.state == backingOff:
			t.lane = nil
		case t.state == waiting && !t.suspect:
			q.line.remove(t)
			waits = append(waits, t)
		default:
			counts = append(counts, t)
		}
	}
	q.line.limit(m, limit)
	q.line.rekey(m, waits, counts)
}

// Pause stops or resumes handing out the tasks of a method, or of all for "".
// Running tasks go on.
func (q *Queue) Pause(procedure string, paused bool) { q.line.pause(procedure, paused) }

// Hurry has a task that waits for its time wait for a worker instead, and returns
// it; nil if no task waits so.
func (q *Queue) Hurry(id ID) *Task {
	t := q.tasks.get(id)
	if t == nil || t.Control || t.state != backingOff {
		return nil
	}
	if t.Terms != nil {
		terms := *t.Terms
		terms.NotBefore = time.Time{}
		t.Terms = &terms
	}
	q.counts.Queued-- // wait counts it again
	q.wait(t, false)
	return t
}

// Cancel removes a waiting or held task, and returns it; nil if there is none. Its
// batch counts it as given up, because of reason. Later reports of the peer that
// has it are ignored.
func (q *Queue) Cancel(id ID, reason error) *Task {
	t := q.tasks.get(id)
	if t == nil || t.Control {
		return nil
	}
	t.Reason = reason
	q.finish(t, true)
	return t
}

// Discard removes a task that nobody has, and returns it; nil if there is none. Its
// batch counts it as given up, for a reason.
func (q *Queue) Discard(id ID, reason error) *Task {
	t := q.tasks.get(id)
	if t == nil || t.state == held {
		return nil
	}
	return q.Cancel(id, reason)
}
