package subscription

import (
	"sync"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/lru"
	"github.com/gozmq/gozmq/runtime/internal/notify"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// A Queue is a receive queue: it holds messages on their way from the
// connections to one iterator, bounded, first in first out. Its memory is two
// buffers that are filled and emptied in turn, so that nothing is allocated per
// message. Its methods may be called from any goroutine.
type Queue struct {
	cfg   QueueConfig
	ready notify.Token // there is something to take, or the queue is closed

	mu        sync.Mutex
	front     []*buffer // to be taken before in
	in        *buffer
	spare     *buffer // nil while an iterator has it
	conflated conflation
	drops     drops
	missed    firstDrops
	taken     time.Time // when an iteration got something last, or began; unless cfg.Idle is 0
	total     uint64
	closed    bool
	room      notify.Broadcast // in was emptied, or the queue closed
}

// NewQueue returns an empty queue.
func NewQueue(cfg QueueConfig) *Queue { return newQueue(cfg, lru.Bounds{}, new(counters), nil) }

// newQueue returns an empty queue that conflates up to a number of topics, adds
// to counters and reports what it drops; report may be nil.
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

// fullFor reports whether there is no room for p. One message always fits.
func (q *Queue) fullFor(p *wire.Publication) bool {
	n := q.in.len()
	return n > 0 && (n >= q.cfg.Messages || q.in.bytes()+p.Size() > q.cfg.Bytes)
}

// putNewest copies in a message of a conflated topic: it replaces one of its
// topic that waits, and never waits itself.
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

// putItem copies an item in, whether there is room or not.
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

// putFirst puts what is in b, if anything, before everything that waits. The
// queue owns b then.
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

// Progress returns how many messages wait, and how many were taken; those that
// an iterator is at count as taken.
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

// Close drops the messages to come, ends each Drain after those that wait, and
// each Put that waits for room.
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
