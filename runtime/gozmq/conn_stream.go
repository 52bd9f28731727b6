package gozmq

import (
	"context"
	"runtime"
	"sync/atomic"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/internal/call"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// Stream returns a call of a method with streams (Caller). When the call
// fails, its methods return the errors that Call returns.
func (c *Conn) Stream(ctx context.Context, m *Method, opts ...CallOption) Stream {
	o, wrong := callOptionsOf(m, opts)
	s := &clientStream{conn: c, method: m, replyMetadata: o.replyMetadata}
	s.Init(ctx, &c.client, m.engine(), call.Config{Timeout: o.timeout, Idle: o.idle, Message: o.message, Wait: o.wait, Hedging: o.hedging}, (*streamOwner)(s))
	if wrong != nil {
		_ = s.Fail(toStatus(wrong))
	}
	h := &streamHandle{s}
	runtime.AddCleanup(h, (*clientStream).Close, s)
	return h
}

// A streamHandle is what a caller has of a stream. When the caller drops it the
// stream is canceled.
type streamHandle struct{ s *clientStream }

func (h *streamHandle) Send(ctx context.Context, m proto.Message) error {
	defer runtime.KeepAlive(h)
	if err := checkSent(m, h.s.method); err != nil {
		return err
	}
	body := h.s.spare.take(&h.s.conn.bodies, m)
	defer h.s.spare.free(body)
	return fromStatus(h.s.Send(ctx, body))
}

// checkSent reports that m, which Send of a stream was given, is no message.
func checkSent(m proto.Message, of *Method) error {
	if m == nil || !m.ProtoReflect().IsValid() {
		return Errorf(CodeInternal, "%s: Send was given no message", of.Procedure)
	}
	return nil
}

func (h *streamHandle) CloseSend(ctx context.Context) error {
	defer runtime.KeepAlive(h)
	return fromStatus(h.s.CloseSend(ctx))
}

func (h *streamHandle) Receive(ctx context.Context, m proto.Message) (more bool, err error) {
	defer runtime.KeepAlive(h)
	more, err = h.s.receive(ctx, m)
	return more, fromStatus(err)
}

func (h *streamHandle) Close() {
	defer runtime.KeepAlive(h)
	h.s.Close()
}

// A clientStream is a stream of the engine, with its messages and interceptors.
type clientStream struct {
	call.Stream
	conn          *Conn
	method        *Method
	replyMetadata *ReplyMetadata              // nil: not wanted
	chain         atomic.Pointer[streamChain] // of interceptors; nil: there are none, or none yet

	into  proto.Message // the receiving goroutine's, or of whoever reads for it
	spare spareBody
}

// receive is Receive of a Stream.
func (s *clientStream) receive(ctx context.Context, m proto.Message) (more bool, err error) {
	s.into = m
	more, err = s.Receive(ctx)
	s.into = nil
	chain := s.chain.Load()
	if err != nil || chain == nil {
		return more, err
	}
	switch {
	case more && !s.method.ServerStreams: // what the interceptors have made of the reply counts
		err = adopt(m, chain.got, s.method)
		return err == nil, err
	case !more && chain.skip && !s.method.ServerStreams && chain.got != nil: // they have answered themselves, once
		err = adopt(m, chain.got, s.method)
		chain.got = nil
		return err == nil, err
	}
	return more, nil
}

// A streamOwner is a clientStream as the engine sees it (call.Owner).
type streamOwner clientStream

// Begin lets the interceptors begin, if there are any.
func (o *streamOwner) Begin(ctx context.Context, m wire.Body) (context.Context, wire.Metadata, error) {
	s := (*clientStream)(o)
	with := s.Context()
	if s.conn.interceptor != nil {
		var err error
		if with, err = s.beginChain(m).begin(ctx); err != nil {
			return nil, nil, toStatus(err)
		}
		s.Follow(s.chain.Load().info.trace())
	}
	meta := outgoing(with)
	if meta.err != nil {
		return nil, nil, s.Fail(toStatus(meta.err))
	}
	return with, wire.Metadata(meta.entries), nil
}

// beginChain starts the interceptors, once.
func (s *clientStream) beginChain(m wire.Body) *streamChain {
	if chain := s.chain.Load(); chain != nil {
		return chain
	}
	var request proto.Message
	if body, ok := m.(*streamBody); ok && !s.method.ClientStreams {
		request = body.m
	}
	chain := newStreamChain(s, request)
	s.chain.Store(chain)
	if over, err := s.Over(); over { // before it could be told
		chain.end(fromStatus(err), nil)
	}
	go chain.run()
	return chain
}

// First encodes the first message, or the request that the interceptors have put in
// its place.
func (o *streamOwner) First(m wire.Body) ([]byte, error) {
	var first proto.Message
	if body, ok := m.(*streamBody); ok {
		first = body.m
	}
	if chain := o.chain.Load(); chain != nil && !o.method.ClientStreams {
		first = chain.req
	} else if first != nil {
		if err := o.Next(m); err != nil {
			return nil, err
		}
	}
	if first == nil {
		return nil, nil
	}
	b, err := o.conn.bodies.encode(first)
	if b == nil && err == nil {
		b = []byte{}
	}
	return b, toStatus(err)
}

// Next shows a message to the interceptors before it is sent.
func (o *streamOwner) Next(m wire.Body) error {
	if chain := o.chain.Load(); chain != nil {
		return toStatus(chain.info.message(m.(*streamBody).m, true))
	}
	return nil
}

// Message decodes a message.
func (o *streamOwner) Message(body []byte) error {
	return o.conn.bodies.decodeReply(body, o.into, o.method.Procedure)
}

// Taken shows a message that was received to the interceptors.
func (o *streamOwner) Taken() error {
	if chain := o.chain.Load(); chain != nil {
		return toStatus(chain.info.message(o.into, false))
	}
	return nil
}

// Headers stores the headers of the reply.
func (o *streamOwner) Headers(h wire.Metadata) {
	if to := o.replyMetadata; to != nil {
		*to = ReplyMetadata{Headers: Metadata(h)}
	}
}

// Last stores the metadata of the last reply.
func (o *streamOwner) Last(h wire.ReplyHeader) {
	to := o.replyMetadata
	if to == nil {
		return
	}
	if len(h.Headers) > 0 {
		to.Headers = Metadata(h.Headers)
	}
	to.Trailers = Metadata(h.Trailers)
}

// Reply decodes the one reply of a call in which the server sends no stream.
func (o *streamOwner) Reply(body []byte) error { return o.Message(body) }

// Ended counts the call, and reports its end to the interceptors.
func (o *streamOwner) Ended(err error, replied bool) {
	o.conn.methods.of(o.method).end(fromStatus(err))
	var reply proto.Message
	if replied { // called by Receive
		reply = o.into
	}
	if chain := o.chain.Load(); chain != nil {
		chain.end(fromStatus(err), reply)
	}
}

// Outcome returns what the interceptors have made of the call's error.
func (o *streamOwner) Outcome(err error) error {
	if chain := o.chain.Load(); chain != nil {
		return chain.outcome()
	}
	return err
}
