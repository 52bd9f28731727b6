package cli

import (
	"context"
	"iter"

	"github.com/gozmq/gozmq/cmd/gozmq/internal/mock"
	"github.com/gozmq/gozmq/cmd/gozmq/internal/raw"
	"github.com/gozmq/gozmq/cmd/gozmq/internal/schema"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqimpl"
)

// handler returns what serves a method.
func (m *mockServer) handler(method *schema.Method) gozmqimpl.Handler {
	var h gozmqimpl.Handler
	switch {
	case method.ClientStreams && method.ServerStreams:
		h = gozmqimpl.HandleBidiStream(&method.Method, func(ctx context.Context, in iter.Seq2[*raw.Message, error], out gozmq.Sender[raw.Message]) error {
			return m.both(ctx, method, in, out)
		})
	case method.ClientStreams:
		h = gozmqimpl.HandleClientStream(&method.Method, func(ctx context.Context, in iter.Seq2[*raw.Message, error]) (*raw.Message, error) {
			return m.last(ctx, method, in)
		})
	case method.ServerStreams:
		h = gozmqimpl.HandleServerStream(&method.Method, func(ctx context.Context, req *raw.Message, out gozmq.Sender[raw.Message]) error {
			sent, err := m.send(ctx, method, req.Body, out)
			m.print(ctx, method, [][]byte{req.Body}, sent, err)
			return err
		})
	default:
		h = gozmqimpl.Handle(&method.Method, func(ctx context.Context, req *raw.Message) (*raw.Message, error) {
			reply, err := m.one(ctx, method, req.Body)
			m.print(ctx, method, [][]byte{req.Body}, replies(err), err)
			return reply, err
		})
	}
	return h
}

func replies(err error) int {
	if err != nil {
		return 0
	}
	return 1
}

// one returns the one reply to a request.
func (m *mockServer) one(ctx context.Context, method *schema.Method, req []byte) (*raw.Message, error) {
	answer, err := m.answers.For(method, req)
	if err != nil {
		return nil, err
	}
	if err := answer.Begin(ctx); err != nil {
		return nil, err
	}
	if answer.Err != nil {
		return nil, answer.Err
	}
	return raw.New(answer.Replies[0]), nil
}

// send sends the replies to a request.
func (m *mockServer) send(ctx context.Context, method *schema.Method, req []byte, out gozmq.Sender[raw.Message]) (sent int, err error) {
	answer, err := m.answers.For(method, req)
	if err != nil {
		return 0, err
	}
	if err := answer.Begin(ctx); err != nil {
		return 0, err
	}
	for _, reply := range answer.Replies {
		if err := out.Send(ctx, raw.New(reply)); err != nil {
			return sent, err
		}
		sent++
		if err := mock.Sleep(ctx, answer.Interval); err != nil {
			return sent, err
		}
	}
	if answer.Err != nil {
		return sent, answer.Err
	}
	return sent, nil
}

// last answers the last message of a stream.
func (m *mockServer) last(ctx context.Context, method *schema.Method, in iter.Seq2[*raw.Message, error]) (reply *raw.Message, err error) {
	var requests [][]byte
	defer func() { m.print(ctx, method, kept(requests), replies(err), err) }()
	var last []byte
	for req, err := range in {
		if err != nil {
			return nil, err
		}
		last = req.Body
		requests = append(kept(requests), req.Body)
	}
	return m.one(ctx, method, last)
}

// both answers each message of a stream.
func (m *mockServer) both(ctx context.Context, method *schema.Method, in iter.Seq2[*raw.Message, error], out gozmq.Sender[raw.Message]) (err error) {
	var requests [][]byte
	sent := 0
	defer func() { m.print(ctx, method, kept(requests), sent, err) }()
	for req, err := range in {
		if err != nil {
			return err
		}
		requests = append(kept(requests), req.Body)
		n, err := m.send(ctx, method, req.Body, out)
		if sent += n; err != nil {
			return err
		}
	}
	return nil
}

// kept returns the last hundred requests of a stream, which are printed.
func kept(requests [][]byte) [][]byte {
	const most = 100
	return requests[max(0, len(requests)-most):]
}
