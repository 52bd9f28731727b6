package taskqueue

import "time"

// Done reports that p has done a task. It returns the task, or nil if the task
// was done by another worker or given up before. It returns ErrUnknown if p
// does not hold the task.
func (q *Queue) Done(p *Peer, id ID) (*Task, error) {
	t, err := q.report(p, id)
	if err != nil || t.state == finished {
		return nil, err
	}
	q.finish(t, false)
	return t, nil
}

// report notes that p reports the end of a task that it was given. Nobody has the
// task afterwards if p had it: its state is reported.
func (q *Queue) report(p *Peer, id ID) (*Task, error) {
	t := q.given(p, id)
	switch {
	case t == nil:
		return nil, ErrUnknown
	case t.holder == p:
		q.release(t)
		t.state = reported
	default:
		delete(p.late, id)
		p.disclaim(t)
	}
	q.enlist(p)
	return t, nil
}

// finish removes t. A peer that still has it may report on it later.
func (q *Queue) finish(t *Task, dead bool) {
	switch t.state {
	case held:
		q.take(t)
	case waiting, backingOff:
		q.quitLine(t)
		if !t.Control {
			q.counts.Queued--
		}
	}
	t.state, t.when = finished, time.Time{}
	q.schedule(t)
	q.tasks.remove(t)
	q.releaseKey(t)
	t.inAges.Remove()
	q.bytes -= t.Size()
	switch {
	case t.Control:
		return
	case dead:
		q.counts.Dead++
	default:
		q.counts.Done++
	}
	if t.Batch != nil {
		t.Batch.finish(t, dead)
	}
}

// Fail reports that p could not do a task, and whether to try it again. It
// returns the task if it was given up.
func (q *Queue) Fail(p *Peer, id ID, reason error, again bool, now time.Time) (dead *Task, err error) {
	t, err := q.report(p, id)
	if err != nil || t.state != reported {
		return nil, err
	}
	t.Reason = reason
	t.failures++
	t.suspect = false // its worker has survived it
	if !t.Control && (!again || t.spent()) {
		q.finish(t, true)
		return t, nil
	}
	q.pause(t, now.Add(q.backoff(t, t.Attempts)))
	return nil, nil
}

// Return gives back a task that p has not begun; the attempt does not count,
// except against a rate. A peer that still has credit would get the task at once,
// and may return it again and again, so the task waits for Backoff first.
func (q *Queue) Return(p *Peer, id ID, now time.Time) error {
	t := q.given(p, id)
	switch {
	case t == nil:
		return ErrUnknown
	case t.holder != p:
		_, _ = q.report(p, id)
	case p.credit == 0 || q.limits.Backoff.First == 0:
		q.back(t, p)
	default:
		t.Attempts--
		q.release(t)
		q.pause(t, now.Add(q.limits.Backoff.First))
		q.enlist(p)
	}
	return nil
}
