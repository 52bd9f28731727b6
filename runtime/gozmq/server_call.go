package gozmq

import (
	"encoding/binary"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"

	"google.golang.org/protobuf/proto"

	gozmqv1 "github.com/gozmq/gozmq/proto/gozmq/v1"
	"github.com/gozmq/gozmq/runtime/internal/socket"
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
	header   requestHeader
	id       uint64 // of a call that one of our clients may cancel
	hasID    bool
	ctx      *callContext
	refused  bool
	turn     chan struct{} // closed when a call that had to wait may run; nil: it need not
}

var serverCalls = sync.Pool{New: func() any { return new(serverCall) }}

// newServerCall returns a call with that envelope; free must be called.
func newServerCall(s *Server, p *socket.RouterPeer, envelope [][]byte) *serverCall {
	c := serverCalls.Get().(*serverCall)
	c.server, c.peer = s, p
	c.envelope = c.envelope[:0]
	for _, frame := range envelope {
		c.envelope = zmtp.AppendFrame(c.envelope, zmtp.FlagMore, frame)
	}
	return c
}

// A requestReceiver makes calls of what a Server's socket has read
// (socket.Receiver).
type requestReceiver struct{ server *Server }

// Receive decodes a request. What cannot be carried out is answered at once, if
// there is a way to do so.
func (r requestReceiver) Receive(p *socket.RouterPeer, frames [][]byte) socket.Job {
	s := r.server
	n := emptyFrame(frames)
	if n == 0 && len(frames) == 1 {
		return nil // libzmq's ZMQ_PROBE_ROUTER: asks for nothing
	}
	if n < 0 {
		p.Malformed("request of %d frames has no empty frame to end its envelope", len(frames))
		return nil
	}
	c := newServerCall(s, p, frames[:n+1])
	if c.hasID = n == 1 && len(frames[0]) == callID && p.Gozmq(); c.hasID {
		c.id = binary.BigEndian.Uint64(frames[0])
	}
	err := c.decode(frames[n+1:])
	if err == errCancel {
		s.cancelCall(c)
		c.free()
		return nil
	}
	if err == nil {
		var ok bool
		if c.turn, ok = s.limiter.enter(); !ok {
			err = Errorf(CodeResourceExhausted, "the server runs %d calls already, and %d wait", s.cfg.concurrency, s.cfg.queue)
		}
	}
	if err != nil {
		c.fail(err)
		c.free()
		return nil
	}
	c.ctx = newCallContext(c)
	s.calls.add(c)
	return c
}

// TooLarge answers a request that was not read because it is larger than the
// server's limit (socket.Receiver). Bare framing has no place for an answer.
func (r requestReceiver) TooLarge(p *socket.RouterPeer, frames [][]byte, size *zmtp.SizeError) bool {
	n := emptyFrame(frames)
	if n < 0 || r.server.bare != nil {
		return false
	}
	p.Malformed("a request was passed over: %w", size)
	c := newServerCall(r.server, p, frames[:n+1])
	c.fail(c.tooLarge(frames[n+1:], size))
	c.free()
	return true
}

// tooLarge says what is wrong with a request, of which frames are those behind
// the envelope that were read.
func (c *serverCall) tooLarge(frames [][]byte, size *zmtp.SizeError) error {
	what := "request"
	if len(frames) > 0 {
		if err := c.find(frames[0]); err != nil {
			return err
		}
		what = c.handler.method.Procedure + ": request"
	}
	return Errorf(CodeResourceExhausted, "%s of at least %d bytes exceeds the server's limit of %d (send less, or raise it with WithMaxMessageSize of NewServer)", what, size.Size, size.Limit)
}

// callID is the size of the envelope that our clients put around a request.
const callID = 8

// errCancel says that a request takes back an earlier one.
var errCancel = errors.New("cancel")

// emptyFrame returns the index of the first empty frame, or -1.
func emptyFrame(frames [][]byte) int {
	for i, frame := range frames {
		if len(frame) == 0 {
			return i
		}
	}
	return -1
}

// decode finds the handler and decodes what stands behind the envelope.
func (c *serverCall) decode(frames [][]byte) error {
	var body []byte
	if c.handler = c.server.bare; c.handler != nil {
		if len(frames) != 1 {
			return Errorf(CodeInvalidArgument, "bare request has %d frames behind its envelope, want 1", len(frames))
		}
		body = frames[0]
	} else {
		if len(frames) < 2 || len(frames) > 3 {
			return Errorf(CodeInvalidArgument, "request has %d frames behind its envelope, want a method, a body and at most a header", len(frames))
		}
		if len(frames) == 3 {
			var err error
			if c.header, err = parseRequestHeader(frames[2]); err != nil {
				return err
			}
			if c.header.cancel && c.hasID && len(frames[0]) == 0 {
				return errCancel
			}
		}
		if err := c.find(frames[0]); err != nil {
			return err
		}
		body = frames[1]
	}
	c.req = c.handler.new()
	return c.server.bodies.decodeInput(body, c.req)
}

// find finds the handler of a method.
func (c *serverCall) find(method []byte) error {
	if c.handler = c.server.entries[string(method)]; c.handler == nil {
		return Errorf(CodeUnimplemented, "method %q is not known here (is its service registered?)", cut(method))
	}
	return nil
}

