package taskqueue

import (
	"time"

	"github.com/gozmq/gozmq/runtime/internal/list"
)

// Limits bound a queue.
type Limits struct {
	Tasks int // that are not finished
	Bytes int // of these
	// Backoff is how long a task whose handler failed waits before its second
	// attempt; it doubles with each further one, up to MaxBackoff.
	Backoff, MaxBackoff time.Duration
}

// Counts say how far a queue is.
type Counts struct {
	Queued      int    // tasks that wait for a worker
	InFlight    int    // tasks that a worker holds
	Done        uint64 // tasks that a worker has done
	Dead        uint64 // tasks that were given up
	Redelivered uint64 // attempts after the first
}

// A Queue hands tasks to peers. One goroutine at a time may use it. The caller
// passes the time, which must not go back.
type Queue struct {
	limits Limits
	tasks  map[ID]*Task // that are not finished
	bytes  int
	line   list.List[*Task] // that wait, first in first out
	clock  clock
	idle   list.List[*Peer] // take tasks, and hold none
	busy   list.List[*Peer] // take tasks, and hold some
	counts Counts
}

// NewQueue returns an empty queue.
func NewQueue(l Limits) *Queue { return &Queue{limits: l, tasks: make(map[ID]*Task)} }

// Counts returns how far the queue is.
func (q *Queue) Counts() Counts { return q.counts }

// Len returns how many tasks are not finished, including control messages.
func (q *Queue) Len() int { return len(q.tasks) }

// Full reports whether there is no room for t. An empty queue has room for any
// task.
func (q *Queue) Full(t *Task) bool {
	return len(q.tasks) > 0 && (len(q.tasks) >= q.limits.Tasks || q.bytes+t.Size() > q.limits.Bytes)
}

// Add adds a task at the end, even if the queue is full. Its ID must be new.
func (q *Queue) Add(t *Task) {
	t.place = -1
	q.tasks[t.ID] = t
	q.bytes += t.Size()
	q.wait(t, false)
}

// Has reports whether the task is known and not finished.
func (q *Queue) Has(id ID) bool { return q.tasks[id] != nil }

// Next hands the first task that waits to a peer with credit left, and returns
// both, or nil when nothing can be handed out. Peers that hold nothing come
// first, then the others in turn. A peer never gets a task that it still holds
// because the lease expired.
func (q *Queue) Next(now time.Time) (*Task, *Peer) {
	for e := q.line.First(); e != nil && !(q.idle.Empty() && q.busy.Empty()); e = e.Next() {
		t := e.Value()
		if p := q.workerFor(t); p != nil {
			q.hand(t, p, now)
			return t, p
		}
	}
	return nil, nil
}

func (q *Queue) workerFor(t *Task) *Peer {
	if !q.idle.Empty() {
		return q.idle.First().Value()
	}
	for e := q.busy.First(); e != nil; e = e.Next() {
		if p := e.Value(); p.holds[t.ID] == nil {
			return p
		}
	}
	return nil
}

func (q *Queue) hand(t *Task, p *Peer, now time.Time) {
	t.inLine.Remove()
	t.state, t.holder = held, p
	t.Attempts++
	p.holds[t.ID] = t
	q.lease(t, now)
	q.enlist(p)
	if !t.Control {
		q.counts.Queued--
		q.counts.InFlight++
		if t.Attempts > 1 {
			q.counts.Redelivered++
		}
	}
}

// Undo reverts Next after the task could not be sent.
func (q *Queue) Undo(t *Task, p *Peer) {
	if !t.Control && t.Attempts > 1 {
		q.counts.Redelivered--
	}
	q.back(t, p)
}

// back puts the task back as the first, and does not count the attempt.
func (q *Queue) back(t *Task, p *Peer) {
	t.Attempts--
	delete(p.holds, t.ID)
	q.release(t)
	q.wait(t, true)
	q.enlist(p)
}

// lease restarts t's lease.
func (q *Queue) lease(t *Task, now time.Time) {
	t.when = time.Time{}
	if t.Lease > 0 {
		t.when = now.Add(t.Lease)
	}
	q.clock.set(t)
}

