package gozmq

import (
	"context"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/internal/testkit"
)

// TestReplyMetadataTooLate: metadata that will not be sent is an error where it is
// added, and what was added in time is sent.
func TestReplyMetadataTooLate(t *testing.T) {
	infos := make(chan *CallInfo, 1)
	_, c := here.pair(t, watching(func(ctx context.Context, req *bytez, s ServerStream) error {
		info := CallInfoFromContext(ctx)
		infos <- info
		for _, err := range []error{info.AddReplyHeader("early", "1"), s.Send(ctx, req), info.AddReplyTrailer("end", "2")} {
			if err != nil {
				t.Error(err)
			}
		}
		wantCode(t, info.AddReplyHeader("late", "3"), CodeFailedPrecondition, watchMethod.Procedure, `"late"`, "were sent with its first message")
		return nil
	}), nil, nil)
	var meta ReplyMetadata
	s := c.Stream(testkit.Within(t), watchMethod, WithReplyMetadata(&meta))
	mustSend(t, s, "x")
	wantMessage(t, s, "x")
	wantEnd(t, s)
	if meta.Headers.Get("early") != "1" || meta.Trailers.Get("end") != "2" || len(meta.Headers) != 1 || len(meta.Trailers) != 1 {
		t.Errorf("the metadata is %v", meta)
	}
	info := testkit.Receive(t, infos, "the handler's CallInfo")
	wantCode(t, info.AddReplyTrailer("late", "4"), CodeFailedPrecondition, "the handler has returned")
	wantCode(t, info.AddReplyHeader("late", "5"), CodeFailedPrecondition, "the handler has returned")
	wantCode(t, (&CallInfo{Method: watchMethod}).AddReplyHeader("k", "v"), CodeFailedPrecondition, "added by the server")
	wantCode(t, (&CallInfo{Method: watchMethod}).AddReplyTrailer("k", "v"), CodeFailedPrecondition, "added by the server")
}

// TestHeaderWithoutMessages: a stream that has sent no message can have headers
// until its handler has returned.
func TestHeaderWithoutMessages(t *testing.T) {
	_, c := here.pair(t, watching(func(ctx context.Context, _ *bytez, _ ServerStream) error {
		return CallInfoFromContext(ctx).AddReplyHeader("k", "head")
	}), nil, nil)
	var meta ReplyMetadata
	s := c.Stream(testkit.Within(t), watchMethod, WithReplyMetadata(&meta))
	mustSend(t, s, "x")
	wantEnd(t, s)
	if meta.Headers.Get("k") != "head" {
		t.Errorf("the metadata is %v", meta)
	}
}

// TestNegativeTimeouts: a call with one fails and says which it is, and nothing is
// sent.
func TestNegativeTimeouts(t *testing.T) {
	c := dial(t, Connect(closedPort(t)))
	for name, tt := range map[string]struct {
		opt  CallOption
		text string
	}{
		"timeout": {WithTimeout(-time.Second), "WithTimeout: -1s, want 0 or more"},
		"idle":    {WithIdleTimeout(-time.Millisecond), "WithIdleTimeout: -1ms, want 0 or more"},
		"message": {WithMessageTimeout(-1), "WithMessageTimeout: -1ns, want 0 or more"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := testkit.Within(t)
			_, err := Call[bytez](ctx, c, echoMethod, textOf("x"), tt.opt)
			wantCode(t, err, CodeInvalidArgument, tt.text, echoMethod.Procedure)
			s := c.Stream(ctx, chatMethod, tt.opt)
			wantCode(t, s.Send(ctx, textOf("x")), CodeInvalidArgument, tt.text, chatMethod.Procedure)
			wantCode(t, s.CloseSend(ctx), CodeInvalidArgument, tt.text)
			more, err := s.Receive(ctx, new(bytez))
			wantCode(t, err, CodeInvalidArgument, tt.text)
			if more {
				t.Error("the stream goes on")
			}
			s.Close()
		})
	}
	_, err := NewServer(Bind("inproc://"+t.Name()), WithIdleTimeout(-1), WithMaxStreamAge(-1))
	wantText(t, err, "WithIdleTimeout: -1ns", "WithMaxStreamAge: -1ns")
}

// TestSendNothing: Send of no message is the same error at either side, nothing is
// sent, and the stream goes on.
func TestSendNothing(t *testing.T) {
	var typed *bytez
	nothing := map[string]proto.Message{"nil": nil, "typed nil": typed}
	refuses := func(t *testing.T, m *Method, send func(m proto.Message) error) {
		t.Helper()
		for name, none := range nothing {
			if err := send(none); CodeOf(err) != CodeInternal || err.Error() != "internal: "+m.Procedure+": Send was given no message" {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	_, c := here.pair(t, chatting(func(ctx context.Context, s ServerStream) error {
		refuses(t, chatMethod, func(m proto.Message) error { return s.Send(ctx, m) })
		return echoStream(ctx, s)
	}), nil, nil)
	ctx := testkit.Within(t)
	s := c.Stream(ctx, chatMethod)
	refuses(t, chatMethod, func(m proto.Message) error { return s.Send(ctx, m) }) // in place of the first message
	mustSend(t, s, "x")
	wantMessage(t, s, "x")
	refuses(t, chatMethod, func(m proto.Message) error { return s.Send(ctx, m) })
	if err := s.CloseSend(ctx); err != nil {
		t.Error(err)
	}
	wantEnd(t, s)
	request := c.Stream(ctx, watchMethod)
	refuses(t, watchMethod, func(m proto.Message) error { return request.Send(ctx, m) })
	request.Close()
}
