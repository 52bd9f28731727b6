package call

import "time"

// Hedging configures several attempts of one call at the same time.
type Hedging struct {
	Max   int // attempts
	Delay time.Duration
}

// maxHedges is how many attempts of one call may run at once.
const maxHedges = 5

// Race makes up to h.Max attempts of a call: one at once, and a further one each
// time h.Delay passes or an attempt ends with an outcome for which worth is true.
// It returns the first outcome for which worth is false, otherwise the last
// attempt's outcome. It returns false when done is closed first.
//
// begin begins an attempt; the function that it returns runs in a separate
// goroutine, for which Race does not wait. begin and worth are called in the
// caller's goroutine.
func Race[T any](h Hedging, done <-chan struct{}, begin func() (run func() T), worth func(T) bool) (outcome T, ok bool) {
	limit := min(h.Max, maxHedges)
	outcomes := make(chan T, limit)
	begun, ended := 0, 0
	next := func() bool {
		if begun == limit {
			return false
		}
		begun++
		run := begin()
		go func() { outcomes <- run() }()
		return true
	}
	timer := time.NewTimer(h.Delay)
	defer timer.Stop()
	next()
	for {
		select {
		case outcome = <-outcomes:
			if ended++; ended == limit || !worth(outcome) {
				return outcome, true
			}
			next()
		case <-timer.C:
			if next() {
				timer.Reset(h.Delay)
			}
		case <-done:
			return outcome, false
		}
	}
}
