package measure

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// noteEvery is how many messages a flow takes before it says so.
const noteEvery = 8

// A flow is one of the streams that Flow runs.
type flow struct {
	n    uint64 // its own goroutine's
	seen atomic.Uint64
	_    [48]byte
}

// Flow has run go on n times at once and counts how often they call next, for
// about d after a warm-up. They are to return when next returns false.
func Flow(n int, warmUp, d time.Duration, run func(next func() bool) error) (Sample, error) {
	return FlowBeside(n, warmUp, d, func() (time.Duration, error) { return 0, nil }, run)
}

// FlowBeside is Flow where another process takes part, whose processor time cpu
// returns.
func FlowBeside(n int, warmUp, d time.Duration, cpu func() (time.Duration, error), run func(next func() bool) error) (Sample, error) {
	var (
		stop  atomic.Bool
		wg    sync.WaitGroup
		m     meter
		flows = make([]flow, n)
		ended = make(chan error, n)
	)
	for i := range flows {
		wg.Go(func() {
			err := run(flows[i].next(&stop))
			if err == nil && !stop.Load() {
				err = errors.New("a stream has ended by itself")
			}
			if err != nil {
				ended <- err
			}
		})
	}
	defer wg.Wait()
	defer stop.Store(true)
	if err := pass(warmUp, ended); err != nil {
		return Sample{}, err
	}
	theirs, err := cpu()
	if err != nil {
		return Sample{}, err
	}
	m.start()
	begin, before := time.Now(), count(flows)
	if err := long(d, ended, func() bool { return count(flows) > before }); err != nil {
		return Sample{}, err
	}
	s := m.sample(count(flows)-before, time.Since(begin))
	now, err := cpu()
	if now > theirs {
		s = s.Beside(now - theirs)
	}
	return s, err
}

func (f *flow) next(stop *atomic.Bool) func() bool {
	return func() bool {
		if f.n++; f.n%noteEvery == 0 {
			f.seen.Store(f.n)
		}
		return !stop.Load()
	}
}

// pass waits for d, or until a stream fails.
func pass(d time.Duration, failed <-chan error) error {
	select {
	case err := <-failed:
		return err
	case <-time.After(d):
		return nil
	}
}

// patience is how long a round may get at most, for a machine that stands still.
const patience = 10 * time.Second

// long is pass, again and again while nothing was done.
func long(d time.Duration, failed <-chan error, done func() bool) error {
	for begin := time.Now(); ; {
		if err := pass(d, failed); err != nil || done() || time.Since(begin) > patience {
			return err
		}
	}
}

func count(flows []flow) (n uint64) {
	for i := range flows {
		n += flows[i].seen.Load()
	}
	return n
}
