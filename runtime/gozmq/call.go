package gozmq

import (
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A serverCall is one request that is being carried out, as a socket.Job.
type serverCall struct {
	server   *Server
	peer     *socket.RouterPeer
	envelope []byte // as frames on the wire, the empty one included
	handler  *Handler
	req      proto.Message
	resp     proto.Message
	timeout  time.Duration
}

var serverCalls = sync.Pool{New: func() any { return new(serverCall) }}

// Receive decodes a request (socket.Receiver). What cannot be carried out is
// answered at once, if there is a way to do so.
func (s *Server) Receive(p *socket.RouterPeer, frames [][]byte) socket.Job {
	n := emptyFrame(frames)
	if n == 0 && len(frames) == 1 {
		return nil // libzmq's ZMQ_PROBE_ROUTER: asks for nothing
	}
	if n < 0 {
		p.Malformed("request of %d frames has no empty frame to end its envelope", len(frames))
		return nil
	}
	c := serverCalls.Get().(*serverCall)
	c.server, c.peer = s, p
	c.envelope = c.envelope[:0]
	for _, frame := range frames[:n+1] {
		c.envelope = zmtp.AppendFrame(c.envelope, zmtp.FlagMore, frame)
	}
	err := c.decode(frames[n+1:])
	if err == nil && s.running.Add(1) > int64(s.cfg.concurrency) {
		s.running.Add(-1)
		err = Errorf(CodeResourceExhausted, "the server runs %d calls already", s.cfg.concurrency)
	}
	if err != nil {
		c.fail(err)
		c.free()
		return nil
	}
	return c
}

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
		if c.handler = c.server.entries[string(frames[0])]; c.handler == nil {
			return Errorf(CodeUnimplemented, "method %q is not known here", cut(frames[0]))
		}
		body = frames[1]
		if len(frames) == 3 {
			var err error
			if c.timeout, err = parseRequestHeader(frames[2]); err != nil {
				return err
			}
		}
	}
	c.req = c.handler.new()
	return Unmarshal(body, c.req)
}

// cut returns what an error message may show of a method's name.
func cut(name []byte) []byte { return name[:min(len(name), 128)] }

// Run carries the request out and answers it (socket.Job).
func (c *serverCall) Run() {
	ctx := newCallContext(c)
	err := c.serve(ctx)
	ctx.finish()
	c.server.running.Add(-1)
	if err == nil {
		err = reply(c.peer, c.envelope, c.appendReply)
	}
	if err != nil {
		c.fail(err)
	}
	c.free()
}

// Pace returns what is known of how long the method runs (socket.Job).
func (c *serverCall) Pace() *socket.Pace { return c.handler.pace }

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
			ctx.finish()
			c.server.running.Add(-1)
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
	out, err := appendBody(b, 0, c.resp, c.server.cfg.MaxMessageSize)
	if err != nil && CodeOf(err) == CodeInvalidArgument {
		err = Errorf(CodeInternal, "%w", err) // the fault is the handler's
	}
	return out, err
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
