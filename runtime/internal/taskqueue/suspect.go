package taskqueue

import (
	"slices"
	"time"
)

const (
	// maxSilent is how often a task may be lost at workers that had not begun it
	// before it is a suspect.
	maxSilent = 2
	// minProof is the shortest time that a worker must survive a suspect.
	minProof = time.Second
	// minTrim is how many ended tasks a peer's order may have beyond twice the
	// number that it holds.
	minTrim = 64
)

// hasBegun reports whether p has begun a task that it has. If p has not said
// so of any, the oldest that it was given counts as begun.
func (p *Peer) hasBegun(t *Task) bool {
	if p.begun > 0 {
		return t.begun
	}
	p.trim()
	return len(p.order) > 0 && p.order[0].task == t
}

// add records that t was handed to p.
func (p *Peer) add(t *Task) {
	if len(p.order) > 2*p.Holds()+minTrim {
		p.order = slices.DeleteFunc(p.order, func(g given) bool { return !p.has(g) })
	}
	p.order = append(p.order, given{t, t.added, t.hand})
}

// has reports whether p still holds a task that was handed to it.
func (p *Peer) has(g given) bool {
	if g.task.holder == p {
		return g.task.hand == g.hand
	}
	return g.task.added == g.added && p.late[g.task.ID] == g.task
}

// trim drops the first entries of p.order that p no longer holds.
func (p *Peer) trim() {
	n := 0
	for n < len(p.order) && !p.has(p.order[n]) {
		n++
	}
	p.order = slices.Delete(p.order, 0, n)
}

// lose takes t from its holder, which was lost or has had it for too long. It
// reports whether t was given up. An attempt that was not begun does not count.
// If t was begun, and not handled, when its worker was lost, t is a suspect and
// waits for a pause. A task that another peer has claimed goes on there instead.
func (q *Queue) lose(t *Task, begun bool, reason error, now time.Time) (dead bool) {
	if q.resume(t, now) {
		return false
	}
	t.Reason = reason
	if t.Control {
		q.take(t)
		q.wait(t, true)
		return false
	}
	if !begun {
		t.Attempts--
		h := t.history()
		h.silent++
		t.suspect = t.suspect || h.silent >= maxSilent
		q.take(t)
		q.wait(t, true)
		return false
	}
	h := t.history()
	h.losses++
	if t.spent() {
		q.finish(t, true)
		return true
	}
	handled := t.handled
	q.take(t)
	if reason != ErrLost || handled {
		q.wait(t, true)
		return false
	}
	t.suspect = true
	h.ran = max(h.ran, now.Sub(t.since))
	if d := q.backoff(t, h.losses); d > 0 {
		q.pause(t, now.Add(d))
	} else {
		q.wait(t, true)
	}
	return false
}

// nextSuspect returns the first suspect that waits, and a peer that holds
// nothing. If there is none, it keeps a peer that holds the least from getting
// more, so that there will be.
func (q *Queue) nextSuspect(now time.Time) (*Task, *Peer) {
	first := q.shady.First()
	for first != nil {
		t := first.Value()
		if err := q.Fits(t); err != nil {
			first = first.Next()
			q.refuse(t, err, now)
		} else if !t.expired(now) && q.line.admits(t, now) {
			break
		} else {
			first = first.Next()
		}
	}
	switch {
	case first == nil:
		if p := q.kept; p != nil {
			q.kept = nil
			q.enlist(p)
		}
		return nil, nil
	case q.idleFor(first.Value()) != nil:
		p := q.idleFor(first.Value())
		q.spare(p)
		return first.Value(), p
	}
	for e := q.busy.First(); e != nil; e = e.Next() {
		p := e.Value()
		if q.kept != nil && q.kept.Holds() <= p.Holds() || p.hangs() || !p.takes(first.Value()) {
			continue
		}
		before := q.kept
		q.kept = p
		q.enlist(p)
		if before != nil {
			q.enlist(before)
		}
		break
	}
	return nil, nil
}

