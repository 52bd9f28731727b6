package call

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
)

// TestRace: what ends a race, and how many attempts it takes.
func TestRace(t *testing.T) {
	never, again := make(chan struct{}), -1
	t.Cleanup(func() { close(never) })
	hang := func() int { <-never; return 0 }
	for _, tt := range []struct {
		name  string
		h     Hedging
		runs  []func() int
		want  int
		begun int
	}{
		{"the first one", Hedging{Max: 3, Delay: time.Hour}, []func() int{func() int { return 7 }}, 7, 1},
		{"the one that does not hang", Hedging{Max: 3, Delay: time.Millisecond}, []func() int{hang, hang, func() int { return 7 }}, 7, 3},
		{"one more after each that is worth it", Hedging{Max: 3, Delay: time.Hour}, []func() int{func() int { return again }, func() int { return 7 }}, 7, 2},
		{"no more than allowed", Hedging{Max: 2, Delay: time.Hour}, []func() int{func() int { return again }, func() int { return again }}, again, 2},
		{"no more than five", Hedging{Max: 9, Delay: time.Microsecond}, []func() int{hang, hang, hang, hang, func() int { return 7 }}, 7, 5},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var begun atomic.Int32
			got, ok := Race(tt.h, nil, func() func() int { return tt.runs[begun.Add(1)-1] }, func(n int) bool { return n == again })
			if !ok || got != tt.want || int(begun.Load()) != tt.begun {
				t.Errorf("%d, %v after %d attempts, want %d after %d", got, ok, begun.Load(), tt.want, tt.begun)
			}
		})
	}
}

// TestRaceIsLeft: a race ends when nobody waits for it any more.
func TestRaceIsLeft(t *testing.T) {
	done, run := make(chan struct{}), make(chan struct{})
	left := make(chan bool, 1)
	go func() {
		_, ok := Race(Hedging{Max: 2, Delay: time.Hour}, done, func() func() int { return func() int { <-run; return 1 } }, func(int) bool { return false })
		left <- ok
	}()
	close(done)
	if testkit.Receive(t, left, "the end of the race") {
		t.Error("it has an outcome")
	}
	close(run)
}
