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
	waiting []chan struct{} // closed when it is the call's turn; in order of arrival
	refused atomic.Uint64   // the number of calls that got no place
}

// Counts are the counts of a server's calls.
type Counts struct {
	Running, Waiting int
	Refused          uint64 // calls that got no place, or came while the server was stopping
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

// Streams last long, so they can starve calls. One connection's streams may take up
// to streamShare times the number of free places; 1/keptForCalls of all places is
// closed to streams. With fewer than fewPlaces only the limit itself applies.
const (
	streamShare  = 4
	keptForCalls = 10
	fewPlaces    = 100
)

// spares reports whether a connection with that many streams may open another one.
// It ensures that a few connections cannot take all places.
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

// giveUp ends a wait. It returns false when the turn has already come: then the
// caller must call release.
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
