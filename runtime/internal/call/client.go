package call

import (
	"context"
	"errors"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/status"
)

// A Client makes calls over a Dealer. Its fields are set before the first call; its
// methods may be called from any goroutine.
type Client struct {
	Dealer *socket.Dealer
	// Ready is how long an attempt waits for a server. 0: as long as the call's
	// context lasts.
	Ready time.Duration

	budget budget
	counts counts
}

// A Method is what the engine has to know of a method.
type Method struct {
	Procedure     string
	MaxAttempts   int
	Idempotent    bool // or without side effects
	Bare          bool
	ClientStreams bool
	ServerStreams bool
}

// Do makes a call of one request and one reply, and again while it fails and tries
// says so. The outcome is in x.
func (c *Client) Do(ctx context.Context, x *Exchange) error {
	var t tries
	x.tracer = newTracer(x.Trace)
	for why := x.Reason; ; why = t.why {
		x.tracer.begin(why)
		gone, err := c.attempt(ctx, x)
		x.tracer.end(err)
		if !t.next(ctx, c, &x.Method, gone, err) {
			return err
		}
	}
}

// attempt makes the call once. gone says that the error is that of a server that
// went, or that is stopping and has not carried the call out.
func (c *Client) attempt(ctx context.Context, x *Exchange) (gone bool, err error) {
	x.begin()
	if err := ctx.Err(); err != nil {
		return false, contextError(err, x.Method.Procedure)
	}
	x.Deadline, _ = ctx.Deadline()
	if err = c.Dealer.Do(ctx, x, c.patience(x.Wait)); err == nil {
		return x.refused, x.err
	}
	return errors.As(err, new(*socket.LostError)), lost(err, x.Method.Procedure)
}

// patience is how long an attempt waits for a server.
func (c *Client) patience(wait bool) time.Duration {
	if wait {
		return 0
	}
	return c.Ready
}

// Worth reports whether a call with that outcome is worth a further attempt beside
// those that run (Race).
func (c *Client) Worth(ctx context.Context, err error) bool {
	return status.CodeOf(err) == status.Unavailable && ctx.Err() == nil && !c.Dealer.Closed()
}

// lost gives a code to why no reply came.
func lost(err error, procedure string) error {
	var gone *socket.LostError
	var limit *link.LimitError
	switch {
	case errors.As(err, &limit):
		return status.Errorf(status.ResourceExhausted, "%s: request of %d bytes exceeds the server's limit of %d (send less, or raise it with WithMaxMessageSize of NewServer)", procedure, limit.Size, limit.Limit)
	case errors.As(err, new(*status.Error)):
		return err
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return contextError(err, procedure)
	case errors.Is(err, link.ErrClosed) && !errors.As(err, &gone):
		return status.Errorf(status.Canceled, "%s: the Conn is closed", procedure)
	}
	return status.Errorf(status.Unavailable, "%s: %w", procedure, err)
}

func contextError(err error, procedure string) error {
	return status.Errorf(status.CodeOf(err), "%s: %w", procedure, err)
}
