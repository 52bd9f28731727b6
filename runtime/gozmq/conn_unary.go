package gozmq

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/internal/call"
	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// Call makes one call (Caller). Every error is an *Error or wraps one; CodeOf
// returns its code:
//
//   - CodeDeadlineExceeded, CodeCanceled: ctx or the method's timeout ended.
//   - CodeUnavailable: no server was connected in time, or the connection was
//     lost; the server may have carried the call out.
//   - CodeInvalidArgument, CodeResourceExhausted: req cannot be sent; an option is
//     wrong.
//   - CodeResourceExhausted: req or the reply is larger than its receiver allows.
//   - CodeInternal: the reply cannot be decoded.
//   - any code that the server's handler returns.
func (c *Conn) Call(ctx context.Context, m *Method, req, reply proto.Message, opts ...CallOption) error {
	err := c.call(ctx, m, req, reply, opts)
	c.methods.of(m).end(err)
	return err
}

func (c *Conn) call(ctx context.Context, m *Method, req, reply proto.Message, opts []CallOption) error {
	o, err := callOptionsOf(m, opts)
	if err != nil {
		return err
	}
	if o.timeout != 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.timeout)
		defer cancel()
	}
	call := outgoingCall{method: m, req: req, replyMetadata: o.replyMetadata, wait: o.wait, hedging: o.hedging}
	if c.interceptor == nil {
		return c.perform(ctx, call, reply)
	}
	return c.intercept(ctx, call, reply)
}

// intercept makes a call through the interceptors.
func (c *Conn) intercept(ctx context.Context, call outgoingCall, reply proto.Message) error {
	m := call.method
	info := &CallInfo{Operation: OperationCall, Method: m}
	var begun atomic.Bool
	next := func(ctx context.Context, req proto.Message) (proto.Message, error) {
		own, to := call, reply
		own.req, own.trace = req, info.trace()
		if begun.Swap(true) { // the first reply is the interceptor's, which may still read it
			to = reply.ProtoReflect().New().Interface()
		}
		return to, c.perform(ctx, own, to)
	}
	var got proto.Message
	var err error
	panicked := c.observer.guard(zmtp.Dealer, "an interceptor", m.Procedure, func() {
		if got, err = c.interceptor(ctx, info, call.req, next); err != nil {
			err = asError(err)
		}
	})
	if panicked != nil {
		return Errorf(CodeInternal, "%s: %w", m.Procedure, panicked)
	}
	if err != nil {
		return err
	}
	return adopt(reply, got, m)
}

// adopt makes reply what interceptors have answered with, unless that is nil.
func adopt(reply, got proto.Message, m *Method) error {
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
	hedging       call.Hedging
	trace         *call.Trace // nil: nobody follows the attempts
	reason        call.Reason // of the first one
}

// perform makes the call, with hedges if they are wanted and allowed.
func (c *Conn) perform(ctx context.Context, call outgoingCall, reply proto.Message) error {
	if call.hedging.Max > 1 && call.method.Idempotency != IdempotencyUnknown {
		return c.hedge(ctx, call, reply)
	}
	return c.attempts(ctx, call, reply)
}

// attempts makes the call, one attempt after another.
func (c *Conn) attempts(ctx context.Context, call outgoingCall, reply proto.Message) error {
	meta := outgoing(ctx)
	if meta.err != nil && ctx.Err() == nil {
		return meta.err
	}
	x := exchanges.Get().(*exchange)
	x.Method, x.Message = call.method.engine(), x
	x.bodies, x.req, x.reply = &c.bodies, call.req, reply
	x.Metadata, x.Wait, x.WantsMetadata = wire.Metadata(meta.entries), call.wait, call.replyMetadata != nil
	x.Trace, x.Reason = call.trace, call.reason
	err := fromStatus(c.client.Do(ctx, &x.Exchange))
	if to := call.replyMetadata; to != nil {
		*to = ReplyMetadata{Headers: Metadata(x.Headers), Trailers: Metadata(x.Trailers)}
	}
	*x = exchange{}
	exchanges.Put(x)
	return err
}

// hedge makes the call as often as its hedging says and returns the first
// outcome that is not worth another attempt.
func (c *Conn) hedge(ctx context.Context, own outgoingCall, reply proto.Message) error {
	ctx, giveUp := context.WithCancel(ctx)
	var attempts sync.WaitGroup
	defer attempts.Wait() // the request is the caller's again
	defer giveUp()
	type outcome struct {
		reply proto.Message
		meta  ReplyMetadata
		err   error
	}
	begun := false
	begin := func() func() *outcome {
		mine := own
		if begun {
			c.client.Hedged()
			mine.reason = call.Hedge
		}
		begun = true
		attempts.Add(1)
		return func() *outcome {
			defer attempts.Done()
			got := &outcome{reply: reply.ProtoReflect().New().Interface()}
			mine.replyMetadata = &got.meta
			got.err = c.attempts(ctx, mine, got.reply)
			return got
		}
	}
	got, _ := call.Race(own.hedging, nil, begin, func(got *outcome) bool { return c.client.Worth(ctx, toStatus(got.err)) })
	if got.err == nil {
		replace(reply, got.reply)
	}
	if own.replyMetadata != nil {
		*own.replyMetadata = got.meta
	}
	return got.err
}

// engine returns what the engine of calls has to know of a method.
func (m *Method) engine() call.Method {
	return call.Method{
		Procedure: m.Procedure, MaxAttempts: m.MaxAttempts, Idempotent: m.Idempotency != IdempotencyUnknown,
		Bare: m.Bare, ClientStreams: m.ClientStreams, ServerStreams: m.ServerStreams,
	}
}

// An exchange is one call of the engine, with its messages (call.Message).
type exchange struct {
	call.Exchange
	bodies     *bodies // of the Conn
	req, reply proto.Message
}

var exchanges = sync.Pool{New: func() any { return new(exchange) }}

// AppendBody appends the request's body (wire.Body).
func (x *exchange) AppendBody(b []byte, flags byte) ([]byte, error) {
	out, err := x.bodies.append(b, flags, x.req)
	return out, toStatus(err)
}

// Decode decodes the reply's body (call.Message).
func (x *exchange) Decode(body []byte) error {
	return x.bodies.decodeReply(body, x.reply, x.Method.Procedure)
}

// decodeReply decodes what a server has sent.
func (c *bodies) decodeReply(body []byte, m proto.Message, procedure string) error {
	if err := c.decode(body, m); err != nil {
		return toStatus(Errorf(CodeInternal, "%s: decode %s of %d bytes: %w", procedure, nameOf(m), len(body), err))
	}
	return nil
}

// An outgoing call's hedging, as an option.
type hedging call.Hedging

func (h hedging) applyCall(o *callOptions) { o.hedging = call.Hedging(h) }

// WithHedging starts another attempt of a call each time that delay passes
// without a reply, up to max attempts in all (2 to 5), on another server if
// there is one. The first reply counts, and the other attempts are canceled. It
// has no effect on methods that are not marked idempotent.
func WithHedging(max int, delay time.Duration) CallOption { return hedging{max, delay} }