// hangs reports whether p holds a task whose lease has ended.
func (p *Peer) hangs() bool { return len(p.late) > 0 }

// Extend records that p has begun a task, and restarts the lease. It has no effect
// on an expired lease. attempt is the attempt that p runs, 0 if unknown. If it is
// an earlier one, the losses since then did not end it and do not count. With an
// attempt a peer may claim a task that it does not hold, because its connection was
// lost while it was running the task.
func (q *Queue) Extend(p *Peer, id ID, attempt int, now time.Time) error {
	t := q.given(p, id)
	if t == nil {
		if attempt < 1 {
			return ErrUnknown
		}
		if t = q.tasks.get(id); t != nil && !t.Control {
			q.claim(p, t, attempt, now)
		}
		return nil
	}
	if t.holder != p {
		return nil
	}
	if !t.begun {
		t.begun = true
		p.begun++
	}
	q.forgive(t, attempt)
	if t.suspect && now.Sub(t.since) > max(2*t.history().ran, minProof) {
		q.clear(t)
	}
	q.lease(t, now)
	return nil
}

// Handled records that p's handler of a task has returned, so that the task is not
// a suspect, and its result waits for a sink. It has no effect when p does not hold
// the task.
func (q *Queue) Handled(p *Peer, id ID) {
	if t := q.given(p, id); t != nil && t.holder == p {
		t.handled = true
		q.clear(t)
	}
}

// Report notes how far a task is that p has. It has no effect when p does not have
// it.
func (q *Queue) Report(p *Peer, id ID, progress Progress) {
	if t := q.given(p, id); t != nil && t.holder == p {
		t.Progress = &progress
	}
}

// claim gives p a task that it runs. If another peer has it by now, p may still
// report its end, and has the task when that peer is lost.
func (q *Queue) claim(p *Peer, t *Task, attempt int, now time.Time) {
	q.forgive(t, attempt)
	if t.state == held {
		p.remember(t)
		p.add(t)
		q.enlist(p)
		t.past.claimant, t.past.claimed = p, attempt
		return
	}
	q.leaveLine(t)
	t.Attempts = t.failures + t.losses() + 1
	if !t.Control {
		q.counts.Queued--
	}
	if t.first.IsZero() {
		t.first = now // another queue has handed it out
	}
	q.give(t, p, now)
	t.begun = true
	p.begun++
}

// resume gives t, which is taken from its holder, to the peer that has claimed it
// meanwhile. Often that is the same worker: its new connection may be there before
// the end of the old one is known. It returns false if there is no such peer.
func (q *Queue) resume(t *Task, now time.Time) bool {
	if t.past == nil || t.past.claimant == nil {
		return false
	}
	p := t.past.claimant
	q.take(t)
	delete(p.late, t.ID)
	q.wait(t, true)
	q.claim(p, t, t.past.claimed, now)
	return true
}

// disclaim ends p's claim of t.
func (p *Peer) disclaim(t *Task) {
	if t.past != nil && t.past.claimant == p {
		t.past.claimant = nil
	}
}

// forgive takes back the losses since an attempt that is under way.
func (q *Queue) forgive(t *Task, attempt int) {
	n := min(t.failures+t.losses()+1-attempt, t.losses())
	if attempt < 1 || n < 1 {
		return
	}
	h := t.past
	h.losses -= n
	t.Attempts -= n
	h.silent = 0
	if !h.before.IsZero() {
		t.first = h.before
	}
	q.clear(t)
}

// clear ends the suspicion against t.
func (q *Queue) clear(t *Task) {
	if !t.suspect {
		return
	}
	q.leaveLine(t)
	t.suspect, t.history().ran = false, 0
	switch {
	case t.state == waiting:
		q.line.add(t, true)
	case t.state == held && t.holder.alone == t:
		t.holder.alone = nil
		q.enlist(t.holder)
	}
}