// wait puts t into the line.
func (q *Queue) wait(t *Task, front bool) {
	t.state, t.when = waiting, time.Time{}
	q.clock.set(t)
	if front {
		q.line.PushFront(&t.inLine, t)
	} else {
		q.line.PushBack(&t.inLine, t)
	}
	if !t.Control {
		q.counts.Queued++
	}
}

// release takes t from its holder, but leaves it in the peer's holds.
func (q *Queue) release(t *Task) {
	t.holder = nil
	if !t.Control {
		q.counts.InFlight--
	}
}

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

// report removes a task whose end p reports from those that p holds.
func (q *Queue) report(p *Peer, id ID) (*Task, error) {
	t := p.holds[id]
	if t == nil {
		return nil, ErrUnknown
	}
	delete(p.holds, id)
	q.enlist(p)
	return t, nil
}

// finish removes t. A peer that still holds it may report on it later.
func (q *Queue) finish(t *Task, dead bool) {
	switch t.state {
	case held:
		q.release(t)
	case waiting:
		t.inLine.Remove()
		fallthrough
	case backingOff:
		if !t.Control {
			q.counts.Queued--
		}
	}
	t.state, t.when = finished, time.Time{}
	q.clock.set(t)
	delete(q.tasks, t.ID)
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
	if err != nil || t.holder != p || t.state != held {
		return nil, err
	}
	t.Reason = reason
	if !t.Control && (!again || t.spent()) {
		q.finish(t, true)
		return t, nil
	}
	q.release(t)
	t.state = backingOff
	t.when = now.Add(q.backoff(t.Attempts))
	q.clock.set(t)
	if !t.Control {
		q.counts.Queued++
	}
	return nil, nil
}

func (t *Task) spent() bool { return t.MaxAttempts > 0 && t.Attempts >= t.MaxAttempts && !t.Control }

// backoff returns how long to wait after that many attempts.
func (q *Queue) backoff(attempts int) time.Duration {
	d := q.limits.Backoff
	for i := 1; i < attempts && d < q.limits.MaxBackoff; i++ {
		d *= 2
	}
	return min(d, q.limits.MaxBackoff)
}

// Return gives back a task that p has not begun; the attempt does not count.
func (q *Queue) Return(p *Peer, id ID) error {
	t := p.holds[id]
	switch {
	case t == nil:
		return ErrUnknown
	case t.state == held && t.holder == p:
		q.back(t, p)
	default:
		_, _ = q.report(p, id)
	}
	return nil
}

// Extend restarts the lease of a task that p holds. It has no effect on a lease
// that has expired.
func (q *Queue) Extend(p *Peer, id ID, now time.Time) error {
	t := p.holds[id]
	if t == nil {
		return ErrUnknown
	}
	if t.state == held && t.holder == p {
		q.lease(t, now)
	}
	return nil
}

// Wake returns when Expire next has something to do; ok is false for never.
func (q *Queue) Wake() (when time.Time, ok bool) {
	if len(q.clock) == 0 {
		return time.Time{}, false
	}
	return q.clock[0].when, true
}

// Expire ends the backoffs and the leases whose time has come. It returns the
// tasks whose lease has ended; those with Dead were given up.
func (q *Queue) Expire(now time.Time) (expired []Expired) {
	for len(q.clock) > 0 && !q.clock[0].when.After(now) {
		t := q.clock[0]
		if t.state == backingOff {
			if !t.Control {
				q.counts.Queued--
			}
			q.wait(t, false)
			continue
		}
		e := Expired{Task: t, Peer: t.holder}
		e.Dead = q.retry(t, ErrExpired)
		expired = append(expired, e)
	}
	return expired
}

// Expired is a task whose lease has ended, and the peer that held it.
type Expired struct {
	Task *Task
	Peer *Peer
	Dead bool
}

// retry takes t from its holder and puts it first into the line or, if that was
// its last attempt, gives it up.
func (q *Queue) retry(t *Task, reason error) (dead bool) {
	t.Reason = reason
	if t.spent() {
		q.finish(t, true)
		return true
	}
	q.release(t)
	q.wait(t, true)
	return false
}
