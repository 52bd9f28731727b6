package gozmq

import (
	"fmt"
	"sync"
	"time"
)

// A streamWatch ends a stream in which nothing happens. It looks four times in each
// timeout, so that messages cost nothing.
type streamWatch struct {
	idle, message time.Duration // 0: none
	// look returns how many messages there were in all, and how many were received
	// while no Receive waits; waits says that one does.
	look func() (all, received uint64, waits bool)
	end  func(error)

	mu      sync.Mutex
	timers  []*time.Timer
	stopped bool
}

// looksPerTimeout is how often a watch looks within a timeout.
const looksPerTimeout = 4

// start begins to watch, if there is a timeout.
func (w *streamWatch) start() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.idle > 0 {
		w.every(w.idle, func() (uint64, bool) { all, _, _ := w.look(); return all, true },
			fmt.Errorf("no message in either direction for %v", w.idle))
	}
	if w.message > 0 {
		w.every(w.message, func() (uint64, bool) { _, received, waits := w.look(); return received, waits },
			fmt.Errorf("waited for a message for %v", w.message))
	}
}

// every ends the stream with err when count has returned the same count, and true,
// for that long. w.mu is held.
func (w *streamWatch) every(limit time.Duration, count func() (uint64, bool), err error) {
	if w.stopped {
		return
	}
	pause := max(limit/looksPerTimeout, 1)
	last, still, counted := uint64(0), 0, false
	var timer *time.Timer
	timer = time.AfterFunc(pause, func() {
		n, counts := count()
		if still++; n != last || !counted {
			last, still = n, 0
		}
		if counted = counts; counts && still >= looksPerTimeout {
			w.end(err)
			return
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		if !w.stopped {
			timer.Reset(pause)
		}
	})
	w.timers = append(w.timers, timer)
}

// stop ends the watch.
func (w *streamWatch) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped = true
	for _, t := range w.timers {
		t.Stop()
	}
}
