package gozmq

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/internal/bridge"
	"github.com/gozmq/gozmq/runtime/internal/handshake"
	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

type dialConfig struct {
	socketConfig
	ready        time.Duration
	interceptors interceptorOption
}

// Options from other files that Dial takes.

func (o socketOption) applyDial(c *dialConfig) { o(&c.socketConfig) }
func (e Endpoints) applyDial(c *dialConfig)    { e.add(&c.endpoints) }
func (o codecOption) applyDial(c *dialConfig)  { o.apply(&c.socketConfig) }
func (o interceptorOption) applyDial(c *dialConfig) {
	c.interceptors = append(c.interceptors, o...)
}

func (c *dialConfig) check() error {
	errs := []error{c.socketConfig.check(), c.interceptors.check()}
	if c.ready < 0 {
		errs = append(errs, fmt.Errorf("WithReadyTimeout: %v, want 0 or more", c.ready))
	}
	return errors.Join(errs...)
}

// A Conn makes calls to one or more servers. Any number of calls may be in
// flight at once, from any goroutines; each goes to the server with the fewest
// of this Conn's calls in flight, and not to one that seems to hang while
// there is another. On the wire it is a DEALER socket.
type Conn struct {
	holdsConn
	dealer      *socket.Dealer
	observer    *observer
	interceptor Interceptor
	budget      retryBudget
	calls       callCounts
	bodies      bodies
	ready       time.Duration
	linger      time.Duration
	addrs       []string
}

// Dial returns a Conn that connects, or lets servers connect to it, in the
// background. It fails when an option is wrong or an endpoint cannot be bound;
// it does not fail because no server is there yet. Close must be called.
func Dial(opts ...DialOption) (*Conn, error) {
	cfg := dialConfig{socketConfig: newSocketConfig(zmtp.Dealer, handshake.RoleClient), ready: 10 * time.Second}
	for _, o := range opts {
		o.applyDial(&cfg)
	}
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("dial: %w", err)
	}
	c := &Conn{
		observer:    newObserver(cfg.observer),
		interceptor: cfg.interceptors.chain(),
		ready:       cfg.ready,
		linger:      cfg.linger,
	}
	c.holdsConn = bridge.Hold[bridge.Conn]((*exchanging)(c))
	c.bodies = cfg.bodies(c.observer)
	cfg.Observe = c.observer.link(cfg.SocketType)
	c.dealer = socket.NewDealer(cfg.Config)
	addrs, err := cfg.endpoints.open(c.dealer.Links())
	if err != nil {
		c.Close()
		return nil, fmt.Errorf("dial: %w", err)
	}
	c.addrs = addrs
	return c, nil
}

type holdsConn = bridge.Held[bridge.Conn]

// exchanging is a Conn as gozmqzap sees it (bridge.Conn).
type exchanging Conn

func (c *exchanging) Do(ctx context.Context, x socket.Exchange) error {
	return c.dealer.Do(ctx, x, c.ready)
}

// WaitForServers waits until at least n servers are connected. It fails with
// the code of ctx's error when ctx ends first, and with CodeCanceled when the
// Conn is closed.
func (c *Conn) WaitForServers(ctx context.Context, n int) error {
	err := c.dealer.WaitPeers(ctx, n)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, link.ErrClosed):
		return Errorf(CodeCanceled, "wait for servers: the Conn is closed")
	}
	return Errorf(CodeOf(err), "wait for servers: %w", err)
}

type readyTimeout time.Duration

func (o readyTimeout) applyDial(c *dialConfig) { c.ready = time.Duration(o) }

// WithReadyTimeout sets how long each attempt of a call waits for a server to be
// connected before it fails with CodeUnavailable. 0: as long as the call's context
// lasts. Default: 10 s.
func WithReadyTimeout(d time.Duration) DialOption { return readyTimeout(d) }

// Addrs returns the endpoints that were bound, with ports filled in.
func (c *Conn) Addrs() []string { return c.addrs }

// Close fails the calls in flight with CodeUnavailable and closes the
// connections, once the requests that were sent have reached the kernel or the
// linger time (WithLinger) is over. Calls made later fail with CodeCanceled.
func (c *Conn) Close() error {
	err := lingering(c.linger, c.dealer.Shutdown)
	c.observer.close()
	return err
}

