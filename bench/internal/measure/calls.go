package measure

import (
	"sync"
	"sync/atomic"
	"time"
)

// A Call makes one call as one of the callers.
type Call func(caller int) error

// Calls has callers make one call after the other for about d.
func Calls(callers int, d time.Duration, call Call) (Sample, error) {
	var (
		m    meter
		stop atomic.Bool
		wg   sync.WaitGroup
		own  = make([]caller, callers)
	)
	m.start()
	begin := time.Now()
	for i := range own {
		wg.Go(func() { own[i].run(i, &stop, call) })
	}
	time.Sleep(d)
	stop.Store(true)
	wg.Wait()
	elapsed := time.Since(begin)
	return collect(&m, own, elapsed)
}

// A caller is one goroutine that makes calls.
type caller struct {
	latencies Histogram
	err       error
}

func (c *caller) run(i int, stop *atomic.Bool, call Call) {
	for last := time.Now(); ; {
		if c.err = call(i); c.err != nil {
			stop.Store(true)
			return
		}
		now := time.Now()
		c.latencies.Add(now.Sub(last))
		if last = now; stop.Load() {
			return
		}
	}
}

func collect(m *meter, own []caller, elapsed time.Duration) (Sample, error) {
	all := new(Histogram)
	for i := range own {
		if own[i].err != nil {
			return Sample{}, own[i].err
		}
		all.Merge(&own[i].latencies)
	}
	s := m.sample(all.total, elapsed)
	s.P50, s.P99 = all.Quantile(0.5), all.Quantile(0.99)
	return s, nil
}

// Paced has callers make rate calls per second together for about d, each at
// its own regular times. A call's time begins when it was due, or when its caller
// woke up if that was later: what the caller's timer is late by counts for no call,
// what an earlier call of the caller holds up does.
func Paced(callers int, rate float64, d time.Duration, call Call) (Sample, error) {
	var (
		m     meter
		stop  atomic.Bool
		wg    sync.WaitGroup
		own   = make([]caller, callers)
		every = time.Duration(float64(callers) / rate * float64(time.Second))
	)
	m.start()
	begin := time.Now()
	for i := range own {
		due := begin.Add(every * time.Duration(i) / time.Duration(callers))
		wg.Go(func() { own[i].pace(i, due, every, &stop, call) })
	}
	time.Sleep(d)
	stop.Store(true)
	wg.Wait()
	return collect(&m, own, time.Since(begin))
}

func (c *caller) pace(i int, due time.Time, every time.Duration, stop *atomic.Bool, call Call) {
	for woke := due; !stop.Load(); due = due.Add(every) {
		start := due
		if wait := time.Until(due); wait > 0 {
			time.Sleep(wait)
			woke = time.Now()
		}
		if start.Before(woke) {
			start = woke
		}
		if c.err = call(i); c.err != nil {
			stop.Store(true)
			return
		}
		c.latencies.Add(time.Since(start))
	}
}
