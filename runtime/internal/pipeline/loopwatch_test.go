package pipeline

import (
	"testing"
	"time"
)

// The watch reports once for each time that nobody iterates.
func TestLoopWatch(t *testing.T) {
	calls, waiting := 0, false
	w := NewLoopWatch(func() bool { calls++; return waiting })
	defer w.Close()
	w.timer.Stop()
	for _, step := range []struct {
		what  func()
		calls int
	}{
		{func() {}, 1},                     // nothing waits
		{func() { waiting = true }, 2},     // now something does
		{func() {}, 2},                     // it was reported
		{func() { w.Begin() }, 2},          // a loop runs
		{func() { w.Begin(); w.End() }, 2}, // one of two has ended
		{func() { w.End() }, 3},
		{w.Close, 3},
	} {
		step.what()
		w.Check()
		if w.timer.Stop(); calls != step.calls {
			t.Errorf("%d calls, want %d", calls, step.calls)
		}
	}
	if unclaimedAfter < time.Second {
		t.Error("a loop may begin a little later than the sink is open")
	}
}
