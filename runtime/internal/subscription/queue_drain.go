package subscription

import (
	"context"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// Drain yields the messages of the queue, each valid during the call, until the
// queue is closed and empty, ctx ends or yield returns false. Messages that
// were not yielded stay for the next Drain.
func (q *Queue) Drain(ctx context.Context, yield func(*wire.Publication) bool) {
	q.drain(ctx, func(it *item) bool { return yield(&it.Publication) })
}

// drain is Drain for entries of every kind.
func (q *Queue) drain(ctx context.Context, yield func(*item) bool) {
	var b *buffer
	defer func() { // even when yield panics
		if b != nil {
			q.giveBack(b)
		}
	}()
	it := new(item)
	q.touch()
	for {
		if b = q.take(ctx, b); b == nil {
			return
		}
		for ctx.Err() == nil && b.pop(it) {
			if !yield(it) {
				return
			}
		}
		if ctx.Err() != nil {
			return
		}
	}
}

// take waits for messages. With Block it returns all of them, otherwise only
// the oldest, so that the others can still be dropped. It returns nil once the
// queue is closed and empty, or ctx ends. The caller owns the buffer until it
// passes it back as used, which it has emptied, or to giveBack.
func (q *Queue) take(ctx context.Context, used *buffer) *buffer {
	for {
		q.mu.Lock()
		if used != nil {
			q.reuse(used)
			used = nil
		}
		b := q.first()
		closed := q.closed
		if closed {
			q.ready.Set() // for the next waiting goroutine
		}
		q.mu.Unlock()
		if b != nil || closed {
			q.touch()
			return b
		}
		if !q.wait(ctx) {
			if ctx.Err() != nil {
				return nil
			}
			return q.idle()
		}
	}
}

// wait waits until there may be an entry to take. It returns false when ctx ends
// first, or when cfg.Idle has passed.
func (q *Queue) wait(ctx context.Context) bool {
	var idle <-chan time.Time
	if q.cfg.Idle > 0 {
		timer := time.NewTimer(q.cfg.Idle)
		defer timer.Stop()
		idle = timer.C
	}
	select {
	case <-q.ready:
		return true
	case <-idle:
	case <-ctx.Done():
	}
	return false
}

// touch records that an iteration begins or has got a message.
func (q *Queue) touch() {
	if q.cfg.Idle > 0 {
		q.mu.Lock()
		q.taken = time.Now()
		q.mu.Unlock()
	}
}

// idle returns a buffer with an idleEntry.
func (q *Queue) idle() *buffer {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.total++
	b := new(buffer)
	b.pushItem(&item{kind: idleEntry, Publication: wire.Publication{From: Idle{Since: q.taken}}})
	return b
}

// first returns the buffer to take from first, nil if there is none; q.mu is held.
func (q *Queue) first() *buffer {
	if len(q.front) > 0 {
		b := q.front[0]
		q.front = q.front[1:]
		return b
	}
	if q.in.len()+q.conflated.len() == 0 {
		return nil
	}
	other := q.spare
	if other == nil {
		other = new(buffer)
	}
	q.spare = nil
	if q.moveNewest(other) {
		return other
	}
	if q.cfg.Overflow != Block {
		q.moveFirst(other)
		return other
	}
	b := q.in
	q.in = other
	q.room.Notify()
	return b
}

// moveNewest moves the message of one conflated topic to another buffer. Conflated
// and other messages take turns: it returns false if it is not the turn of a
// conflated one. q.mu is held.
func (q *Queue) moveNewest(to *buffer) bool {
	c := &q.conflated
	c.turn = !c.turn
	if c.len() == 0 || c.turn && q.in.len() > 0 {
		return false
	}
	to.push(c.pop())
	if c.len()+q.in.len() > 0 {
		q.ready.Set()
	}
	return true
}

// moveFirst moves the first entry to another buffer; q.mu is held.
func (q *Queue) moveFirst(to *buffer) {
	var it item
	q.in.pop(&it)
	to.pushItem(&it)
	q.in.compact()
	if q.in.len() > 0 {
		q.ready.Set() // for another waiting goroutine
	}
}

// reuse keeps the memory of a buffer that was emptied; q.mu is held.
func (q *Queue) reuse(b *buffer) {
	b.reset()
	q.spare = b
}

// giveBack returns a buffer, with its remaining entries, to the queue.
func (q *Queue) giveBack(b *buffer) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if b.len() == 0 {
		q.reuse(b)
		return
	}
	q.front = append(q.front, b)
	q.ready.Set()
}
