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
	Hedge                  // an earlier one takes long, or has failed (Hedging)
	Failover               // the server of an earlier one went, or was stopping
)

// String returns the reason in lower case.
func (r Reason) String() string {
	return [...]string{"first", "retry", "hedge", "failover"}[r]
}

// An Attempt is a call as one server got it, or as it waited for one in vain.
type Attempt struct {
	Number   int // in the order in which they began, from 1
	Reason   Reason
	Server   *link.Conn // nil: none was there
	Start    time.Time
	Duration time.Duration
	Err      error // as the call's would be; nil: the server has answered it
}

// A Trace follows the attempts of one call, with its hedges.
type Trace struct {
	// Ended is called with each attempt when it has ended, one at a time.
	Ended func(Attempt)

	mu    sync.Mutex
	begun int
}

// A tracer follows the attempts of a call, or of one of its hedges, which come one
// after another. A nil one follows none. Its methods may be called from any
// goroutine.
type tracer struct {
	trace *Trace

	mu      sync.Mutex
	current Attempt // Number is 0: none
	last    bool    // no other one is to begin
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

// at notes which server got it.
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

// endAll is end, after which no other attempt begins.
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
