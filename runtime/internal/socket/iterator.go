package socket

import (
	"errors"
	"sync/atomic"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/list"
	"github.com/gozmq/gozmq/runtime/internal/notify"
)

// An Iterator is the goroutines that wait at one queue for the messages of a
// socket. Its methods may be called from any goroutine.
type Iterator struct {
	readers *readers
	ready   notify.Token
	reading atomic.Pointer[link.Conn] // that one of the goroutines reads, or is about to

	// The readers' lock guards these.
	waits int                     // goroutines that are parked
	place list.Element[*Iterator] // among the parked ones
}

// iterator returns the Iterator of a queue. ready is the token that its goroutines
// wait for.
func (r *readers) iterator(ready notify.Token) *Iterator { return &Iterator{readers: r, ready: ready} }

// Lead reads the connection for all queues, up to limit messages at a time,
// until waits returns false or somebody else has to read. It does not wait
// but for the connection's bytes; Wake makes it ask again. It returns false,
// at once, if this goroutine is not to read: then it is parked, and the
// queue's token says when it may ask again. Leave must be called then.
func (it *Iterator) Lead(limit int, waits func() bool) bool {
	s := it.park()
	if s == nil {
		return false
	}
	back := s.lead(it, limit, waits)
	it.reading.Store(nil)
	r := it.readers
	r.mu.Lock()
	defer r.mu.Unlock()
	s.leader = nil
	s.turns++
	if back || s.recalled.Load() || r.closed || len(r.conns) != 1 || s.conn.Ended() {
		s.returnLocked()
	} else {
		r.passLocked()
	}
	return true
}

// park returns the connection that the goroutine is to read. If that is nil it has
// parked the goroutine.
func (it *Iterator) park() *sharedConn {
	r := it.readers
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.freeLocked(); s != nil {
		s.leader = it
		return s
	}
	r.asked.Add(1)
	if it.waits++; it.waits == 1 {
		r.parked.PushBack(&it.place, it)
	}
	return nil
}

// Leave ends the wait of a goroutine that was parked.
func (it *Iterator) Leave() {
	r := it.readers
	r.mu.Lock()
	defer r.mu.Unlock()
	if it.waits--; it.waits == 0 {
		it.place.Remove()
	}
	if r.freeLocked() != nil {
		r.passLocked() // the role may have been offered to the one that leaves
	}
}

// Wake makes a Lead that reads ask whether it is still to wait. It must be called
// after what that looks at has changed.
func (it *Iterator) Wake() {
	if c := it.reading.Load(); c != nil {
		c.Interrupt()
	}
}

// lead reads as Lead says. back reports that the background reader has to go on: it
// has what is left to do.
func (s *sharedConn) lead(it *Iterator, limit int, waits func() bool) (back bool) {
	limit = max(1, min(limit, maxBatch))
	for {
		it.reading.Store(s.conn) // before waits looks, so that no Wake is missed
		if s.recalled.Load() || !waits() {
			return false
		}
		batch, err := s.conn.NextBatch(limit)
		it.reading.Store(nil)
		if errors.Is(err, link.ErrInterrupted) {
			s.conn.Resume()
			continue
		}
		if err != nil {
			s.batches.failed = err
			return true
		}
		s.reads.Add(1)
		s.batches.note(batch)
		rest := s.to.TryReceive(s.conn, batch)
		if rest != nil {
			s.rest = func() { rest(); batch.Release() }
			return true
		}
		batch.Release()
		if s.batches.behind() {
			return true // it may have to pause
		}
	}
}
