package testkit

import (
	"sync"
	"testing"
	"time"
)

// steadyRounds is how often Steady runs a function at most.
const steadyRounds = 10

// Steady runs f, which returns what it has found wrong. It is for limits of time
// that a test sets and that a pause of the whole process breaks: after a pause of
// at least d, what f has found does not count, and f runs again.
func Steady(t testing.TB, d time.Duration, f func() error) {
	t.Helper()
	for round := 1; ; round++ {
		pauses := watchPauses()
		err := f()
		longest := pauses()
		if err == nil {
			return
		}
		if longest < d || round == steadyRounds {
			t.Fatal(err)
		}
		t.Logf("once more, as this process stood still for %v: %v", longest, err)
	}
}

// watchPauses measures how long this process stands still at a time. The function
// that it returns ends that, and returns the longest time.
func watchPauses() (end func() time.Duration) {
	const every = 2 * time.Millisecond
	var watch sync.WaitGroup
	var longest time.Duration
	stop := make(chan struct{})
	watch.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for last, stopped := time.Now(), false; !stopped; {
			select {
			case <-tick.C:
			case <-stop:
				stopped = true
			}
			now := time.Now()
			longest = max(longest, now.Sub(last))
			last = now
		}
	})
	return func() time.Duration {
		close(stop)
		watch.Wait()
		return longest
	}
}
