package pipeline

import (
	"sync"
	"time"
)

// A LoopWatch looks after a sink over which nobody iterates.
type LoopWatch struct {
	waits func() bool // reports what waits; false: nothing does

	mu       sync.Mutex
	loops    int
	reported bool // since the last loop
	closed   bool
	timer    *time.Timer
}

// unclaimedAfter is how long nobody iterates over a sink before it says so.
const unclaimedAfter = 5 * time.Second

// NewLoopWatch starts a watch. When there has been no loop for a while, it calls
// waits in a separate goroutine, until waits returns true. Close must be called.
func NewLoopWatch(waits func() bool) *LoopWatch {
	w := &LoopWatch{waits: waits}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.timer = time.AfterFunc(unclaimedAfter, w.Check)
	return w
}

// Begin records that a loop begins.
func (w *LoopWatch) Begin() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.loops++
	w.reported = false
	w.timer.Stop()
}

// End records that a loop has ended.
func (w *LoopWatch) End() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.loops--; w.loops == 0 && !w.closed {
		w.timer.Reset(unclaimedAfter)
	}
}

// Check has waits called now if nobody iterates, and it has not returned true yet.
func (w *LoopWatch) Check() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.loops > 0 || w.closed || w.reported {
		return
	}
	if w.reported = w.waits(); !w.reported {
		w.timer.Reset(unclaimedAfter)
	}
}

// Close ends the watch.
func (w *LoopWatch) Close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	w.timer.Stop()
}
