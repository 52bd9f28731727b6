package taskqueue

import (
	"time"

	"github.com/gozmq/gozmq/runtime/internal/list"
)

// Limits bound a queue.
type Limits struct {
	Tasks int // that are not finished
	Bytes int // of those
	// Pause is how long a task whose handler failed waits before its second
	// attempt; it doubles with each, up to MaxPause.
	Pause, MaxPause time.Duration
}

// Counts say how far a queue is.
type Counts struct {
	Queued      int    // tasks that wait for a worker
	InFlight    int    // tasks that a worker has
	Done        uint64 // tasks that a worker has done
	Dead        uint64 // tasks that were given up
	Redelivered uint64 // attempts after the first
}

// A Queue hands tasks to peers. It is for one goroutine at a time. Times are
// the caller's and must not go back.
type Queue struct {
	limits Limits
	tasks  map[ID]*Task // that are not finished
	bytes  int
	line   list.List[*Task] // that wait
	clock  clock
	idle   list.List[*Peer] // take tasks, and hold none
	busy   list.List[*Peer] // take tasks, and hold some
	counts Counts
}

// NewQueue returns an empty queue.
func NewQueue(l Limits) *Queue { return &Queue{limits: l, tasks: make(map[ID]*Task)} }

// Counts returns how far the queue is.
func (q *Queue) Counts() Counts { return q.counts }

// Len returns how many tasks are not finished, those of control included.
func (q *Queue) Len() int { return len(q.tasks) }

// Full reports whether there is no room for t. An empty queue has room for any
// task.
func (q *Queue) Full(t *Task) bool {
	return len(q.tasks) > 0 && (len(q.tasks) >= q.limits.Tasks || q.bytes+t.Size() > q.limits.Bytes)
}

// Add adds a task at the end, whether or not the queue is full. Its ID must be
// new.
func (q *Queue) Add(t *Task) {
	t.place = -1
	q.tasks[t.ID] = t
	q.bytes += t.Size()
	q.wait(t, false)
}

// Has reports whether the task is known and not finished.
func (q *Queue) Has(id ID) bool { return q.tasks[id] != nil }

// Next hands the first task that waits to a peer that takes it, and returns
// both, or nil when nothing can be handed out. Peers that hold nothing come
// first, then the others in turn. No peer gets a task that it holds already,
// although its lease has expired.
func (q *Queue) Next(now time.Time) (*Task, *Peer) {
	for e := q.line.First(); e != nil && !(q.idle.Empty() && q.busy.Empty()); e = e.Next() {
		t := e.Value()
		if p := q.taker(t); p != nil {
			q.hand(t, p, now)
			return t, p
		}
	}
	return nil, nil
}

func (q *Queue) taker(t *Task) *Peer {
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
	q.stand(p)
	if !t.Control {
		q.counts.Queued--
		q.counts.InFlight++
		if t.Attempts > 1 {
			q.counts.Redelivered++
		}
	}
}

// Undo takes back what Next has just done: the task could not be sent.
func (q *Queue) Undo(t *Task, p *Peer) {
	if !t.Control && t.Attempts > 1 {
		q.counts.Redelivered--
	}
	q.back(t, p)
}

// back takes an attempt that was none off the task, which is again the first.
func (q *Queue) back(t *Task, p *Peer) {
	t.Attempts--
	delete(p.holds, t.ID)
	q.release(t)
	q.wait(t, true)
	q.stand(p)
}

// lease starts t's lease anew.
func (q *Queue) lease(t *Task, now time.Time) {
	t.when = time.Time{}
	if t.Lease > 0 {
		t.when = now.Add(t.Lease)
	}
	q.clock.set(t)
}

// wait puts t among those that wait.
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

// release takes t from its holder, whose holds stay as they are.
func (q *Queue) release(t *Task) {
	t.holder = nil
	if !t.Control {
		q.counts.InFlight--
	}
}

// Done says that p has done a task. It returns the task, or nil when another
// worker had done it before, or it was given up. A peer that does not hold the
// task gets ErrUnknown.
func (q *Queue) Done(p *Peer, id ID) (*Task, error) {
	t, err := q.told(p, id)
	if err != nil || t.state == finished {
		return nil, err
	}
	q.finish(t, false)
	return t, nil
}

// told takes in that p has told the end of a task.
func (q *Queue) told(p *Peer, id ID) (*Task, error) {
	t := p.holds[id]
	if t == nil {
		return nil, ErrUnknown
	}
	delete(p.holds, id)
	q.stand(p)
	return t, nil
}

// finish takes t out. Whoever still holds it may tell so.
func (q *Queue) finish(t *Task, dead bool) {
	switch t.state {
	case held:
		q.release(t)
	case waiting:
		t.inLine.Remove()
		fallthrough
	case paused:
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

// Fail says that p could not do a task, and whether it may be tried again. It
// returns the task if that was its end.
func (q *Queue) Fail(p *Peer, id ID, reason error, again bool, now time.Time) (dead *Task, err error) {
	t, err := q.told(p, id)
	if err != nil || t.holder != p || t.state != held {
		return nil, err
	}
	t.Reason = reason
	if !t.Control && (!again || t.spent()) {
		q.finish(t, true)
		return t, nil
	}
	q.release(t)
	t.state = paused
	t.when = now.Add(q.pause(t.Attempts))
	q.clock.set(t)
	if !t.Control {
		q.counts.Queued++
	}
	return nil, nil
}

func (t *Task) spent() bool { return t.MaxAttempts > 0 && t.Attempts >= t.MaxAttempts && !t.Control }

// pause returns how long to wait after that many attempts.
func (q *Queue) pause(attempts int) time.Duration {
	d := q.limits.Pause
	for i := 1; i < attempts && d < q.limits.MaxPause; i++ {
		d *= 2
	}
	return min(d, q.limits.MaxPause)
}

// Return says that p gives a task back that it has not begun: the attempt does
// not count.
func (q *Queue) Return(p *Peer, id ID) error {
	t := p.holds[id]
	switch {
	case t == nil:
		return ErrUnknown
	case t.state == held && t.holder == p:
		q.back(t, p)
	default:
		_, _ = q.told(p, id)
	}
	return nil
}

// Extend starts the lease of a task that p holds anew. It has no effect on a
// lease that has expired.
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

// Wake returns when Expire has something to do; ok is false for never.
func (q *Queue) Wake() (when time.Time, ok bool) {
	if len(q.clock) == 0 {
		return time.Time{}, false
	}
	return q.clock[0].when, true
}

// Expire ends the pauses and the leases that are over. It returns the tasks
// whose lease it was; those with Dead were given up.
func (q *Queue) Expire(now time.Time) (expired []Expired) {
	for len(q.clock) > 0 && !q.clock[0].when.After(now) {
		t := q.clock[0]
		if t.state == paused {
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

// Expired is a task whose lease has ended, and who had it.
type Expired struct {
	Task *Task
	Peer *Peer
	Dead bool
}

// retry takes t from its holder, for the next one or, if that was the last
// attempt, for nobody.
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
