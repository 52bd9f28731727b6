package gozmqimpl

import (
	"context"
	"iter"
	"sync/atomic"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/gozmq"
)

// ServerStream returns an iterator over the messages with which the server
// answers req. Each loop over it makes a call through c. Leaving a loop early
// cancels its call. An error is the last element.
func ServerStream[Resp any, R message[Resp]](ctx context.Context, c gozmq.Caller, m *gozmq.Method, req proto.Message, opts ...gozmq.CallOption) iter.Seq2[R, error] {
	return func(yield func(R, error) bool) {
		s := c.Stream(ctx, m, opts...)
		defer s.Close()
		if err := s.Send(ctx, req); err != nil {
			yield(nil, err)
			return
		}
		receive(ctx, s, yield)
	}
}

// receive yields the messages of s until the end of the call, an error, or the
// end of ctx, which is an error, too.
func receive[Resp any, R message[Resp]](ctx context.Context, s gozmq.Stream, yield func(R, error) bool) {
	for {
		m := R(new(Resp))
		more, err := s.Receive(ctx, m)
		if err != nil {
			yield(nil, err)
			return
		}
		if !more || !yield(m, nil) {
			return
		}
	}
}

// ClientStream makes a call in which the client sends a stream of messages.
func ClientStream[Req, Resp any, P message[Req], R message[Resp]](ctx context.Context, c gozmq.Caller, m *gozmq.Method, opts ...gozmq.CallOption) gozmq.ClientStream[Req, Resp] {
	return &clientStream[Req, Resp, P, R]{stream[Req, P]{c.Stream(ctx, m, opts...), m}}
}

// BidiStream makes a call in which both sides send streams of messages.
func BidiStream[Req, Resp any, P message[Req], R message[Resp]](ctx context.Context, c gozmq.Caller, m *gozmq.Method, opts ...gozmq.CallOption) gozmq.BidiStream[Req, Resp] {
	return &bidiStream[Req, Resp, P, R]{stream: stream[Req, P]{c.Stream(ctx, m, opts...), m}}
}

// A stream is the part that all sending clients share.
type stream[Req any, P message[Req]] struct {
	s      gozmq.Stream
	method *gozmq.Method
}

func (s *stream[Req, P]) Send(ctx context.Context, m *Req) error { return s.s.Send(ctx, P(m)) }

type clientStream[Req, Resp any, P message[Req], R message[Resp]] struct{ stream[Req, P] }

func (s *clientStream[Req, Resp, P, R]) CloseAndReceive(ctx context.Context) (*Resp, error) {
	defer s.s.Close()
	if err := s.s.CloseSend(ctx); err != nil && ctx.Err() != nil {
		return nil, err
	}
	// Any other error of CloseSend means that the call is over, and Receive returns
	// its outcome: a server may reply before the client's half-close.
	reply := R(new(Resp))
	more, err := s.s.Receive(ctx, reply)
	switch {
	case err != nil:
		return nil, err
	case !more:
		return nil, gozmq.Errorf(gozmq.CodeInternal, "%s: the call ended without a reply", s.method.Procedure)
	}
	return reply, nil
}

type bidiStream[Req, Resp any, P message[Req], R message[Resp]] struct {
	stream[Req, P]
	ranged atomic.Bool
}

func (s *bidiStream[Req, Resp, P, R]) CloseSend(ctx context.Context) error {
	return s.s.CloseSend(ctx)
}

func (s *bidiStream[Req, Resp, P, R]) Receive(ctx context.Context) iter.Seq2[*Resp, error] {
	return func(yield func(*Resp, error) bool) {
		if s.ranged.Swap(true) {
			yield(nil, gozmq.Errorf(gozmq.CodeFailedPrecondition, "%s: Receive was ranged over before; the end of that loop is the end of the call", s.method.Procedure))
			return
		}
		defer s.s.Close()
		receive[Resp, R](ctx, s.s, func(m R, err error) bool { return yield(m, err) })
	}
}
