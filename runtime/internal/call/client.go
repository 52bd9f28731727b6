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
	// Ready is how long an attempt waits for a server; 0: until the call's context
	// ends.
	Ready time.Duration

	budget budget
	counts counts
}

// A Method holds the properties of a method that the engine needs.
type Method struct {
	Procedure     string
	MaxAttempts   int
	Idempotent    bool // or free of side effects
	Bare          bool
	ClientStreams bool
	ServerStreams bool
}

// Do makes a call of one request and one reply, and repeats it as tries decides.
// The outcome is in x.
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

// attempt makes the call once. gone says that the server has gone, or that it is
// stopping and has not carried out the call.
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
// the running ones (Race).
func (c *Client) Worth(ctx context.Context, err error) bool {
	return status.CodeOf(err) == status.Unavailable && ctx.Err() == nil && !c.Dealer.Closed()
}

// lost returns the coded error for a call without a reply.
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
