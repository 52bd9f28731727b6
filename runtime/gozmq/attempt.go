package gozmq

import (
	"time"

	"github.com/gozmq/gozmq/runtime/internal/call"
)

// An Attempt is one attempt of a call or a stream of a client: the call as one
// server got it, or as it waited for a server in vain.
type Attempt struct {
	// Number counts the attempts in the order in which they began, from 1.
	Number int
	// Reason is why it was made: "first"; "retry", after one that has failed;
	// "hedge", because of WithHedging; or "failover", because the server of the one
	// before has gone, or was stopping.
	Reason string
	// Peer is the server, or a proxy before it; nil when none was connected.
	Peer *Peer
	// Start is when it began. The pause before a retry is not part of it, the wait
	// for a connection is.
	Start    time.Time
	Duration time.Duration
	// Err is the error that the call would have with this attempt alone; nil when
	// it went well. An attempt that another one has overtaken has CodeCanceled.
	Err error
}

// OnAttempt has f called with each attempt of the call when it has ended, one at
// a time, and before next returns: retries, hedges and failovers, and the only
// attempt of most calls. With WithHedging, one attempt of a stream that the caller
// leaves may follow later. A client's interceptor calls OnAttempt before next;
// elsewhere it has no effect. f must not use the call.
func (c *CallInfo) OnAttempt(f func(a *Attempt)) {
	if c.Operation == OperationCall {
		h := c.added()
		h.onAttempt = append(h.onAttempt, f)
	}
}

// trace returns what follows the attempts of the call; nil when nobody wants it.
func (c *CallInfo) trace() *call.Trace {
	if c.hooks == nil || len(c.hooks.onAttempt) == 0 {
		return nil
	}
	return &call.Trace{Ended: func(a call.Attempt) {
		attempt := Attempt{Number: a.Number, Reason: a.Reason.String(), Start: a.Start, Duration: a.Duration, Err: fromStatus(a.Err)}
		if a.Server != nil {
			attempt.Peer = peerOf(a.Server)
		}
		for _, f := range c.hooks.onAttempt {
			f(&attempt)
		}
	}}
}
