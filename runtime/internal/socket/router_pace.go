package socket

import (
	"sync/atomic"
	"time"
)

// A Pace knows how long one kind of job has run. The zero value knows nothing
// and takes jobs to be slow.
type Pace struct{ streak atomic.Int32 }

const (
	quickRun    = 20 * time.Microsecond // what a quick job takes at most
	quickStreak = 16                    // quick jobs in a row make a quick kind
)

func (p *Pace) quick() bool { return p.streak.Load() >= quickStreak }

func (p *Pace) reset() { p.streak.Store(0) }

// note notes how long a job took. Only jobs that do not hold up reading are
// measured; the others are watched.
func (p *Pace) note(d time.Duration) {
	switch {
	case d > quickRun:
		p.reset()
	case !p.quick():
		p.streak.Add(1)
	}
}
