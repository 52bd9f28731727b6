package gozmq

import (
	"errors"
	"fmt"
	"runtime/debug"
	"sync"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/internal/guarded"
	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A serverCall is one request that is being carried out, as a socket.Job.
type serverCall struct {
	server   *Server
	peer     *socket.RouterPeer
	envelope []byte // as frames on the wire, the empty one included
	handler  *handler
	req      proto.Message
	resp     proto.Message
	first    []byte // of a stream of the client
	header   wire.RequestHeader
	id       uint64 // of a call that one of our clients may cancel
	hasID    bool
	ctx      *callContext
	refused  bool
	stream   *serverStream // nil: the method has none
	turn     chan struct{} // closed when a call that had to wait may run; nil: it need not
}

var serverCalls = sync.Pool{New: func() any { return new(serverCall) }}

// newServerCall returns a call with that envelope; free must be called.
func newServerCall(s *Server, p *socket.RouterPeer, envelope wire.Envelope) *serverCall {
	c := serverCalls.Get().(*serverCall)
	c.server, c.peer = s, p
	c.envelope = envelope.Append(c.envelope[:0])
	return c
}

// A requestReceiver makes calls of the requests that a Server's socket has read
// (socket.Receiver).
type requestReceiver struct{ server *Server }

// Receive decodes a request. One that cannot be carried out is answered at once,
// if there is a way to do so.
func (r requestReceiver) Receive(p *socket.RouterPeer, frames [][]byte) socket.Job {
	s := r.server
	if wire.IsProbe(frames) {
		return nil
	}
	envelope, content, ok := wire.SplitEnvelope(frames)
	if !ok {
		p.Malformed("%w", wire.NoEnvelope(frames))
		return nil
	}
	if s.bare == nil && wire.Streamed(content) {
		if job, ok := s.streamMessage(p, envelope, content); ok {
			return job
		}
	}
	c := newServerCall(s, p, envelope)
	if c.id, c.hasID = envelope.CallID(); !p.Gozmq() {
		c.hasID = false
	}
	err := c.decode(content)
	if err == errCancel {
		s.cancelCall(c)
		c.free()
		return nil
	}
	if err == nil {
		err = c.acquire()
	}
	if err != nil {
		c.fail(err)
		c.free()
		return nil
	}
	c.ctx = newCallContext(c)
	if c.handler.stream != nil {
		return c.openStream(envelope)
	}
	s.calls.add(c)
	return c
}

// TooLarge answers a request that was not read because it is larger than the
// server's limit (socket.Receiver). Bare framing has no place for an answer.
func (r requestReceiver) TooLarge(p *socket.RouterPeer, frames [][]byte, size *zmtp.SizeError) bool {
	envelope, content, ok := wire.SplitEnvelope(frames)
	if !ok || r.server.bare != nil {
		return false
	}
	p.Malformed("a request was passed over: %w", size)
	if procedure, ok := wire.Procedure(content); ok && len(procedure) == 0 && r.server.streamTooLarge(p, envelope, size) {
		return true
	}
	c := newServerCall(r.server, p, envelope)
	c.fail(c.tooLarge(content, size))
	c.free()
	return true
}

// tooLarge says what is wrong with a request, of which content are those frames
// behind the envelope that were read.
func (c *serverCall) tooLarge(content [][]byte, size *zmtp.SizeError) error {
	what := "request"
	if procedure, ok := wire.Procedure(content); ok {
		if err := c.find(procedure); err != nil {
			return err
		}
		what = c.handler.method.Procedure + ": request"
	}
	return Errorf(CodeResourceExhausted, "%s of at least %d bytes exceeds the server's limit of %d (send less, or raise it with WithMaxMessageSize of NewServer)", what, size.Size, size.Limit)
}

// errCancel says that a request gives up an earlier one.
var errCancel = errors.New("cancel")

// decode finds the handler and decodes the frames behind the envelope.
func (c *serverCall) decode(content [][]byte) error {
	var body []byte
	var err error
	if c.handler = c.server.bare; c.handler != nil {
		body, err = wire.ParseBareBody("request", content)
	} else {
		body, err = c.decodeRequest(content)
	}
	switch {
	case err == errCancel:
		return err
	case err != nil:
		return inputError(err)
	}
	if c.handler.stream != nil || c.header.Stream.Present {
		if done, err := c.decodeStart(body); done || err != nil {
			return err
		}
	}
	c.req = c.handler.new()
	return c.server.bodies.decodeInput(body, c.req)
}

// decodeRequest decodes all but the body, which it returns.
func (c *serverCall) decodeRequest(content [][]byte) (body []byte, err error) {
	r, err := wire.ParseRequest(content)
	if err != nil {
		return nil, err
	}
	if c.hasID && r.Cancels() {
		return nil, errCancel
	}
	c.header = r.Header
	return r.Body, c.find(r.Procedure)
}

// find finds the handler of a method.
func (c *serverCall) find(method []byte) error {
	if c.handler = c.server.entries[string(method)]; c.handler == nil {
		return Errorf(CodeUnimplemented, "method %q is not known here (is its service registered?)", cut(method))
	}
	return nil
}

// Refuse answers that the server is stopping (socket.Job).
func (c *serverCall) Refuse() {
	c.finish()
	c.refused = true
	c.server.limiter.refused.Add(1)
	if c.stream != nil {
		c.stream.refused = true
	}
	c.fail(Errorf(CodeUnavailable, "%s: the server is stopping", c.handler.method.Procedure))
	c.free()
}

// Run carries the request out and answers it (socket.Job).
func (c *serverCall) Run() {
	if c.stream != nil {
		c.runStream()
		return
	}
	err := c.await()
	if err == nil {
		err = c.serve(c.ctx)
		c.finish()
	}
	if err == nil {
		err = c.reply(c.appendFitting)
	}
	if err != nil {
		c.fail(err)
	}
	c.free()
}

// await waits until it is the call's turn. Without one, and when the caller
// does not wait any longer, the call is over.
func (c *serverCall) await() error {
	if c.turn != nil {
		select {
		case <-c.turn:
		case <-c.ctx.Done():
			err := Errorf(CodeOf(c.ctx.Err()), "%s: waited for %d other calls: %w", c.handler.method.Procedure, c.server.cfg.concurrency, c.ctx.Err())
			c.finish()
			return err
		}
	}
	if over := c.ctx.over(); over != nil {
		err := Errorf(CodeOf(over), "%s: was not begun: %w", c.handler.method.Procedure, over)
		c.finish()
		return err
	}
	return nil
}

// finish ends what began with Receive, whether the call has run or only waited.
func (c *serverCall) finish() {
	if c.stream != nil {
		c.stream.finish()
	} else {
		c.server.calls.remove(c)
	}
	c.ctx.finish()
	c.leave()
}

// Pace returns what is known of how long the method runs (socket.Job). A call
// that has to wait is never quick, nor is a stream.
func (c *serverCall) Pace() *socket.Pace {
	if c.turn != nil || c.stream != nil {
		return new(socket.Pace)
	}
	return c.handler.pace
}

// serve calls the interceptors and the handler. A panic is an error whose text
// tells the caller nothing. After runtime.Goexit it does not return: the call has
// been answered then.
func (c *serverCall) serve(ctx *callContext) (err error) {
	guarded.Call(func() { err = c.handle(ctx) }, func(p *guarded.PanicError) {
		if p == nil {
			return
		}
		err = c.panicked(ctx, p)
		if p.Goexit() {
			c.finish()
			c.fail(err)
		}
	})
	return err
}

// handle calls what may panic.
func (c *serverCall) handle(ctx *callContext) (err error) {
	serve := c.handler.serve
	if c.stream != nil {
		serve = c.stream.serve
	}
	if interceptor := c.server.cfg.interceptor; interceptor != nil {
		c.resp, err = interceptor(ctx, &ctx.info, c.req, serve)
	} else {
		c.resp, err = serve(ctx, c.req)
	}
	if err != nil {
		return asError(err) // it may panic, too
	}
	if c.handler.method.ServerStreams {
		c.resp = nil // it was a stream
		return nil
	}
	return c.checkReply()
}

// checkReply reports what is wrong with what the handler or an interceptor
// returned as the reply.
func (c *serverCall) checkReply() error {
	if c.resp == nil || !c.resp.ProtoReflect().IsValid() {
		return Errorf(CodeInternal, "%s: the handler returned neither a reply nor an error", c.handler.method.Procedure)
	}
	if got := c.resp.ProtoReflect().Descriptor().FullName(); got != c.handler.output {
		return Errorf(CodeInternal, "%s: an interceptor answered with %s, want %s", c.handler.method.Procedure, got, c.handler.output)
	}
	return nil
}

// panicked reports that the handler panicked, or ended its goroutine, and returns
// the error for the caller.
func (c *serverCall) panicked(ctx *callContext, p *guarded.PanicError) error {
	stack := p.Stack
	if p.Goexit() {
		stack = debug.Stack()
	}
	m := c.handler.method
	c.server.observer.observe(Event{
		Kind: EventPanic, SocketType: string(zmtp.Router), Endpoint: c.peer.Endpoint(), Peer: c.peer.Address(), Procedure: m.Procedure,
		Err: fmt.Errorf("handler panicked: %v", p.Value), Stack: stack,
	})
	if hook := c.server.cfg.onPanic; hook != nil {
		_ = c.server.observer.guard(zmtp.Router, "the panic handler", m.Procedure, func() { hook(ctx, m, p.Value, stack) })
	}
	return &Error{Code: CodeInternal, Message: "internal error"}
}

// appendFitting is appendReply for a reply that must be within the client's
// limit. A bare one, in whose place there is no error, is sent all the same:
// the client fails its call then.
func (c *serverCall) appendFitting(b []byte) ([]byte, error) {
	out, err := c.appendReply(b)
	if err != nil || c.handler.method.Bare {
		return out, err
	}
	return out, beyondClient(c.handler.method, "reply", c.peer.Fits(out[len(b):]))
}

// beyondClient returns err; if it says that the client announces to take less,
// with a code, and what as the name of what is too large.
func beyondClient(m *Method, what string, err error) error {
	var limit *link.LimitError
	if errors.As(err, &limit) {
		return Errorf(CodeResourceExhausted, "%s: %s of %d bytes exceeds the client's limit of %d (ask for less, or raise it with WithMaxMessageSize of Dial)", m.Procedure, what, limit.Size, limit.Limit)
	}
	return err
}

// appendReply appends the frames of a reply that went well.
func (c *serverCall) appendReply(b []byte) ([]byte, error) {
	if c.handler.method.Bare {
		return c.AppendBody(b, 0)
	}
	var h wire.ReplyHeader
	if meta := c.ctx.replyMetadata(); meta != nil {
		if err := meta.check(); err != nil {
			return b, Errorf(CodeInternal, "%w", err)
		}
		h = meta.header()
	}
	return wire.AppendReply(b, c, h)
}

// AppendBody appends the reply's body (wire.Body).
func (c *serverCall) AppendBody(b []byte, flags byte) ([]byte, error) {
	out, err := c.server.bodies.append(b, flags, c.resp)
	if err != nil && CodeOf(err) == CodeInvalidArgument {
		err = Errorf(CodeInternal, "%w", err) // the fault is the handler's
	}
	return out, err
}

// errorHeader returns the header of a reply that is an error.
func (c *serverCall) errorHeader() wire.ReplyHeader {
	switch {
	case c.refused:
		return wire.ReplyHeader{Refused: true}
	case c.ctx == nil:
		return wire.ReplyHeader{}
	}
	if meta := c.ctx.replyMetadata(); meta != nil && meta.check() == nil {
		return meta.header()
	}
	return wire.ReplyHeader{}
}

// fail answers with an error. Bare framing has no place for one: the call is
// not answered, and an event reports it.
func (c *serverCall) fail(err error) {
	if c.stream != nil {
		c.stream.end(err)
		return
	}
	if c.server.bare != nil {
		c.peer.Malformed("a bare call failed and was not answered: %w", err)
		return
	}
	_ = c.reply(func(b []byte) ([]byte, error) {
		status := encodeStatus(err, c.server.statusLimit(c.peer))
		return wire.AppendFailure(b, status, c.errorHeader())
	})
}

// reply sends an answer, which appendFrames appends behind the envelope.
func (c *serverCall) reply(appendFrames func(b []byte) ([]byte, error)) error {
	return c.peer.Reply(func(b []byte) ([]byte, error) { return appendFrames(append(b, c.envelope...)) })
}

// statusLimit returns how large the status of a failure may be for a client.
func (s *Server) statusLimit(p *socket.RouterPeer) int {
	limit := s.cfg.MaxMessageSize
	if n := p.MaxMessage; n > 0 && n < int64(limit) {
		limit = int(n)
	}
	return limit
}

// free makes the call ready for another request.
func (c *serverCall) free() {
	*c = serverCall{envelope: c.envelope[:0]}
	if cap(c.envelope) > maxKeptEnvelope {
		c.envelope = nil
	}
	serverCalls.Put(c)
}

const maxKeptEnvelope = 4 << 10
