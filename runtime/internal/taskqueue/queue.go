package taskqueue

import (
	"time"

	"github.com/gozmq/gozmq/runtime/internal/heap"
	"github.com/gozmq/gozmq/runtime/internal/list"
)

// Limits bound a queue.
type Limits struct {
	Tasks int // that are not finished
	Bytes int // of these
	Backoff
	// MaxHold is how long a worker may hold a task, even if it extends the lease; 0
	// is without limit.
	MaxHold time.Duration
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
	tasks  index // that are not finished
	bytes  int
	line   line             // that wait
	shady  list.List[*Task] // suspects that wait; they come before the line
	ages   list.List[*Task] // that are not finished, oldest first, without control messages
	clock  heap.Heap[*Task] // tasks for which something happens at a time
	leases []*leaseRun      // those whose leases end at one, as far as they are as long as others
	kept   *Peer            // gets nothing until it holds nothing, and then a suspect; nil: none
	added  uint64           // calls of Add
	hands  uint64           // times that a task was handed out
	idle   list.List[*Peer] // take tasks, and hold none
	busy   list.List[*Peer] // take tasks, and hold some
	counts Counts
	unique map[string]*uniqueKey // keys that no other task may have
	stale  heap.Heap[*uniqueKey] // those of them that become free at a known time
	freed  []ID                  // whose keys have become free at a time

	reserved, reservedBytes int // places that are kept

	peers   map[*Peer]struct{}
	limit   int64   // the largest task that any peer takes; 0: any
	refused []*Task // that were given up as too large

	backoffs map[string]Backoff // of methods that have their own
}

// NewQueue returns an empty queue.
func NewQueue(l Limits) *Queue {
	return &Queue{limits: l, peers: make(map[*Peer]struct{})}
}

// Counts returns how far the queue is.
func (q *Queue) Counts() Counts { return q.counts }

// Len returns how many tasks are not finished, including control messages.
func (q *Queue) Len() int { return q.tasks.count }

// Full reports whether there is no room for t. An empty queue has room for any
// task.
func (q *Queue) Full(t *Task) bool {
	n := q.tasks.count + q.reserved
	return n > 0 && (n >= q.limits.Tasks || q.bytes+q.reservedBytes+t.Size() > q.limits.Bytes)
}

// Reserve keeps a place for t until Unreserve.
func (q *Queue) Reserve(t *Task) {
	q.reserved++
	q.reservedBytes += t.Size()
}

// Unreserve ends what Reserve began.
func (q *Queue) Unreserve(t *Task) {
	q.reserved--
	q.reservedBytes -= t.Size()
}

// Add adds a task at the end, even if the queue is full. Its ID must be new.
func (q *Queue) Add(t *Task) {
	t.failures = t.Attempts
	q.added++
	t.added = q.added
	q.tasks.add(t)
	q.bytes += t.Size()
	if !t.Control {
		q.ages.PushBack(&t.inAges, t)
	}
	q.claimKey(t)
	if t.Terms != nil && !t.Terms.NotBefore.IsZero() {
		q.pause(t, t.Terms.NotBefore)
		return
	}
	q.wait(t, false)
}

// Oldest returns when the task was added that has been there for the longest time;
// zero when there is none.
func (q *Queue) Oldest() time.Time {
	if e := q.ages.First(); e != nil {
		return e.Value().Since
	}
	return time.Time{}
}

// Bytes returns how many bytes the tasks count against the queue's limit.
func (q *Queue) Bytes() int { return q.bytes }

// Has reports whether the task is known and not finished.
func (q *Queue) Has(id ID) bool { return q.tasks.get(id) != nil }

// Get returns the task if it is known and not finished, nil otherwise.
func (q *Queue) Get(id ID) *Task { return q.tasks.get(id) }

// ID returns an id, without a copy of b if there is such a task.
func (q *Queue) ID(b []byte) ID {
	if t := q.tasks.get(ID(b)); t != nil {
		return t.ID
	}
	return ID(b)
}

// Next hands the first waiting task that the limits of its method and key allow to
// a peer with credit, and returns both, or nil when no task can be handed out. The
// highest priority comes first. Peers that hold nothing come first, then the others
// in turn. A peer never gets a task that it still holds because the lease expired,
// nor one beyond its limit. A suspect goes to a peer that holds nothing, and that
// gets nothing else until the suspect is over.
func (q *Queue) Next(now time.Time) (*Task, *Peer) {
	q.line.open(now)
	if t, p := q.nextSuspect(now); t != nil {
		q.hand(t, p, now)
		p.alone = t
		q.enlist(p)
		return t, p
	}
	if q.idle.Empty() && q.busy.Empty() {
		return nil, nil
	}
	t, p := q.line.find(now, q)
	if t != nil {
		q.hand(t, p, now)
	}
	return t, p
}

