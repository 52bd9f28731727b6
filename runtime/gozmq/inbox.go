package gozmq

import (
	"context"
	"sync"

	"github.com/gozmq/gozmq/runtime/internal/link"
)

// An inbox holds the bodies of messages on their way from the connections to
// an iterator: bounded, first in first out. Its memory is two slabs that are
// filled and emptied in turn, so that nothing is allocated per message.
type inbox struct {
	maxMessages int
	maxBytes    int

	mu     sync.Mutex
	front  []*slab // taken and given back: before in
	in     *slab
	spare  *slab // nil while someone has it
	closed bool
	ready  chan struct{} // a token: there is something to take, or closed
	room   chan struct{} // closed and replaced when in becomes empty
}

// A slab is a run of bodies.
type slab struct {
	data []byte
	ends []int
	next int // the first body that was not yet used
}

// maxKeptSlab is the largest slab that is used again.
const maxKeptSlab = 2 << 20

func newInbox(messages, bytes int) *inbox {
	return &inbox{
		maxMessages: messages, maxBytes: bytes, in: new(slab),
		ready: make(chan struct{}, 1), room: make(chan struct{}),
	}
}

// pop returns the next body, valid until the slab is given away, and false
// when there is none left.
func (s *slab) pop() ([]byte, bool) {
	if s.next == len(s.ends) {
		return nil, false
	}
	start, end := 0, s.ends[s.next]
	if s.next > 0 {
		start = s.ends[s.next-1]
	}
	s.next++
	return s.data[start:end:end], true
}

// reset empties the slab; memory that grew large is not kept.
func (s *slab) reset() {
	s.next, s.ends, s.data = 0, s.ends[:0], s.data[:0]
	if cap(s.data) > maxKeptSlab {
		s.data = nil
	}
}

// put copies body in. A full inbox returns a channel to wait on before the
// next try.
func (b *inbox) put(body []byte) (full <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil
	}
	if n := len(b.in.ends); n > 0 && (n >= b.maxMessages || len(b.in.data)+len(body) > b.maxBytes) {
		return b.room
	}
	b.in.data = append(b.in.data, body...)
	b.in.ends = append(b.in.ends, len(b.in.data))
	if len(b.in.ends) == 1 {
		b.signal()
	}
	return nil
}

// putWait is put that waits for room, while c is not read; it returns false
// when done comes first.
func (b *inbox) putWait(c *link.Conn, body []byte, done <-chan struct{}) bool {
	for full := b.put(body); full != nil; full = b.put(body) {
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

func (b *inbox) signal() {
	select {
	case b.ready <- struct{}{}:
	default:
	}
}

// take waits for messages and takes all there are; nil after close or when ctx
// ends. The slab is the caller's until it hands it to take or giveBack; used is
// one that it has emptied, or nil.
func (b *inbox) take(ctx context.Context, used *slab) *slab {
	for {
		b.mu.Lock()
		if used != nil {
			used.reset()
			b.spare, used = used, nil
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
	if len(b.in.ends) == 0 {
		return nil
	}
	s := b.in
	if b.in = b.spare; b.in == nil {
		b.in = new(slab)
	}
	b.spare = nil
	close(b.room)
	b.room = make(chan struct{})
	return s
}

// giveBack returns a slab of which not everything was used.
func (b *inbox) giveBack(s *slab) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s.next < len(s.ends) {
		b.front = append(b.front, s)
		b.signal()
	}
}

// close ends take, after what is there has been taken, and frees who waits in
// vain for room.
func (b *inbox) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.closed {
		b.closed = true
		close(b.room)
		b.room = make(chan struct{})
		b.signal()
	}
}
