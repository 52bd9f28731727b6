package socket

import (
	"testing"
	"time"
)

// The window doubles while a full batch is received fast, halves after a slow one,
// stays within its bounds, and stays where it is after a batch that was not full.
func TestPullPace(t *testing.T) {
	w := Window{Least: 4, Most: 16}
	p := pullPace{window: w.Least}
	for i, step := range []struct {
		full bool
		took time.Duration
		want int
	}{
		{true, windowFast - 1, 8}, {true, windowFast, 8}, {true, windowSlow, 8}, {false, 1, 8}, {true, 1, 16},
		{true, 1, 16}, {false, time.Hour, 16}, {true, windowSlow + 1, 8}, {true, time.Hour, 4}, {true, time.Hour, 4},
	} {
		n := p.window
		if !step.full {
			n--
		}
		p.begin(n)
		p.end()
		if timed := p.took > 0; timed != step.full {
			t.Errorf("step %d: a batch of %d was timed: %v", i, n, timed)
		} else if timed {
			p.took = step.took
		}
		if p.adapt(w); p.window != step.want {
			t.Errorf("step %d: window %d, want %d", i, p.window, step.want)
		}
	}
	fixed := pullPace{window: 3, took: 1}
	if fixed.adapt(FixedWindow(3)); fixed.window != 3 {
		t.Errorf("a fixed window became %d", fixed.window)
	}
	if FixedWindow(0) != (Window{1, 1}) {
		t.Errorf("a window of none is %v", FixedWindow(0))
	}
}
