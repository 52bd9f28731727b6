package answer

import (
	"sync"
	"sync/atomic"
	"testing"
)

// The limiter never lets more in than it may, and forgets nobody.
func TestLimiter(t *testing.T) {
	l := limiter{limit: 3, queue: 1000}
	var inside, most atomic.Int32
	var wg sync.WaitGroup
	for range 200 {
		wg.Go(func() {
			turn, ok := l.acquire()
			if !ok {
				t.Error("refused")
				return
			}
			if turn != nil {
				<-turn
			}
			if n := inside.Add(1); n > 3 {
				most.Store(n)
			}
			inside.Add(-1)
			l.release()
		})
	}
	wg.Wait()
	if n := most.Load(); n > 0 {
		t.Errorf("%d were in at once", n)
	}
	if l.running != 0 || len(l.waiting) != 0 {
		t.Errorf("%d run and %d wait after the end", l.running, len(l.waiting))
	}
}

// TestLimiterSpares: streams leave places to calls and to other connections.
func TestLimiterSpares(t *testing.T) {
	for _, tt := range []struct {
		limit, queue, running, streams int
		want                           bool
	}{
		{limit: 2, running: 2, streams: 2, want: true}, // a small limit counts alone
		{limit: 10000, want: true},
		{limit: 10000, running: 7999, streams: 7999, want: true},
		{limit: 10000, running: 8000, streams: 8000, want: false},
		{limit: 10000, running: 8000, streams: 0, want: true},
		{limit: 10000, running: 9000, streams: 0, want: false},
		{limit: 100, queue: 900, running: 100, streams: 100, want: true},
	} {
		l := limiter{limit: tt.limit, queue: tt.queue, running: tt.running}
		if got := l.spares(tt.streams); got != tt.want {
			t.Errorf("%+v: %v", tt, got)
		}
	}
}

// TestCountingIsFree checks that a call's place, and what Counts says of it,
// allocate nothing.
func TestCountingIsFree(t *testing.T) {
	l := limiter{limit: 1}
	if n := testing.AllocsPerRun(100, func() {
		_, _ = l.acquire()
		l.release()
		_ = l.counts()
	}); n != 0 {
		t.Errorf("%v allocations for a call's place", n)
	}
}
