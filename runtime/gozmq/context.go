package gozmq

import (
	"context"
	"sync"
	"time"
)

// A callContext is the context of one call on a server. It ends with the
// caller's deadline, with the connection and with the server. Most handlers
// never ask, so nothing is set up until one does.
type callContext struct {
	peer     context.Context // of the connection
	deadline time.Time       // zero: none
	info     CallInfo

	mu       sync.Mutex
	inner    context.Context // made when someone needs it
	cancel   context.CancelFunc
	finished bool
}

func newCallContext(c *serverCall) *callContext {
	ctx := &callContext{peer: c.peer.Context}
	ctx.info.Method = c.handler.method
	ctx.info.Peer = c.peer.Address()
	if c.timeout > 0 {
		ctx.deadline = time.Now().Add(c.timeout)
	}
	return ctx
}

// CallInfoFromContext returns what is known of the call in whose handler ctx
// was given; nil outside of one.
func CallInfoFromContext(ctx context.Context) *CallInfo {
	info, _ := ctx.Value(callInfoKey{}).(*CallInfo)
	return info
}

type callInfoKey struct{}

// context returns a context that does the work.
func (c *callContext) context() context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.inner != nil {
		return c.inner
	}
	if c.deadline.IsZero() {
		c.inner, c.cancel = context.WithCancel(c.peer)
	} else {
		c.inner, c.cancel = context.WithDeadline(c.peer, c.deadline)
	}
	if c.finished {
		c.cancel()
	}
	return c.inner
}

// finish ends the context when the handler has returned.
func (c *callContext) finish() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.finished = true
	if c.cancel != nil {
		c.cancel()
	}
}

// Deadline returns the caller's deadline (context.Context).
func (c *callContext) Deadline() (time.Time, bool) { return c.deadline, !c.deadline.IsZero() }

// Done is closed when the call is of no more use (context.Context).
func (c *callContext) Done() <-chan struct{} { return c.context().Done() }

// Err returns why Done is closed (context.Context).
func (c *callContext) Err() error { return c.context().Err() }

// Value returns the call's CallInfo, else what the contexts above hold
// (context.Context).
func (c *callContext) Value(key any) any {
	if key == (callInfoKey{}) {
		return &c.info
	}
	return c.context().Value(key)
}
