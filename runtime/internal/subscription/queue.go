package subscription

import (
	"sync"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/lru"
	"github.com/gozmq/gozmq/runtime/internal/notify"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// A Queue is a receive queue: a bounded first-in, first-out queue of messages from
// the connections to one iterator. Its memory is two buffers that are filled and
// emptied in turn, so that it allocates nothing per message. Its methods may be
// called from any goroutine.
type Queue struct {
	cfg   QueueConfig
	ready notify.Token // an entry can be taken, or the queue is closed

	mu        sync.Mutex
	front     []*buffer // taken before in
	in        *buffer
	spare     *buffer // nil while an iterator uses it
	conflated conflation
	drops     drops
	missed    firstDrops
	taken     time.Time // when an iteration last got a message, or began; unused if cfg.Idle is 0
	total     uint64
	closed    bool
	room      notify.Broadcast // in was emptied, or the queue closed
}

// NewQueue returns an empty queue.
func NewQueue(cfg QueueConfig) *Queue { return newQueue(cfg, lru.Bounds{}, new(counters), nil) }

// newQueue returns an empty queue that conflates topics within those bounds, adds
// to the counters and reports its drops; report may be nil.
func newQueue(cfg QueueConfig, topics lru.Bounds, c *counters, report func(count int)) *Queue {
	return &Queue{
		cfg: cfg, ready: notify.NewToken(), in: new(buffer),
		conflated: newConflation(topics, c),
		drops:     drops{counters: c, report: report},
		missed:    newFirstDrops(topics),
	}
}

// Put copies a message in, waiting for room if the queue is full and Block is
// its policy; c is paused meanwhile. It returns false when done is closed
// first. A closed queue drops the message.
func (q *Queue) Put(c Waiter, p *wire.Publication, done <-chan struct{}) bool {
	return q.put(c, p, messageEntry, done)
}

// put is Put for an entry of any kind.
func (q *Queue) put(c Waiter, p *wire.Publication, kind entryKind, done <-chan struct{}) bool {
	for full := q.tryPutKind(p, kind); full != nil; full = q.tryPutKind(p, kind) {
		if !c.WaitPaused(full, done) {
			return false
		}
	}
	return true
}

// A Waiter is a connection that is not read while its goroutine waits.
type Waiter interface {
	// WaitPaused waits for change; it returns false when done is closed first.
	WaitPaused(change, done <-chan struct{}) bool
}

// tryPut copies a message in, or applies the overflow policy. With Block it
// returns a channel that is closed when there may be room again.
func (q *Queue) tryPut(p *wire.Publication) (full <-chan struct{}) {
	return q.tryPutKind(p, messageEntry)
}

func (q *Queue) tryPutKind(p *wire.Publication, kind entryKind) (full <-chan struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return nil
	}
	for q.fullFor(p) {
		switch q.cfg.Overflow {
		case Block:
			return q.room.Changed()
		case DropNewest:
			q.drops.add()
			q.missed.note(p, kind)
			return nil
		case DropOldest:
			var oldest item
			q.in.pop(&oldest)
			q.missed.note(&oldest.Publication, oldest.kind)
			q.in.compact()
			q.drops.add()
		}
	}
	q.in.pushKind(p, kind)
	q.total++
	if q.in.len() == 1 {
		q.ready.Set()
	}
	return nil
}

// putRun copies in a run of so many messages, which have the topic and the
// connection of p. It returns false if there is no room for all of them.
func (q *Queue) putRun(p *wire.Publication, run []byte, messages int) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return true
	}
	n := q.in.len()
	if n+messages > q.cfg.Messages || q.in.bytes()+wire.RunSize(run, messages) > q.cfg.Bytes {
		return false
	}
	q.in.pushRun(p, run, messages)
	q.total += uint64(messages)
	if n == 0 {
		q.ready.Set()
	}
	return true
}

// fullFor reports whether there is no room for p. One message always fits.
func (q *Queue) fullFor(p *wire.Publication) bool {
	n := q.in.len()
	return n > 0 && (n >= q.cfg.Messages || q.in.bytes()+p.Size() > q.cfg.Bytes)
}

// putNewest copies in a message of a conflated topic: it replaces a waiting one of
// the topic, and never waits for room.
func (q *Queue) putNewest(p *wire.Publication) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return
	}
	added, dropped := q.conflated.put(p)
	q.total += uint64(added)
	for range dropped {
		q.drops.add()
	}
	q.ready.Set()
}

// putItem copies an item in, even if there is no room.
func (q *Queue) putItem(it *item) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return
	}
	q.in.pushItem(it)
	q.total++
	q.ready.Set()
}

// putFirst puts the entries of b before all waiting ones. The queue takes ownership
// of b.
func (q *Queue) putFirst(b *buffer) {
	if b.len() == 0 {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.total += uint64(b.len())
	q.front = append(q.front, b)
	q.ready.Set()
}

// Progress returns how many messages wait, and how many were taken; a message that
// an iterator is handling counts as taken.
func (q *Queue) Progress() (queued int, taken uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	queued = q.in.len() + q.conflated.len()
	for _, b := range q.front {
		queued += b.len()
	}
	return queued, q.total - uint64(queued)
}

// Dropped returns how many messages were dropped for lack of room.
func (q *Queue) Dropped() uint64 { return q.drops.total.Load() }

// Close makes the queue drop later messages, ends each Drain after the waiting
// ones, and ends each Put that waits for room.
func (q *Queue) Close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.closed {
		q.closed = true
		q.drops.flush()
		q.room.Notify()
		q.ready.Set()
	}
}
