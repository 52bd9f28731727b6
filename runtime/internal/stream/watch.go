package stream

import (
	"fmt"
	"sync"
	"time"
)

// A Watch ends a stream in which nothing happens. It looks four times in each
// timeout, so that messages cost nothing. The exported fields are set before Start.
type Watch struct {
	Idle, Message time.Duration // 0: none
	// Look returns how many messages there were in all, and how many were received
	// while no Receive waits; waits says that one does.
	Look func() (all, received uint64, waits bool)
	// End ends the stream because of a timeout.
	End func(error)

	mu      sync.Mutex
	timers  []*time.Timer
	stopped bool
}

// looksPerTimeout is how often a watch looks within a timeout.
const looksPerTimeout = 4

// Start begins to watch, if there is a timeout.
func (w *Watch) Start() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.Idle > 0 {
		w.every(w.Idle, func() (uint64, bool) { all, _, _ := w.Look(); return all, true },
			fmt.Errorf("no message in either direction for %v", w.Idle))
	}
	if w.Message > 0 {
		w.every(w.Message, func() (uint64, bool) { _, received, waits := w.Look(); return received, waits },
			fmt.Errorf("waited for a message for %v", w.Message))
	}
}

// every ends the stream with err when count has returned the same count, and true,
// for that long. w.mu is held.
func (w *Watch) every(limit time.Duration, count func() (uint64, bool), err error) {
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
			w.End(err)
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

// Stop ends the watch.
func (w *Watch) Stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped = true
	for _, t := range w.timers {
		t.Stop()
	}
}
