package answer

import (
	"sync"
	"sync/atomic"
)

// A limiter lets a number of calls run at once and a number of others wait.
type limiter struct {
	limit int
	queue int

	mu      sync.Mutex
	running int
	waiting []chan struct{} // closed when it is one's turn; first come first
	refused atomic.Uint64   // calls that got no place
}

// Counts are the counts of a server's calls.
type Counts struct {
	Running, Waiting int
	Refused          uint64 // got no place, or came when the server was stopping
}

// counts returns how many calls run and wait now, and how many were refused.
func (l *limiter) counts() Counts {
	l.mu.Lock()
	defer l.mu.Unlock()
	return Counts{Running: l.running, Waiting: len(l.waiting), Refused: l.refused.Load()}
}

// acquire takes a place. When all are taken it returns a channel to wait on for
// one; ok is false when the queue is full, too.
func (l *limiter) acquire() (turn chan struct{}, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.running < l.limit {
		l.running++
		return nil, true
	}
	if len(l.waiting) >= l.queue {
		return nil, false
	}
	turn = make(chan struct{})
	l.waiting = append(l.waiting, turn)
	return turn, true
}

// Streams last, so that they take places from calls. streamShare is how many times
// the places that are free one connection's streams may take; keptForCalls is the
// part of all places, as a divisor, that no stream takes. Below fewPlaces only the
// limit itself counts.
const (
	streamShare  = 4
	keptForCalls = 10
	fewPlaces    = 100
)

// spares reports whether a connection that has that many streams may open one
// more. So a few connections that open all they can leave places to others.
func (l *limiter) spares(streams int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := l.limit + l.queue
	free := all - l.running - len(l.waiting)
	return all < fewPlaces || streams < streamShare*free && free > all/keptForCalls
}

// release passes a place on to the call that has waited longest, or frees it.
func (l *limiter) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waiting) == 0 {
		l.running--
		return
	}
	close(l.waiting[0])
	l.waiting[0] = nil
	l.waiting = l.waiting[1:]
}

// giveUp ends a wait. It returns false when the turn has come already: the
// place is to be given back with release.
func (l *limiter) giveUp(turn chan struct{}) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.waiting {
		if l.waiting[i] == turn {
			l.waiting = append(l.waiting[:i:i], l.waiting[i+1:]...)
			return true
		}
	}
	return false
}
