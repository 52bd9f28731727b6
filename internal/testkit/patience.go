// Package testkit has the helpers with which all tests wait for and record events.
// Nothing in it sleeps for a set time: a test waits for an event and gives up only
// when its patience ends, which is longer on a slow machine.
package testkit

import (
	"os"
	"strconv"
	"time"
)

const (
	// basePatience is how long a test waits on a machine of normal speed, which is
	// far longer than any event takes.
	basePatience = 20 * time.Second
	// maxPatience lets a test fail before go test's own limit of ten minutes,
	// which would hide where it hung.
	maxPatience = 4 * time.Minute
)

// slowness is measured once per process: before any test runs, as the clock of
// a synctest bubble would measure nothing.
var slowness = func() float64 {
	if f, err := strconv.ParseFloat(os.Getenv("GOZMQ_TEST_SLOWNESS"), 64); err == nil && f >= 1 {
		return f
	}
	return max(1, float64(measure())/float64(nominal))
}()

// Patience returns how long a test waits for an event that must come. It only
// bounds the wait: a test that passes never waits that long.
func Patience() time.Duration { return min(Stretch(basePatience), maxPatience) }

// Stretch returns d, multiplied by how much slower than normal this process runs,
// because the machine is slow or busy, or the process has a low priority. It is for
// limits that a test sets in the code under test. The environment variable
// GOZMQ_TEST_SLOWNESS takes the place of the measurement.
func Stretch(d time.Duration) time.Duration { return time.Duration(float64(d) * slowness) }

// nominal is the most that measure returns on an idle machine, with a margin for an
// old one.
const nominal = 60 * time.Millisecond

// measure times a fixed piece of work: arithmetic and switches between two
// goroutines, which is what most tests wait for. It is long enough for a scheduler
// to take the processor away if others want it.
func measure() time.Duration {
	start := time.Now()
	there, back := make(chan uint64), make(chan uint64)
	go func() {
		defer close(back)
		for x := range there {
			back <- spin(x)
		}
	}()
	x := uint64(88172645463325252)
	for range 2000 {
		there <- x
		x = <-back
	}
	close(there)
	<-back // closed: the goroutine has ended
	return time.Since(start)
}

// spin makes some steps of a random generator (xorshift64).
func spin(x uint64) uint64 {
	for range 5000 {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
	}
	return x
}
