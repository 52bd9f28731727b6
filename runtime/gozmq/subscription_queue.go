package gozmq

import (
	"context"
	"sync"

	"github.com/gozmq/gozmq/runtime/internal/link"
)

// An inbox holds messages on their way from the connections to an iterator:
// bounded, first in first out. Its memory is two slabs that are filled and
// emptied in turn, so that nothing is allocated per message.
type inbox struct {
	queue    queueConfig
	overflow Overflow
	drop     func() // called for each message that overflow drops, with mu held
	settled  func() // called with mu held when the inbox is closed; nil for none

	mu     sync.Mutex
	front  []*slab // taken and given back: before in
	in     *slab
	spare  *slab // nil while someone has it
	newest newest
	total  uint64
	closed bool
	ready  chan struct{} // a token: there is something to take, or closed
	room   chan struct{} // closed and replaced when in becomes empty
}

func newInbox(q queueConfig) *inbox {
	return &inbox{queue: q, in: new(slab), ready: make(chan struct{}, 1), room: make(chan struct{})}
}

// put copies a in, or deals with it as overflow says. A full inbox that blocks
// returns a channel to wait on before the next try.
func (b *inbox) put(a *arrival) (full <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil
	}
	for b.fullFor(a) {
		switch b.overflow {
		case Block:
			return b.room
		case DropNewest:
			b.drop()
			return nil
		case DropOldest:
			var oldest arrival
			b.in.pop(&oldest)
			b.in.compact()
			b.drop()
		}
	}
	b.in.push(a)
	b.total++
	if b.in.len() == 1 {
		b.signal()
	}
	return nil
}

// fullFor reports whether there is no room for a. One message always fits.
func (b *inbox) fullFor(a *arrival) bool {
	n := b.in.len()
	return n > 0 && (n >= b.queue.messages || b.in.bytes()+a.size() > b.queue.bytes)
}

// putWait is put that waits for room, while c is not read; it returns false
// when done comes first.
func (b *inbox) putWait(c *link.Conn, a *arrival, done <-chan struct{}) bool {
	for full := b.put(a); full != nil; full = b.put(a) {
		if !waitPaused(c, full, done) {
			return false
		}
	}
	return true
}

// waitPaused waits for a change, while c is not read; it returns false when
// done comes first. The end of the connection does not end the wait: what came
// whole is delivered.
func waitPaused(c *link.Conn, change, done <-chan struct{}) bool {
	c.Pause()
	defer c.Unpause()
	select {
	case <-change:
		return true
	case <-done:
		return false
	}
}

// progress returns how many messages wait, and how many an iterator has taken;
// those that it is at count as taken.
func (b *inbox) progress() (queued int, taken uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	queued = b.in.len() + b.newest.len()
	for _, s := range b.front {
		queued += s.len()
	}
	return queued, b.total - uint64(queued)
}

func (b *inbox) signal() {
	select {
	case b.ready <- struct{}{}:
	default:
	}
}

// take waits for messages and takes all there are, or the first one where
// others may have to be dropped; nil after close or when ctx ends. The slab is the caller's until it hands it to take or giveBack; used is
// one that it has emptied, or nil.
func (b *inbox) take(ctx context.Context, used *slab) *slab {
	for {
		b.mu.Lock()
		if used != nil {
			b.keep(used)
			used = nil
		}
		s := b.first()
		closed := b.closed
		if closed {
			b.signal() // for the next one who waits
		}
		b.mu.Unlock()
		if s != nil || closed {
			return s
		}
		select {
		case <-b.ready:
		case <-ctx.Done():
			return nil
		}
	}
}

// first returns what is to be used first, nil when there is nothing; b.mu is
// held.
func (b *inbox) first() *slab {
	if n := len(b.front); n > 0 {
		s := b.front[0]
		b.front = b.front[1:]
		return s
	}
	if b.in.len()+b.newest.len() == 0 {
		return nil
	}
	other := b.spare
	if other == nil {
		other = new(slab)
	}
	b.spare = nil
	if b.moveNewest(other) {
		return other
	}
	if b.overflow != Block {
		b.move(other)
		return other
	}
	s := b.in
	b.in = other
	close(b.room)
	b.room = make(chan struct{})
	return s
}

// move moves the first message to another slab; b.mu is held.
func (b *inbox) move(to *slab) {
	var a arrival
	b.in.pop(&a)
	to.push(&a)
	b.in.compact()
	if b.in.len() > 0 {
		b.signal() // for another one who waits
	}
}

// drain yields what comes into the inbox, each arrival valid during the call,
// until the inbox is closed, ctx ends or yield returns false. What was not
// yielded stays.
func (b *inbox) drain(ctx context.Context, yield func(*arrival) bool) {
	var slab *slab
	a := new(arrival)
	for {
		if slab = b.take(ctx, slab); slab == nil {
			return
		}
		for ctx.Err() == nil && slab.pop(a) {
			if !yield(a) {
				b.giveBack(slab)
				return
			}
		}
		if ctx.Err() != nil {
			b.giveBack(slab)
			return
		}
	}
}

// keep has a slab that was emptied filled again; b.mu is held.
func (b *inbox) keep(s *slab) {
	s.reset()
	b.spare = s
}

// giveBack returns a slab of which perhaps not everything was used.
func (b *inbox) giveBack(s *slab) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s.len() == 0 {
		b.keep(s)
		return
	}
	b.front = append(b.front, s)
	b.signal()
}

// close ends take, after what is there has been taken, and frees who waits in
// vain for room.
func (b *inbox) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.closed {
		b.closed = true
		if b.settled != nil {
			b.settled()
		}
		close(b.room)
		b.room = make(chan struct{})
		b.signal()
	}
}
