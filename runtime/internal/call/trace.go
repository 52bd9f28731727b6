package call

import (
	"sync"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/link"
)

// A Reason says why an attempt was made.
type Reason uint8

// The reasons.
const (
	First    Reason = iota // it is the first one
	Retry                  // an earlier one has failed
	Hedge                  // an earlier one is slow or has failed (Hedging)
	Failover               // an earlier one's server had gone or was stopping
)

// String returns the reason in lower case.
func (r Reason) String() string {
	return [...]string{"first", "retry", "hedge", "failover"}[r]
}

// An Attempt is one attempt of a call: at one server, or a failed wait for one.
type Attempt struct {
	Number   int // in the order of their beginnings, from 1
	Reason   Reason
	Server   *link.Conn // nil: there was none
	Start    time.Time
	Duration time.Duration
	Err      error // like the call's error; nil: the server has answered
}

// A Trace follows the attempts of one call, with its hedges.
type Trace struct {
	// Ended is called with each ended attempt, one at a time.
	Ended func(Attempt)

	mu    sync.Mutex
	begun int
}

// A tracer follows the attempts of a call, or of one of its hedges, one after
// another. A nil tracer follows none. Its methods may be called from any goroutine.
type tracer struct {
	trace *Trace

	mu      sync.Mutex
	current Attempt // Number is 0: none
	last    bool    // no other attempt will begin
}

// newTracer returns nil if t is nil.
func newTracer(t *Trace) *tracer {
	if t == nil {
		return nil
	}
	return &tracer{trace: t}
}

// begin begins an attempt, unless one has begun.
func (t *tracer) begin(why Reason) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.current.Number > 0 || t.last {
		return
	}
	t.trace.mu.Lock()
	t.trace.begun++
	t.current = Attempt{Number: t.trace.begun, Reason: why, Start: time.Now()}
	t.trace.mu.Unlock()
}

// at records the server that got the attempt.
func (t *tracer) at(c *link.Conn) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.current.Server = c
}

// end ends an attempt, if one has begun.
func (t *tracer) end(err error) { t.ends(err, false) }

// endAll is end for the last attempt.
func (t *tracer) endAll(err error) { t.ends(err, true) }

func (t *tracer) ends(err error, last bool) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	ended := t.current
	t.current, t.last = Attempt{}, t.last || last
	if ended.Number == 0 {
		return
	}
	ended.Duration, ended.Err = time.Since(ended.Start), err
	t.trace.mu.Lock()
	defer t.trace.mu.Unlock()
	t.trace.Ended(ended)
}
