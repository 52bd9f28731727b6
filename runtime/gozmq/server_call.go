package gozmq

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync/atomic"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/internal/answer"
	"github.com/gozmq/gozmq/runtime/internal/guarded"
	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A servedCall is one call of the engine: the context that its handler gets, with
// its description and its messages. A servedWork is the same as the engine sees it,
// a serverStream as the handler of a stream does.
type servedCall struct {
	answer.Context
	info    CallInfo
	handler *handler
	peer    *socket.RouterPeer
	req     proto.Message
	resp    proto.Message

	stream *answer.Stream // nil: the method has none
	served atomic.Bool    // the stream's handler was called
	into   proto.Message  // the receiving goroutine's, or the reader's while it waits
	spare  spareBody
}

// newWork returns a call of the handler.
func (h *handler) newWork(p *socket.RouterPeer, metadata Metadata) answer.Work {
	c := &servedCall{handler: h, peer: p}
	c.info = CallInfo{Operation: OperationServe, Method: h.method, Peer: callerOf(p), Metadata: metadata, reply: &c.Context}
	return (*servedWork)(c)
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

// Value returns the call's CallInfo and its Peer, else what the contexts above hold
// (context.Context).
func (c *servedCall) Value(key any) any {
	switch key {
	case callInfoKey{}:
		return &c.info
	case peerKey{}:
		return c.info.Peer
	}
	return c.Context.Value(key)
}

// A servedWork is a servedCall as the engine sees it (answer.Work).
type servedWork servedCall

// CallContext returns the engine's part of the context (answer.Work).
func (w *servedWork) CallContext() *answer.Context { return &w.Context }

// Decode decodes the request (answer.Work).
func (w *servedWork) Decode(body []byte) error {
	w.req = w.handler.new()
	return toStatus(w.handler.server.bodies.decodeInput(body, w.req))
}

// Serve calls the interceptors and the handler (answer.Work).
func (w *servedWork) Serve(s *answer.Stream) (err error) {
	ctx, next := (*servedCall)(w), w.handler.serve
	if s != nil {
		w.stream = s
		next = (*serverStream)(ctx).serve
	}
	if interceptor := w.handler.server.cfg.interceptor; interceptor != nil {
		w.resp, err = interceptor(ctx, &ctx.info, w.req, next)
	} else {
		w.resp, err = next(ctx, w.req)
	}
	if err != nil {
		return toStatus(asError(err)) // it may panic, too
	}
	if w.handler.method.ServerStreams {
		w.resp = nil // it was a stream
		return nil
	}
	return toStatus(w.checkReply())
}

// checkReply reports what is wrong with what the handler or an interceptor
// returned as the reply.
func (w *servedWork) checkReply() error {
	if w.resp == nil || !w.resp.ProtoReflect().IsValid() {
		return Errorf(CodeInternal, "%s: the handler returned neither a reply nor an error", w.handler.method.Procedure)
	}
	if got := w.resp.ProtoReflect().Descriptor().FullName(); got != w.handler.output {
		return Errorf(CodeInternal, "%s: an interceptor answered with %s, want %s", w.handler.method.Procedure, got, w.handler.output)
	}
	return nil
}

// Panicked reports that the handler panicked, or ended its goroutine (answer.Work).
// The caller learns nothing of it.
func (w *servedWork) Panicked(p *guarded.PanicError) error {
	stack := p.Stack
	if p.Goexit() {
		stack = debug.Stack()
	}
	s, m := w.handler.server, w.handler.method
	s.observer.observe(Event{
		Kind: EventPanic, SocketType: string(zmtp.Router), Endpoint: w.peer.Endpoint(), Peer: w.peer.Address(), Procedure: m.Procedure,
		Err: fmt.Errorf("handler panicked: %v", p.Value), Stack: stack,
	})
	if hook := s.cfg.onPanic; hook != nil {
		_ = s.observer.guard(zmtp.Router, "the panic handler", m.Procedure, func() { hook((*servedCall)(w), m, p.Value, stack) })
	}
	return toStatus(&Error{Code: CodeInternal, Message: "internal error"})
}

// HasReply reports whether there is a reply (answer.Work).
func (w *servedWork) HasReply() bool { return w.resp != nil }

// AppendBody appends the reply's body (wire.Body).
func (w *servedWork) AppendBody(b []byte, flags byte) ([]byte, error) {
	out, err := w.handler.server.bodies.append(b, flags, w.resp)
	return out, toStatus(err)
}

// Message decodes a message of a stream (answer.Work).
func (w *servedWork) Message(body []byte) error {
	return toStatus(w.handler.server.bodies.decodeInput(body, w.into))
}

// Free drops the messages, which the context may outlive (answer.Work).
func (w *servedWork) Free() { w.req, w.resp = nil, nil }

// A serverStream is a servedCall as the handler of a stream sees it
// (bridge.ServerStream).
type serverStream servedCall

// serve calls the handler (Next).
func (s *serverStream) serve(ctx context.Context, req proto.Message) (proto.Message, error) {
	if s.served.Swap(true) {
		return nil, Errorf(CodeFailedPrecondition, "%s: next was called twice for a stream", s.handler.method.Procedure)
	}
	return s.handler.stream(ctx, req, s)
}

// Receive waits for the next message (bridge.ServerStream).
func (s *serverStream) Receive(m proto.Message) (more bool, err error) {
	s.into = m
	more, err = s.stream.Receive()
	s.into = nil
	if err != nil || !more {
		return false, fromStatus(err)
	}
	if err := s.info.message(m, false); err != nil {
		return false, err
	}
	return true, nil
}

// Send sends a message (bridge.ServerStream).
func (s *serverStream) Send(ctx context.Context, m proto.Message) error {
	if err := checkSent(m, s.handler.method); err != nil {
		return err
	}
	if err := s.info.message(m, true); err != nil {
		return err
	}
	body := s.spare.take(&s.handler.server.bodies, m)
	defer s.spare.free(body)
	return fromStatus(s.stream.Send(ctx, body))
}
