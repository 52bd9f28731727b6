package gozmq

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/socket"
)

// A callContext is the context of one call on a server. It ends with the
// caller's deadline, when the caller gives up, with the connection, when the drain
// timeout of a stopping server ends, and when the handler returns. Most handlers
// never ask, so nothing is set up until one does.
type callContext struct {
	peer     context.Context // of the connection
	deadline time.Time       // zero: none
	info     CallInfo

	mu       sync.Mutex
	inner    context.Context // made when someone needs it
	cancel   context.CancelFunc
	canceled bool // by the caller
	finished bool
	meta     ReplyMetadata
}

func newCallContext(c *serverCall) *callContext {
	ctx := &callContext{peer: c.peer.Context}
	ctx.info.Operation, ctx.info.Method = OperationServe, c.handler.method
	ctx.info.Peer = callerOf(c.peer)
	ctx.info.Metadata = Metadata(c.header.Metadata)
	ctx.info.reply = ctx
	if c.header.Timeout > 0 {
		ctx.deadline = c.peer.ReadAt().Add(c.header.Timeout)
	}
	return ctx
}

// forStream makes the contexts of a stream: hard, which ends when nothing can
// be sent or received any more, and the handler's, which is the same or ends
// before that when soft is called. cancel ends both.
func (c *callContext) forStream() (hard context.Context, soft, cancel context.CancelCauseFunc) {
	hard, cancel = context.WithCancelCause(c.peer)
	stop := context.CancelFunc(func() {})
	if !c.deadline.IsZero() {
		hard, stop = context.WithDeadline(hard, c.deadline)
	}
	c.inner, soft = context.WithCancelCause(hard)
	c.cancel = func() { cancel(nil); stop(); soft(nil) }
	return hard, soft, cancel
}

// callerOf returns the peer of a connection, the same one for all of its calls. It
// is called by the connection's reader.
func callerOf(p *socket.RouterPeer) *Peer {
	peer, ok := p.Value.(*Peer)
	if !ok {
		peer = peerOf(p.Conn)
		p.Value = peer
	}
	return peer
}

// CallInfoFromContext returns the description of the call whose handler was
// given ctx; nil outside of a handler.
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
	if c.finished || c.canceled {
		c.cancel()
	}
	return c.inner
}

// over returns why the call is of no use any more, before it has begun; nil when it
// is.
func (c *callContext) over() error {
	if !c.deadline.IsZero() && !time.Now().Before(c.deadline) {
		return context.DeadlineExceeded
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.canceled {
		return context.Canceled
	}
	return nil
}

// giveUp ends the context because the caller has given up.
func (c *callContext) giveUp() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.canceled = true
	if c.cancel != nil {
		c.cancel()
	}
}

// setReply adds reply metadata; it has no effect once the call is over.
func (c *callContext) setReply(trailer bool, key, value string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.finished {
		return
	}
	m := &c.meta.Headers
	if trailer {
		m = &c.meta.Trailers
	}
	if *m == nil {
		*m = make(Metadata)
	}
	m.Add(key, value)
}

// replyMetadata returns what travels with the reply, nil when there is none.
// The call is over.
func (c *callContext) replyMetadata() *ReplyMetadata {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.meta.empty() {
		return nil
	}
	return &c.meta
}

// headers returns a copy of the headers that were set so far.
func (c *callContext) headers() Metadata {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.meta.Headers)
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

// Value returns the call's CallInfo and its Peer, else what the contexts above hold
// (context.Context).
func (c *callContext) Value(key any) any {
	switch key {
	case callInfoKey{}:
		return &c.info
	case peerKey{}:
		return c.info.Peer
	}
	return c.context().Value(key)
}