// offer returns a peer that takes a task, which is in the line, nil if there is
// none or the task has expired. It takes one out of the line that no peer takes.
func (q *Queue) offer(t *Task, now time.Time) *Peer {
	if t.expired(now) {
		return nil
	}
	if err := q.Fits(t); err != nil {
		q.refuse(t, err, now)
		return nil
	}
	return q.workerFor(t)
}

func (q *Queue) workerFor(t *Task) *Peer {
	if p := q.idleFor(t); p != nil {
		return p
	}
	for e := q.busy.First(); e != nil; e = e.Next() {
		if p := e.Value(); p.late[t.ID] == nil && p.takes(t) {
			return p
		}
	}
	return nil
}

// idleFor returns a peer that holds nothing and takes t, nil if there is none.
func (q *Queue) idleFor(t *Task) *Peer {
	for e := q.idle.First(); e != nil; e = e.Next() {
		if p := e.Value(); p.takes(t) {
			return p
		}
	}
	return nil
}

func (q *Queue) hand(t *Task, p *Peer, now time.Time) {
	q.leaveLine(t)
	q.line.begin(t, now)
	t.Attempts++
	if !t.first.IsZero() {
		t.history().before = t.first
	}
	t.first, t.Progress = now, nil
	if !t.Control {
		q.counts.Queued--
	}
	q.give(t, p, now)
	if !t.Control && t.Attempts > 1 {
		q.counts.Redelivered++
	}
}

// give makes p the holder of t, which nobody holds.
func (q *Queue) give(t *Task, p *Peer, now time.Time) {
	q.hands++
	t.state, t.holder, t.since, t.hand, t.begun, t.handled = held, p, now, q.hands, false, false
	if t.past != nil {
		t.past.claimant = nil
	}
	p.held++
	p.add(t)
	q.line.enter(t)
	q.line.run(t, 1)
	q.lease(t, now)
	q.enlist(p)
	if !t.Control {
		q.counts.InFlight++
	}
}

// Undo reverts Next after the task could not be sent.
func (q *Queue) Undo(t *Task, p *Peer) {
	if !t.Control && t.Attempts > 1 {
		q.counts.Redelivered--
	}
	q.line.unbegin(t)
	q.back(t, p)
}

// back puts the task back as the first, and does not count the attempt.
func (q *Queue) back(t *Task, p *Peer) {
	t.Attempts--
	q.release(t)
	q.wait(t, true)
	q.enlist(p)
}

// wait puts t into the line.
func (q *Queue) wait(t *Task, front bool) {
	t.state, t.when = waiting, t.expires()
	q.schedule(t)
	switch {
	case !t.suspect:
		q.line.add(t, front)
	case front:
		q.line.enter(t)
		q.shady.PushFront(&t.inLine, t)
	default:
		q.line.enter(t)
		q.shady.PushBack(&t.inLine, t)
	}
	if !t.Control {
		q.counts.Queued++
	}
}

// leaveLine takes t out of the line if it waits there.
func (q *Queue) leaveLine(t *Task) {
	switch {
	case t.state != waiting:
	case t.suspect:
		t.inLine.Remove()
	default:
		q.line.remove(t)
	}
}

// quitLine is leaveLine for a task that is not handed out: nothing is left of its
// key if it was the last one.
func (q *Queue) quitLine(t *Task) {
	q.leaveLine(t)
	if t.state == waiting {
		q.line.drop(t.lane)
	}
}

// take is release for a task whose holder has not reported its end.
func (q *Queue) take(t *Task) {
	t.holder.remember(t)
	q.release(t)
}

// release takes t from its holder. The caller enlists that if it gets another task
// in its place.
func (q *Queue) release(t *Task) {
	p := t.holder
	p.held--
	if t.begun {
		p.begun--
	}
	if p.alone == t {
		p.alone = nil
		q.enlist(p)
	}
	t.inLine.Remove() // of its leaseRun
	t.holder, t.begun, t.handled = nil, false, false
	q.line.run(t, -1)
	if !t.Control {
		q.counts.InFlight--
	}
}

// pause has t, which nobody holds, wait until when.
func (q *Queue) pause(t *Task, when time.Time) {
	if end := t.expires(); !end.IsZero() && end.Before(when) {
		when = end
	}
	t.state, t.when = backingOff, when
	q.schedule(t)
	if !t.Control {
		q.counts.Queued++
	}
}

// spent reports whether t has failed, or was lost, as often as it may be.
func (t *Task) spent() bool {
	return t.MaxAttempts > 0 && !t.Control && (t.failures >= t.MaxAttempts || t.losses() >= t.MaxAttempts)
}