// cut returns what an error message may show of a method's name.
func cut(name []byte) []byte { return name[:min(len(name), 128)] }

// Refuse answers that the server is stopping (socket.Job).
func (c *serverCall) Refuse() {
	c.finish()
	c.refused = true
	c.fail(Errorf(CodeUnavailable, "%s: the server is stopping", c.handler.method.Procedure))
	c.free()
}

// Run carries the request out and answers it (socket.Job).
func (c *serverCall) Run() {
	err := c.await()
	if err == nil {
		err = c.serve(c.ctx)
		c.finish()
	}
	if err == nil {
		err = reply(c.peer, c.envelope, c.appendReply)
	}
	if err != nil {
		c.fail(err)
	}
	c.free()
}

// await waits until it is the call's turn. Without one the call is over.
func (c *serverCall) await() error {
	if c.turn == nil {
		return nil
	}
	select {
	case <-c.turn:
		return nil
	case <-c.ctx.Done():
	}
	err := Errorf(CodeOf(c.ctx.Err()), "%s: waited for %d other calls: %w", c.handler.method.Procedure, c.server.cfg.concurrency, c.ctx.Err())
	c.finish()
	return err
}

// finish ends what began with Receive, whether the call has run or only waited.
func (c *serverCall) finish() {
	c.server.calls.remove(c)
	c.ctx.finish()
	if c.turn == nil || !c.server.limiter.giveUp(c.turn) {
		c.server.limiter.leave()
	}
}

// Pace returns what is known of how long the method runs (socket.Job). A call
// that has to wait is never quick.
func (c *serverCall) Pace() *socket.Pace {
	if c.turn != nil {
		return new(socket.Pace)
	}
	return c.handler.pace
}

// serve calls the interceptors and the handler. A panic is an error whose text
// tells the caller nothing.
func (c *serverCall) serve(ctx *callContext) (err error) {
	returned := false
	defer func() {
		if returned {
			return
		}
		value := recover() // nil: the handler called runtime.Goexit
		err = c.panicked(ctx, value)
		if value == nil {
			c.finish()
			c.fail(err)
		}
	}()
	if interceptor := c.server.cfg.interceptor; interceptor != nil {
		c.resp, err = interceptor(ctx, &ctx.info, c.req, c.handler.serve)
	} else {
		c.resp, err = c.handler.serve(ctx, c.req)
	}
	if err != nil {
		err = asError(err) // it may panic, too
	}
	returned = true
	if err != nil {
		return err
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

func (c *serverCall) panicked(ctx *callContext, value any) error {
	stack := debug.Stack()
	m := c.handler.method
	c.server.observer.observe(Event{
		Kind: EventPanic, Socket: string(zmtp.Router), Endpoint: c.peer.Endpoint(), Peer: ctx.info.Peer, Method: m.Procedure,
		Err: fmt.Errorf("handler panicked: %v", value), Stack: stack,
	})
	if hook := c.server.cfg.onPanic; hook != nil {
		hook(ctx, m, value, stack)
	}
	return &Error{Code: CodeInternal, Message: "internal error"}
}

// appendReply appends the frames of a reply that went well.
func (c *serverCall) appendReply(b []byte) ([]byte, error) {
	if !c.handler.method.Bare {
		b = append(b, zmtp.FlagMore, 0)
	}
	var flags byte
	meta := c.ctx.replyMetadata()
	if meta != nil {
		if err := meta.check(); err != nil {
			return b, Errorf(CodeInternal, "%w", err)
		}
		flags = zmtp.FlagMore
	}
	out, err := c.server.bodies.append(b, flags, c.resp)
	if err != nil && CodeOf(err) == CodeInvalidArgument {
		err = Errorf(CodeInternal, "%w", err) // the fault is the handler's
	}
	if err != nil || meta == nil {
		return out, err
	}
	return appendReplyHeader(out, meta.wire()), nil
}

// errorHeader returns the header of a reply that is an error, nil for none.
func (c *serverCall) errorHeader() *gozmqv1.ReplyHeader {
	if c.refused {
		return &gozmqv1.ReplyHeader{Refused: true}
	}
	if c.ctx == nil {
		return nil
	}
	if meta := c.ctx.replyMetadata(); meta != nil && meta.check() == nil {
		return meta.wire()
	}
	return nil
}

// appendReplyHeader appends the header frame, as the last one of a message.
func appendReplyHeader(b []byte, h *gozmqv1.ReplyHeader) []byte {
	frame, err := proto.Marshal(h)
	if err != nil {
		frame = nil // keys are ASCII: it cannot be
	}
	return zmtp.AppendFrame(b, 0, frame)
}

// fail answers with an error. Bare framing has no place for one: the call is
// not answered, and the observer told.
func (c *serverCall) fail(err error) {
	if c.server.bare != nil {
		c.peer.Malformed("a bare call failed and was not answered: %w", err)
		return
	}
	_ = reply(c.peer, c.envelope, func(b []byte) ([]byte, error) {
		status := appendStatus(nil, err, c.server.cfg.MaxMessageSize)
		b = zmtp.AppendFrame(b, zmtp.FlagMore, status)
		if h := c.errorHeader(); h != nil {
			return appendReplyHeader(append(b, zmtp.FlagMore, 0), h), nil
		}
		return append(b, 0, 0), nil
	})
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
