package load

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// One worker that is held up once: the arrivals behind it wait, and their latencies
// say so, although each takes no time of its own.
func TestNoCoordinatedOmission(t *testing.T) {
	r := NewRecorder()
	const stall = 200 * time.Millisecond
	err := Run(t.Context(), Plan{Rate: 1000, Workers: 1, Count: 300}, r, func(_ context.Context, a Arrival) {
		r.Sent(a)
		if a.Number == 50 {
			time.Sleep(stall)
		}
		r.Done(a, time.Now(), 1, 10)
	})
	if err != nil {
		t.Fatal(err)
	}
	got := r.Result()
	if got.Sent != 300 || got.Done != 300 || got.Bytes != 3000 {
		t.Errorf("%+v", got.Counts)
	}
	// 200 of the 300 arrivals are planned while the worker stands still, and on
	// average wait half of that time.
	if got.Latency.P90 < stall/2 {
		t.Errorf("latency %+v hides the stall", got.Latency)
	}
	if got.Service.P90 > stall/2 {
		t.Errorf("service time %+v has the wait", got.Service)
	}
}

func TestPlans(t *testing.T) {
	tests := []struct {
		name     string
		plan     Plan
		min, max int
	}{
		{"count", Plan{Rate: 10_000, Workers: 4, Count: 100}, 100, 100},
		{"poisson", Plan{Rate: 10_000, Poisson: true, Seed: 1, Workers: 4, Count: 100}, 100, 100},
		{"closed", Plan{Workers: 3, Count: 100}, 100, 100},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var mu sync.Mutex
			numbers := map[int]bool{}
			r := NewRecorder()
			if err := Run(t.Context(), tt.plan, r, func(_ context.Context, a Arrival) {
				mu.Lock()
				defer mu.Unlock()
				numbers[a.Number] = true
				if a.Worker >= tt.plan.Workers {
					t.Errorf("worker %d of %d", a.Worker, tt.plan.Workers)
				}
			}); err != nil {
				t.Fatal(err)
			}
			if n := len(numbers); n < tt.min || n > tt.max {
				t.Errorf("%d arrivals, want %d to %d", n, tt.min, tt.max)
			}
		})
	}
}

// A plan with a duration goes on for that long, with its arrivals at their times. A
// machine that stands still may keep it from the last ones.
func TestDuration(t *testing.T) {
	var mu sync.Mutex
	arrivals := map[int]time.Time{}
	begin := time.Now()
	err := Run(t.Context(), Plan{Rate: 500, Workers: 4, Duration: 200 * time.Millisecond}, NewRecorder(), func(_ context.Context, a Arrival) {
		mu.Lock()
		defer mu.Unlock()
		arrivals[a.Number] = a.At
	})
	if took := time.Since(begin); err != nil || took < 190*time.Millisecond || len(arrivals) > 100 {
		t.Errorf("%d arrivals in %v, %v", len(arrivals), took, err)
	}
	for n, at := range arrivals {
		if n >= len(arrivals) || at.Sub(arrivals[0]) != time.Duration(n)*2*time.Millisecond {
			t.Errorf("arrival %d of %d is %v after the first", n, len(arrivals), at.Sub(arrivals[0]))
		}
	}
}

// A closed loop goes on for the duration, too.
func TestClosedDuration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int64
		err := Run(t.Context(), Plan{Workers: 3, Duration: 20 * time.Millisecond}, NewRecorder(), func(context.Context, Arrival) {
			n.Add(1)
			time.Sleep(time.Millisecond)
		})
		if err != nil || n.Load() < 60 || n.Load() > 63 {
			t.Errorf("%d arrivals, %v", n.Load(), err)
		}
	})
}

func TestWarmupIsNotCounted(t *testing.T) {
	r := NewRecorder()
	calls := 0
	err := Run(t.Context(), Plan{Rate: 1000, Workers: 1, Count: 100, Warmup: 50 * time.Millisecond}, r, func(_ context.Context, a Arrival) {
		calls++
		r.Sent(a)
		r.Failed(a, "unavailable")
	})
	if err != nil || calls != 100 {
		t.Fatalf("%d calls, %v", calls, err)
	}
	if got := r.Result(); got.Sent != 50 || got.Errors["unavailable"] != 50 {
		t.Errorf("%+v", got.Counts)
	}
}

func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	r := NewRecorder()
	if err := Run(ctx, Plan{Rate: 1000, Workers: 1}, r, func(context.Context, Arrival) { cancel() }); err != nil {
		t.Fatal(err)
	}
}

func TestBadPlans(t *testing.T) {
	for _, p := range []Plan{{}, {Workers: 1, Rate: -1}, {Workers: 1, Poisson: true}, {Workers: 1, Duration: 1, Warmup: 2}, {Rate: 1, Workers: 1 << 30}} {
		if p.Check() == nil {
			t.Errorf("%+v passes", p)
		}
	}
}

func TestPercentiles(t *testing.T) {
	r := NewRecorder()
	now := time.Now()
	for i := range 1000 {
		r.Done(Arrival{At: now, Begun: now, Counted: true}, now.Add(time.Duration(i+1)*time.Millisecond), 1, 1)
	}
	got := r.Result().Latency
	if near := func(d, want time.Duration) bool { return d > want*99/100 && d < want*101/100 }; !near(got.P50, 500*time.Millisecond) || !near(got.P99, 990*time.Millisecond) || !near(got.Max, time.Second) {
		t.Errorf("%+v", got)
	}
	var b strings.Builder
	if err := r.WritePercentiles(&b); err != nil || !strings.Contains(b.String(), "Percentile") {
		t.Errorf("%v\n%s", err, b.String())
	}
}
