package socket

import (
	"sync/atomic"
	"time"
)

// A Pace tracks whether jobs of one kind are quick. Jobs of the zero value count as
// slow.
type Pace struct{ streak atomic.Int32 }

const (
	quickRun    = 20 * time.Microsecond // the longest run of a quick job
	quickStreak = 16                    // so many quick jobs in a row make a kind quick
)

func (p *Pace) quick() bool { return p.streak.Load() >= quickStreak }

func (p *Pace) reset() {
	if p.streak.Load() != 0 {
		p.streak.Store(0)
	}
}

// note records how long a job took. Only jobs that do not hold up reading are
// measured; the others are watched.
func (p *Pace) note(d time.Duration) {
	switch {
	case d > quickRun:
		p.reset()
	case !p.quick():
		p.streak.Add(1)
	}
}
