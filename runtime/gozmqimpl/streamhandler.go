package gozmqimpl

import (
	"context"
	"iter"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/internal/bridge"
)

// HandleServerStream returns a Handler that calls serve for each call of a
// method in which the server streams.
func HandleServerStream[Req, Resp any, P message[Req], R message[Resp]](m *gozmq.Method, serve func(context.Context, P, gozmq.Sender[Resp]) error) Handler {
	return streamHandler[Req, Resp, P, R](m, func(ctx context.Context, req proto.Message, s bridge.ServerStream) (proto.Message, error) {
		return nil, serve(ctx, req.(P), sender[Resp, R]{s})
	})
}

// HandleClientStream returns a Handler that calls serve for each call of a
// method in which the client streams.
func HandleClientStream[Req, Resp any, P message[Req], R message[Resp]](m *gozmq.Method, serve func(context.Context, iter.Seq2[P, error]) (R, error)) Handler {
	return streamHandler[Req, Resp, P, R](m, func(ctx context.Context, _ proto.Message, s bridge.ServerStream) (proto.Message, error) {
		resp, err := serve(ctx, received[Req, P](s))
		if err != nil {
			return nil, err
		}
		return resp, nil
	})
}

// HandleBidiStream returns a Handler that calls serve for each call of a method
// in which both sides stream.
func HandleBidiStream[Req, Resp any, P message[Req], R message[Resp]](m *gozmq.Method, serve func(context.Context, iter.Seq2[P, error], gozmq.Sender[Resp]) error) Handler {
	return streamHandler[Req, Resp, P, R](m, func(ctx context.Context, _ proto.Message, s bridge.ServerStream) (proto.Message, error) {
		return nil, serve(ctx, received[Req, P](s), sender[Resp, R]{s})
	})
}

func streamHandler[Req, Resp any, P message[Req], R message[Resp]](m *gozmq.Method, serve func(context.Context, proto.Message, bridge.ServerStream) (proto.Message, error)) Handler {
	return Handler{
		Method: m,
		Output: R(nil).ProtoReflect().Descriptor().FullName(),
		New:    fresh[Req, P],
		Stream: serve,
	}
}

// received returns an iterator over the client's messages. It ends when the
// client has ended them. An error is the last element. A later loop goes on with
// the next message.
func received[Req any, P message[Req]](s bridge.ServerStream) iter.Seq2[P, error] {
	return func(yield func(P, error) bool) {
		for {
			m := P(new(Req))
			more, err := s.Receive(m)
			if err != nil {
				yield(nil, err)
				return
			}
			if !more || !yield(m, nil) {
				return
			}
		}
	}
}

// A sender is a bridge.ServerStream with a type.
type sender[Resp any, R message[Resp]] struct{ s bridge.ServerStream }

func (s sender[Resp, R]) Send(ctx context.Context, m *Resp) error { return s.s.Send(ctx, R(m)) }
