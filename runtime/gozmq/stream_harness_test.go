package gozmq

import (
	"context"
	"strconv"
	"testing"
	"testing/synctest"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/bridge"
)

var (
	watchMethod  = &Method{Procedure: "test.Service/Watch", ServerStreams: true}
	uploadMethod = &Method{Procedure: "test.Service/Upload", ClientStreams: true}
	chatMethod   = &Method{Procedure: "test.Service/Chat", ClientStreams: true, ServerStreams: true}
)

// bubble runs a test on synctest's clock.
func bubble(t *testing.T, name string, test func(t *testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) { synctest.Test(t, test) })
}

// ServerStream is the stream of a handler.
type ServerStream = bridge.ServerStream

// streamHandler is a handler of a method with streams.
func streamHandler(m *Method, serve func(ctx context.Context, req *bytez, s ServerStream) (*bytez, error)) Handler {
	return Handler{
		Method: m, New: freshOf[wrapperspb.BytesValue, *bytez], Output: (&bytez{}).ProtoReflect().Descriptor().FullName(),
		Stream: func(ctx context.Context, req proto.Message, s ServerStream) (proto.Message, error) {
			in, _ := req.(*bytez)
			out, err := serve(ctx, in, s)
			if err != nil || out == nil {
				return nil, err
			}
			return out, nil
		},
	}
}

// watching serves watchMethod.
func watching(serve func(ctx context.Context, req *bytez, s ServerStream) error) []Handler {
	return []Handler{streamHandler(watchMethod, func(ctx context.Context, req *bytez, s ServerStream) (*bytez, error) {
		return nil, serve(ctx, req, s)
	})}
}

// chatting serves chatMethod.
func chatting(serve func(ctx context.Context, s ServerStream) error) []Handler {
	return []Handler{streamHandler(chatMethod, func(ctx context.Context, _ *bytez, s ServerStream) (*bytez, error) {
		return nil, serve(ctx, s)
	})}
}

// uploading serves uploadMethod.
func uploading(serve func(ctx context.Context, s ServerStream) (*bytez, error)) []Handler {
	return []Handler{streamHandler(uploadMethod, func(ctx context.Context, _ *bytez, s ServerStream) (*bytez, error) {
		return serve(ctx, s)
	})}
}

// text returns a message.
func textOf(s string) *bytez { return wrapperspb.Bytes([]byte(s)) }

// numbering serves watchMethod with as many numbers as the request says.
func numbering() []Handler {
	return watching(func(ctx context.Context, req *bytez, s ServerStream) error {
		n, err := strconv.Atoi(string(req.GetValue()))
		if err != nil {
			return Errorf(CodeInvalidArgument, "%w", err)
		}
		for i := range n {
			if err := s.Send(ctx, textOf(strconv.Itoa(i))); err != nil {
				return err
			}
		}
		return nil
	})
}

// echoing serves chatMethod: it sends back what it receives.
func echoing() []Handler { return chatting(echoStream) }

// echoStream sends back what it receives.
func echoStream(ctx context.Context, s ServerStream) error {
	for {
		m := new(bytez)
		more, err := s.Receive(m)
		if err != nil || !more {
			return err
		}
		if err := s.Send(ctx, m); err != nil {
			return err
		}
	}
}

// concatenating serves uploadMethod: it answers with all messages in a row.
func concatenating() []Handler {
	return uploading(func(_ context.Context, s ServerStream) (*bytez, error) { return concatenate(s) })
}

// concatenate receives all messages and returns them in a row.
func concatenate(s ServerStream) (*bytez, error) {
	all := new(bytez)
	for {
		m := new(bytez)
		more, err := s.Receive(m)
		if err != nil || !more {
			return all, err
		}
		all.Value = append(all.Value, m.GetValue()...)
	}
}

// mustSend sends a message.
func mustSend(t testing.TB, s Stream, text string) {
	t.Helper()
	if err := s.Send(testkit.Within(t), textOf(text)); err != nil {
		t.Fatalf("Send: %v", err)
	}
}

// wantMessage receives a message.
func wantMessage(t testing.TB, s Stream, want string) {
	t.Helper()
	m := new(bytez)
	more, err := s.Receive(testkit.Within(t), m)
	if err != nil || !more || string(m.GetValue()) != want {
		t.Fatalf("received %.100q, %v, %v; want %q", m.GetValue(), more, err, want)
	}
}

// wantEnd receives the end of a call that went well.
func wantEnd(t testing.TB, s Stream) {
	t.Helper()
	if more, err := s.Receive(testkit.Within(t), new(bytez)); more || err != nil {
		t.Fatalf("received %v, %v; want the end", more, err)
	}
}

// wantFailure receives the end of a call that failed.
func wantFailure(t testing.TB, s Stream, code Code, parts ...string) {
	t.Helper()
	more, err := s.Receive(testkit.Within(t), new(bytez))
	if more {
		t.Fatalf("received a message, or only the wait has ended: %v", err)
	}
	wantCode(t, err, code, parts...)
}

// watch opens a stream of watchMethod.
func watch(t testing.TB, c Caller, request string, opts ...CallOption) Stream {
	t.Helper()
	s := c.Stream(testkit.Within(t), watchMethod, opts...)
	mustSend(t, s, request)
	return s
}

// allMethods serves the three methods, and Echo.
func allMethods() []Handler {
	return append(append(append(numbering(), echoing()...), concatenating()...), echoHandlers()...)
}
