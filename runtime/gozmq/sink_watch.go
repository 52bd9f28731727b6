package gozmq

import (
	"sync"
	"time"
)

// A loopWatch looks after a sink over which nobody iterates.
type loopWatch struct {
	waits func() bool // reports what waits; false: nothing does

	mu       sync.Mutex
	loops    int
	reported bool // since the last loop
	closed   bool
	timer    *time.Timer
}

// unclaimedAfter is how long nobody iterates over a sink before it says so.
const unclaimedAfter = 5 * time.Second

// newLoopWatch starts a watch, which calls waits in a goroutine of its own when
// nobody has iterated for a while, until it returns true. close must be called.
func newLoopWatch(waits func() bool) *loopWatch {
	w := &loopWatch{waits: waits}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.timer = time.AfterFunc(unclaimedAfter, w.check)
	return w
}

// begin notes that a loop begins.
func (w *loopWatch) begin() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.loops++
	w.reported = false
	w.timer.Stop()
}

// end notes that a loop has ended.
func (w *loopWatch) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.loops--; w.loops == 0 && !w.closed {
		w.timer.Reset(unclaimedAfter)
	}
}

func (w *loopWatch) check() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.loops > 0 || w.closed || w.reported {
		return
	}
	if w.reported = w.waits(); !w.reported {
		w.timer.Reset(unclaimedAfter)
	}
}

// close ends the watch.
func (w *loopWatch) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	w.timer.Stop()
}
