package answer

import (
	"context"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/status"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// A Context is the context of one call, for its Work to embed. It ends with the
// caller's deadline, when the caller gives up, with the connection, when the drain
// timeout of a stopping server ends, and when the handler returns. Most handlers
// never use it, so nothing is set up until one does.
type Context struct {
	peer     context.Context // of the connection
	deadline time.Time       // zero: none

	inner  context.Context // made when someone needs it
	cancel context.CancelFunc

	headers, trailers wire.Metadata // of the reply

	// The small fields stand side by side, so that each call needs less memory.
	made        atomic.Bool // inner is there, and stays
	mu          sync.Mutex
	canceled    bool // the caller has canceled
	finished    bool
	headersSent bool // with the first message of a stream
}

// begin is called before anything else. timeout is the caller's; 0: none.
func (c *Context) begin(p *socket.RouterPeer, timeout time.Duration) {
	c.peer = p.Context
	if timeout > 0 {
		c.deadline = p.ReadAt().Add(timeout)
	}
}

// forStream makes the contexts of a stream: hard, which ends when nothing more can
// be sent or received, and the handler's context, which ends with it, or earlier
// when soft is called. cancel ends both.
func (c *Context) forStream() (hard context.Context, soft, cancel context.CancelCauseFunc) {
	hard, cancel = context.WithCancelCause(c.peer)
	stop := context.CancelFunc(func() {})
	if !c.deadline.IsZero() {
		hard, stop = context.WithDeadline(hard, c.deadline)
	}
	c.inner, soft = context.WithCancelCause(hard)
	c.made.Store(true)
	c.cancel = func() { cancel(nil); stop(); soft(nil) }
	return hard, soft, cancel
}

// context returns the underlying context, and makes it if there is none.
func (c *Context) context() context.Context {
	if c.made.Load() {
		return c.inner
	}
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
	c.made.Store(true)
	if c.finished || c.canceled {
		c.cancel()
	}
	return c.inner
}

// over returns why the call, which has not begun, is no longer needed; nil when it
// still is.
func (c *Context) over() error {
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
func (c *Context) giveUp() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.canceled = true
	if c.cancel != nil {
		c.cancel()
	}
}

// finish ends the context when the handler has returned.
func (c *Context) finish() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.finished = true
	if c.cancel != nil {
		c.cancel()
	}
}

// AddHeader adds a header to the reply. It fails when the headers have been sent,
// or the handler has returned.
func (c *Context) AddHeader(key, value string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.headersSent && !c.finished {
		return status.Errorf(status.FailedPrecondition, "header %.32q: the headers of the stream were sent with its first message", key)
	}
	return c.add(&c.headers, "header", key, value)
}

// AddTrailer adds a trailer to the reply. It fails when the handler has returned.
func (c *Context) AddTrailer(key, value string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.add(&c.trailers, "trailer", key, value)
}

func (c *Context) add(to *wire.Metadata, what, key, value string) error {
	if c.finished {
		return status.Errorf(status.FailedPrecondition, "%s %.32q: the handler has returned", what, key)
	}
	if *to == nil {
		*to = make(wire.Metadata)
	}
	(*to)[key] = append((*to)[key], value)
	return nil
}

// takeHeaders returns the headers to send before the first message of a stream.
// After it no header can be added.
func (c *Context) takeHeaders() wire.Metadata {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.headersSent = true
	return maps.Clone(c.headers)
}

// replyHeader returns the header of the reply. It fails when the metadata is
// invalid. After it none can be added.
func (c *Context) replyHeader() (h wire.ReplyHeader, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range []wire.Metadata{c.headers, c.trailers} {
		if err := m.Check(); err != nil {
			return h, status.Errorf(status.Internal, "reply: %w", err)
		}
	}
	h.Trailers = c.trailers
	if !c.headersSent {
		h.Headers = c.headers
	}
	return h, nil
}

// Deadline returns the caller's deadline (context.Context).
func (c *Context) Deadline() (time.Time, bool) { return c.deadline, !c.deadline.IsZero() }

// Done is closed when the call is no longer needed (context.Context).
func (c *Context) Done() <-chan struct{} { return c.context().Done() }

// Err returns why Done is closed (context.Context).
func (c *Context) Err() error { return c.context().Err() }

// Value returns the value of the contexts above it (context.Context).
func (c *Context) Value(key any) any { return c.context().Value(key) }
