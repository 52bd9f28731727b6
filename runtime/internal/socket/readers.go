package socket

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/list"
	"github.com/gozmq/gozmq/runtime/internal/notify"
)

const (
	// busyWaits in busyWaitTime mean that messages come often, and that
	// iterators have to wait for them: then they should read themselves.
	busyWaits    = 8
	busyWaitTime = 8 * time.Millisecond
	// awayLimit is the time between two looks of a background reader whose
	// connection the iterators read. It reads again when there was none since
	// the last look.
	awayLimit = 2 * time.Millisecond
	// idleLooks is how many looks in a row find an iterator that has read nothing
	// before the background reader takes its place.
	idleLooks = 4
)

// A TryReceiver is a BatchReceiver that can do without waiting, so that a goroutine
// may read whose task is something else.
type TryReceiver interface {
	BatchReceiver
	// TryReceive is Receive up to where that would have to wait. It returns what is
	// left to be done, which may wait; nil if nothing is. The batch is valid until
	// that is done.
	TryReceive(c *link.Conn, b *link.Batch) (rest func())
}

// A readers has the reader role of the connections of a socket whose messages wait
// in queues. Each connection has a background reader. Where it is the only one, the
// goroutine that waits at a queue reads in its place while messages come often, so
// that nothing is handed from one goroutine to another.
type readers struct {
	to    BatchReceiver
	asked atomic.Int32 // how often an iterator had to park

	mu     sync.Mutex
	conns  []*sharedConn
	parked list.List[*Iterator] // the one that has waited longest is the first
	closed bool                 // no iterator reads any more
}

// serve reads a connection until it ends, and returns why it did.
func (r *readers) serve(c *link.Conn) error {
	s := &sharedConn{conn: c, readers: r, batches: newBatchReader(c, r.to), wake: notify.NewToken(), background: true}
	s.to, _ = r.to.(TryReceiver)
	r.mu.Lock()
	r.conns = append(r.conns, s)
	r.recallLocked()
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		i := slices.Index(r.conns, s)
		r.conns = slices.Delete(r.conns, i, i+1)
		r.mu.Unlock()
	}()
	return s.run()
}

// close gives all connections back to their background readers, for good.
func (r *readers) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	r.recallLocked()
}

// recallLocked gives the connections back to their background readers; r.mu
// is held.
func (r *readers) recallLocked() {
	for _, s := range r.conns {
		s.recallLocked()
	}
}

// passLocked wakes the iterator that has waited longest, if one does, so that it
// reads; r.mu is held.
func (r *readers) passLocked() {
	if first := r.parked.First(); first != nil {
		first.Value().ready.Set()
	}
}

// freeLocked returns the connection that an iterator may read, nil if there
// is none; r.mu is held.
func (r *readers) freeLocked() *sharedConn {
	if r.closed || len(r.conns) != 1 || r.conns[0].background || r.conns[0].leader != nil {
		return nil
	}
	return r.conns[0]
}

// A sharedConn is a connection whose reader is its background reader or an
// iterator. While nobody reads, because the iterator is away, the background reader
// looks after it.
type sharedConn struct {
	conn    *link.Conn
	readers *readers
	to      TryReceiver  // nil: iterators never read
	wake    notify.Token // set when the background reader gets the role back

	// These belong to the reader.
	batches *batchReader
	rest    func() // of what an iterator has read

	recalled atomic.Bool // the background reader wants the role back

	// The readers' lock guards these.
	background bool      // the background reader has the role
	leader     *Iterator // nil: none has the role
	turns      int       // times that an iterator gave the role up since the last look
	reads      atomic.Int32
}

// run is the background reader.
func (s *sharedConn) run() error {
	for {
		if err := s.readAlone(); err != nil {
			return err
		}
		s.look()
	}
}

// readAlone reads until iterators should read, or the connection ends.
func (s *sharedConn) readAlone() error {
	if rest := s.rest; rest != nil {
		s.rest = nil
		rest()
	}
	s.readers.asked.Store(0)
	for start := time.Now(); ; {
		batch, err := s.batches.next(maxBatch)
		if errors.Is(err, link.ErrInterrupted) {
			s.conn.Resume()
			continue
		}
		if err != nil {
			return err
		}
		s.readers.to.Receive(s.conn, batch)
		batch.Release()
		now := time.Now()
		busy := s.readers.asked.Load() >= busyWaits
		if now.Sub(start) > busyWaitTime {
			s.readers.asked.Store(0)
			start = now
		} else if busy && s.free() {
			return nil
		}
	}
}

// free gives up the background reader's role, if an iterator may have it.
func (s *sharedConn) free() bool {
	r := s.readers
	r.mu.Lock()
	defer r.mu.Unlock()
	if s.to == nil || r.closed || len(r.conns) != 1 {
		return false
	}
	s.background, s.turns = false, 0
	select {
	case <-s.wake: // of a role that was taken back without it
	default:
	}
	r.passLocked()
	return true
}

// look returns when the background reader has the role again: because it was given
// back, or no iterator has read for a while, or the connection has ended.
func (s *sharedConn) look() {
	timer := time.NewTimer(awayLimit)
	defer timer.Stop()
	ended := s.conn.Closed()
	for idle := 0; ; {
		select {
		case <-timer.C:
		case <-s.wake:
		case <-ended:
			ended = nil
		}
		if s.take(&idle, ended == nil) {
			return
		}
		timer.Reset(awayLimit)
	}
}

// take is one look. It reports whether the background reader has the role.
func (s *sharedConn) take(idle *int, ended bool) bool {
	s.readers.mu.Lock()
	defer s.readers.mu.Unlock()
	read := s.reads.Swap(0) > 0
	switch {
	case s.background:
	case s.leader == nil:
		s.background = ended || s.turns == 0
	case read || s.turns > 0:
		*idle = 0
	default:
		if *idle++; ended || *idle >= idleLooks {
			s.recallLocked()
		}
	}
	s.turns = 0
	if s.background {
		s.recalled.Store(false)
	}
	return s.background
}

// recallLocked gives the role to the background reader, or has the iterator that
// reads give it up soon; the readers' lock is held.
func (s *sharedConn) recallLocked() {
	switch {
	case s.background:
	case s.leader == nil:
		s.returnLocked()
	default:
		s.recalled.Store(true)
		s.conn.Interrupt()
	}
}

// returnLocked gives the role, which nobody has, to the background reader; the
// readers' lock is held.
func (s *sharedConn) returnLocked() {
	s.background = true
	s.wake.Set()
}
