// Package load makes operations at a given rate and measures how long they take.
// The arrivals are open-loop: each has its time in a plan that does not wait for
// earlier ones, and its latency counts from there, so that an operation that holds
// up others cannot hide their waiting time (coordinated omission).
package load

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"
)

// A Plan says when operations begin.
type Plan struct {
	// Rate is how many begin in a second. 0: the loop is closed, and each worker
	// begins the next one when its last one has ended.
	Rate float64
	// Poisson makes the pauses between arrivals random, like those of many
	// independent callers; otherwise they are equal.
	Poisson bool
	// Workers is how many run at once, at most; with a Rate later arrivals wait,
	// and their latency has the wait.
	Workers int
	// Duration and Count end the plan, whichever comes first; 0: without limit.
	Duration time.Duration
	Count    int
	// Warmup is how long operations are not counted at the beginning.
	Warmup time.Duration
	// Seed is the seed of random arrivals.
	Seed uint64
}

// Check returns an error when the plan makes no sense.
func (p Plan) Check() error {
	switch {
	case p.Rate < 0 || p.Workers < 1 || p.Duration < 0 || p.Count < 0 || p.Warmup < 0:
		return errors.New("a plan's numbers are not negative, and there is at least one worker")
	case p.Rate > 0 && p.Workers > maxWorkers:
		return errors.New("a plan has too many workers")
	case p.Duration > 0 && p.Warmup >= p.Duration:
		return errors.New("the warm-up takes all of the duration")
	case p.Poisson && p.Rate == 0:
		return errors.New("random arrivals need a rate")
	}
	return nil
}

const maxWorkers = 100_000

// An Arrival is one operation that is due.
type Arrival struct {
	At     time.Time // its time in the plan
	Begun  time.Time // when it really began
	Number int       // from 0
	Worker int
	// Counted is false during the warm-up.
	Counted bool
}

// Run calls do for each arrival of the plan, from Workers goroutines, until it
// or ctx ends, and returns when all calls have returned. It reports its beginning
// and its own lateness to the recorder.
func Run(ctx context.Context, p Plan, r *Recorder, do func(context.Context, Arrival)) error {
	if err := p.Check(); err != nil {
		return err
	}
	g := &generator{plan: p, recorder: r, do: do, start: time.Now()}
	r.begin(g.start.Add(p.Warmup))
	if p.Duration > 0 {
		var cancel context.CancelFunc
		// Running operations are not cut off: only arrivals end with the plan.
		g.arrivals, cancel = context.WithDeadline(ctx, g.start.Add(p.Duration))
		defer cancel()
	} else {
		g.arrivals = ctx
	}
	if p.Rate > 0 {
		g.open(ctx)
	} else {
		g.closed(ctx)
	}
	r.finish(time.Now())
	return nil
}

// A generator is one run of a plan.
type generator struct {
	plan     Plan
	recorder *Recorder
	do       func(context.Context, Arrival)
	start    time.Time
	arrivals context.Context // ends with the plan
}

// open hands arrivals out at their times. The queue is unbounded in the plan, and
// bounded in memory: when it is full the generator waits, and the times stay.
func (g *generator) open(ctx context.Context) {
	due := make(chan Arrival, 1<<16)
	var workers sync.WaitGroup
	for w := range g.plan.Workers {
		workers.Go(func() {
			for a := range due {
				a.Begun, a.Worker = time.Now(), w
				g.do(ctx, a)
			}
		})
	}
	defer workers.Wait()
	defer close(due)
	random := rand.New(rand.NewPCG(g.plan.Seed, 1))
	step := float64(time.Second) / g.plan.Rate
	offset := 0.0
	for n := 0; g.plan.Count == 0 || n < g.plan.Count; n++ {
		at := g.start.Add(time.Duration(offset))
		if !g.waitUntil(at) {
			return
		}
		a := Arrival{At: at, Number: n, Counted: g.counted(at)}
		if a.Counted {
			g.recorder.late(time.Since(at))
		}
		select {
		case due <- a:
		case <-g.arrivals.Done():
			return
		}
		if g.plan.Poisson {
			offset += random.ExpFloat64() * step
		} else {
			offset = float64(n+1) * step
		}
	}
}

// waitUntil returns false when the plan ends before at.
func (g *generator) waitUntil(at time.Time) bool {
	if end, ok := g.arrivals.Deadline(); ok && !at.Before(end) {
		<-g.arrivals.Done() // which may come late
		return false
	}
	if wait := time.Until(at) - shortSleep; wait > 0 {
		t := time.NewTimer(wait)
		defer t.Stop()
		select {
		case <-t.C:
		case <-g.arrivals.Done():
			return false
		}
	}
	if wait := time.Until(at); wait > 0 {
		sleep(wait)
	}
	return g.arrivals.Err() == nil
}

// shortSleep is how long before an arrival the generator no longer trusts a timer.
const shortSleep = 2 * time.Millisecond

// closed begins each operation after its worker's last one.
func (g *generator) closed(ctx context.Context) {
	var (
		mu      sync.Mutex
		number  int
		workers sync.WaitGroup
	)
	next := func() (int, bool) {
		mu.Lock()
		defer mu.Unlock()
		if g.arrivals.Err() != nil || g.plan.Count > 0 && number >= g.plan.Count {
			return 0, false
		}
		number++
		return number - 1, true
	}
	for w := range g.plan.Workers {
		workers.Go(func() {
			for {
				n, ok := next()
				if !ok {
					return
				}
				now := time.Now()
				g.do(ctx, Arrival{At: now, Begun: now, Number: n, Worker: w, Counted: g.counted(now)})
			}
		})
	}
	workers.Wait()
}

func (g *generator) counted(at time.Time) bool { return at.Sub(g.start) >= g.plan.Warmup }