// Call makes one call (Caller). Every error is an *Error or wraps one; CodeOf
// returns its code:
//
//   - CodeDeadlineExceeded, CodeCanceled: ctx or the method's timeout ended.
//   - CodeUnavailable: no server was connected in time, or the connection was
//     lost; the server may have carried the call out.
//   - CodeInvalidArgument, CodeResourceExhausted: req cannot be sent.
//   - CodeResourceExhausted: req or the reply is larger than its receiver allows.
//   - CodeInternal: the reply cannot be decoded.
//   - any code that the server's handler returns.
func (c *Conn) Call(ctx context.Context, m *Method, req, reply proto.Message, opts ...CallOption) error {
	o := callOptions{timeout: m.Timeout}
	for _, opt := range opts {
		opt.applyCall(&o)
	}
	if o.timeout != 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.timeout)
		defer cancel()
	}
	call := outgoingCall{method: m, req: req, replyMetadata: o.replyMetadata, wait: o.wait, hedging: o.hedging}
	if c.interceptor == nil {
		return c.perform(ctx, &call, reply)
	}
	return c.intercept(ctx, call, reply)
}

// intercept makes a call through the interceptors.
func (c *Conn) intercept(ctx context.Context, call outgoingCall, reply proto.Message) error {
	m := call.method
	var begun atomic.Bool
	next := func(ctx context.Context, req proto.Message) (proto.Message, error) {
		own, to := call, reply
		own.req = req
		if begun.Swap(true) { // the first reply is the interceptor's, which may still read it
			to = reply.ProtoReflect().New().Interface()
		}
		return to, c.perform(ctx, &own, to)
	}
	var got proto.Message
	var err error
	panicked := c.observer.guard(zmtp.Dealer, "an interceptor", m.Procedure, func() {
		if got, err = c.interceptor(ctx, &CallInfo{Operation: OperationCall, Method: m}, call.req, next); err != nil {
			err = asError(err)
		}
	})
	if panicked != nil {
		return Errorf(CodeInternal, "%s: %w", m.Procedure, panicked)
	}
	if err != nil {
		return err
	}
	if got == nil || got == reply {
		return nil
	}
	if got.ProtoReflect().Descriptor() != reply.ProtoReflect().Descriptor() {
		return Errorf(CodeInternal, "%s: an interceptor answered with %s, want %s", m.Procedure, nameOf(got), nameOf(reply))
	}
	replace(reply, got)
	return nil
}

// replace replaces the content of m by that of by, which is of the same type.
func replace(m, by proto.Message) {
	proto.Reset(m)
	proto.Merge(m, by)
}

// An outgoingCall is what the attempts of one call have in common.
type outgoingCall struct {
	method        *Method
	req           proto.Message
	replyMetadata *ReplyMetadata
	wait          bool // for a server, as long as the context lasts
	hedging       hedging
}

// perform makes the call, with hedges if they are wanted and allowed.
func (c *Conn) perform(ctx context.Context, call *outgoingCall, reply proto.Message) error {
	if call.hedging.max > 1 && call.method.Idempotency != IdempotencyUnknown {
		return c.hedge(ctx, *call, reply)
	}
	return c.attempts(ctx, call, reply)
}

// attempt makes the call once. gone says that the error is that of a server that
// went, or that is stopping and has not carried the call out.
func (c *Conn) attempt(ctx context.Context, call *outgoingCall, reply proto.Message) (gone bool, err error) {
	m := call.method
	if call.replyMetadata != nil {
		*call.replyMetadata = ReplyMetadata{} // of an earlier attempt, or call
	}
	if err := ctx.Err(); err != nil {
		return false, contextError(err, m)
	}
	meta := outgoing(ctx)
	if meta.err != nil {
		return false, meta.err
	}
	x := exchanges.Get().(*exchange)
	x.method, x.req, x.reply, x.bodies = m, call.req, reply, &c.bodies
	x.metadata, x.replyMetadata = meta.entries, call.replyMetadata
	x.deadline, _ = ctx.Deadline()
	ready := c.ready
	if call.wait {
		ready = 0
	}
	if err = c.dealer.Do(ctx, x, ready); err == nil {
		gone, err = x.refused, x.err
	} else {
		gone, err = errors.As(err, new(*socket.LostError)), callError(err, m)
	}
	*x = exchange{}
	exchanges.Put(x)
	return gone, err
}

// callError gives a code to why no reply came.
func callError(err error, m *Method) error {
	var lost *socket.LostError
	var limit *link.LimitError
	switch {
	case errors.As(err, &limit):
		return Errorf(CodeResourceExhausted, "%s: request of %d bytes exceeds the server's limit of %d (send less, or raise it with WithMaxMessageSize of NewServer)", m.Procedure, limit.Size, limit.Limit)
	case errors.As(err, new(*Error)):
		return err
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return contextError(err, m)
	case errors.Is(err, link.ErrClosed) && !errors.As(err, &lost):
		return Errorf(CodeCanceled, "%s: the Conn is closed", m.Procedure)
	}
	return Errorf(CodeUnavailable, "%s: %w", m.Procedure, err)
}

func contextError(err error, m *Method) error {
	return Errorf(CodeOf(err), "%s: %w", m.Procedure, err)
}
