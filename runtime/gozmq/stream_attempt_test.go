package gozmq

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/internal/testkit"
)

// idempotentWatch is watchMethod, idempotent and tried three times.
var idempotentWatch = &Method{Procedure: "test.Service/Watch", ServerStreams: true, Idempotency: IdempotencyNoSideEffects, MaxAttempts: 3}

// TestStreamRetry: until its first message has come a stream is begun again, if its
// method allows that.
func TestStreamRetry(t *testing.T) {
	for _, tt := range []struct {
		name  string
		m     *Method
		fails int32
		after int // messages before it fails
		want  int32
		ok    bool
	}{
		{"idempotent", idempotentWatch, 2, 0, 3, true},
		{"too often", idempotentWatch, 3, 0, 3, false},
		{"not idempotent", watchMethod, 1, 0, 1, false},
		{"behind the first message", idempotentWatch, 1, 1, 1, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var calls atomic.Int32
			_, c := here.pair(t, watching(func(ctx context.Context, req *bytez, s ServerStream) error {
				n := calls.Add(1)
				if n <= tt.fails {
					for range tt.after {
						if err := s.Send(ctx, req); err != nil {
							return err
						}
					}
					return Errorf(CodeUnavailable, "not now")
				}
				return s.Send(ctx, req)
			}), nil, nil)
			s := c.Stream(testkit.Within(t), tt.m)
			mustSend(t, s, "x")
			for range tt.after {
				wantMessage(t, s, "x")
			}
			if tt.ok {
				wantMessage(t, s, "x")
				wantEnd(t, s)
			} else {
				wantFailure(t, s, CodeUnavailable, "not now")
			}
			if n := calls.Load(); n != tt.want {
				t.Errorf("the handler was called %d times, want %d", n, tt.want)
			}
		})
	}
}

// TestStreamHedging: the first hedge with a message counts, and the others are
// canceled.
func TestStreamHedging(t *testing.T) {
	var calls atomic.Int32
	gaveUp := make(chan error, 4)
	_, c := here.pair(t, watching(func(ctx context.Context, req *bytez, s ServerStream) error {
		if calls.Add(1) <= 2 {
			<-ctx.Done()
			gaveUp <- ctx.Err()
			return ctx.Err()
		}
		CallInfoFromContext(ctx).AddReplyHeader("k", "head")
		for range 3 {
			if err := s.Send(ctx, req); err != nil {
				return err
			}
		}
		return nil
	}), nil, nil)
	var meta ReplyMetadata
	s := c.Stream(testkit.Within(t), idempotentWatch, WithHedging(3, time.Millisecond), WithReplyMetadata(&meta))
	mustSend(t, s, "x")
	for range 3 {
		wantMessage(t, s, "x")
	}
	wantEnd(t, s)
	for range 2 {
		testkit.Receive(t, gaveUp, "the end of a hedge")
	}
	if meta.Headers.Get("k") != "head" {
		t.Errorf("the metadata is %v", meta)
	}
}

// TestStreamMoves: a start that a stopping server refuses goes to another one, also
// where the client streams.
func TestStreamMoves(t *testing.T) {
	for _, kind := range []string{"chat", "watch"} {
		t.Run(kind, func(t *testing.T) {
			c := dial(t, Bind(here.endpoint))
			stopping := dialRaw(t, c.Addrs()[0], "ROUTER")
			m := map[string]*Method{"chat": chatMethod, "watch": watchMethod}[kind]
			s := c.Stream(testkit.Within(t), m)
			mustSend(t, s, "1")
			start := stopping.recv()
			serve(t, Connect(c.Addrs()[0]), append(numbering(), echoing()...))
			if err := c.WaitForServers(testkit.Within(t), 2); err != nil {
				t.Fatal(err)
			}
			stopping.send(start[0], "", string(encodeStatus(Errorf(CodeUnavailable, "stopping"), 1000)), "", "\x18\x01")
			want := map[string]string{"chat": "1", "watch": "0"}[kind]
			wantMessage(t, s, want)
		})
	}
}

// TestStreamLosesServer: streams end at once when the server is gone, as do their
// handlers' when the client is.
func TestStreamLosesServer(t *testing.T) {
	endpoint, accept := listenRaw(t, "ROUTER")
	c := dial(t, Connect(endpoint))
	p := accept()
	s := c.Stream(testkit.Within(t), chatMethod)
	mustSend(t, s, "x")
	p.recv()
	p.Close()
	wantFailure(t, s, CodeUnavailable, "connection lost")
	wantCode(t, s.Send(testkit.Within(t), textOf("x")), CodeUnavailable, "connection lost")
}

func TestStreamLosesClient(t *testing.T) {
	ended := make(chan error, 1)
	r := serve(t, Bind(here.endpoint), chatting(func(ctx context.Context, s ServerStream) error {
		m := new(bytez)
		if _, err := s.Receive(m); err != nil {
			return err
		}
		_, err := s.Receive(m)
		ended <- errors.Join(err, s.Send(ctx, m))
		return err
	}))
	p := dialRaw(t, r.addr(), "DEALER")
	p.send("id", "", chatMethod.Procedure, "", "\x22\x00")
	p.Close()
	wantCode(t, testkit.Receive(t, ended, "the end of the handler"), CodeUnavailable, "the client is gone")
}

// TestStreamInterceptors: one type of interceptor for calls and streams, on both
// sides: it sees the start, the messages and the end, and can change the context,
// the messages and the outcome.
func TestStreamInterceptors(t *testing.T) {
	type seen struct{ start, sent, received, ended atomic.Int32 }
	var client, server seen
	through := func(to *seen) Interceptor {
		return func(ctx context.Context, call *CallInfo, req proto.Message, next Next) (proto.Message, error) {
			to.start.Add(1)
			if (req == nil) != call.Method.ClientStreams {
				return nil, Errorf(CodeInternal, "the request is %v", req)
			}
			call.OnMessage(func(_ proto.Message, sent bool) error {
				if sent {
					to.sent.Add(1)
				} else {
					to.received.Add(1)
				}
				return nil
			})
			if call.Operation == OperationCall {
				ctx = AppendMetadata(ctx, "k", "from an interceptor")
			}
			reply, err := next(ctx, req)
			to.ended.Add(1)
			if _, again := next(ctx, req); CodeOf(again) != CodeFailedPrecondition {
				return nil, Errorf(CodeInternal, "next a second time: %v", again)
			}
			if CodeOf(err) == CodeNotFound {
				err = Errorf(CodeAborted, "made another error")
			}
			return reply, err
		}
	}
	check := func(t *testing.T, name string, s *seen, sent, received int32) {
		t.Helper()
		testkit.Eventually(t, name+"'s interceptor to return", func() bool { return s.ended.Load() == 1 })
		if s.start.Load() != 1 || s.sent.Load() != sent || s.received.Load() != received {
			t.Errorf("%s: %d starts, %d sent, %d received; want 1, %d, %d", name, s.start.Load(), s.sent.Load(), s.received.Load(), sent, received)
		}
		s.start.Store(0)
		s.sent.Store(0)
		s.received.Store(0)
		s.ended.Store(0)
	}
	handlers := append(numbering(), append(echoing(), uploading(func(ctx context.Context, s ServerStream) (*bytez, error) {
		for more := true; more; {
			var err error
			if more, err = s.Receive(new(bytez)); err != nil {
				return nil, err
			}
		}
		return textOf(CallInfoFromContext(ctx).Metadata.Get("k")), nil
	})...)...)
	_, c := here.pair(t, handlers, []ServerOption{WithInterceptors(through(&server))}, []DialOption{WithInterceptors(through(&client))})

	w := watch(t, c, "3")
	for _, want := range []string{"0", "1", "2"} {
		wantMessage(t, w, want)
	}
	wantEnd(t, w)
	check(t, "client", &client, 0, 3)
	check(t, "server", &server, 3, 0)

	chat := c.Stream(testkit.Within(t), chatMethod)
	for range 5 {
		mustSend(t, chat, "x")
		wantMessage(t, chat, "x")
	}
	if err := chat.CloseSend(testkit.Within(t)); err != nil {
		t.Fatal(err)
	}
	wantEnd(t, chat)
	check(t, "client", &client, 5, 5)
	check(t, "server", &server, 5, 5)

	up := c.Stream(testkit.Within(t), uploadMethod)
	mustSend(t, up, "x")
	if err := up.CloseSend(testkit.Within(t)); err != nil {
		t.Fatal(err)
	}
	wantMessage(t, up, "from an interceptor")
	wantEnd(t, up)
	check(t, "client", &client, 1, 0)
	check(t, "server", &server, 0, 1)

	left := c.Stream(testkit.Within(t), chatMethod)
	mustSend(t, left, "x")
	left.Close()
	wantFailure(t, left, CodeCanceled)
	testkit.Eventually(t, "the interceptor to return", func() bool { return client.ended.Load() == 1 })
}

// TestStreamInterceptorAnswers: one that does not call next has answered, on either
// side, and a hook's error ends the call.
func TestStreamInterceptorAnswers(t *testing.T) {
	refuse := func(context.Context, *CallInfo, proto.Message, Next) (proto.Message, error) {
		return nil, Errorf(CodePermissionDenied, "no")
	}
	answer := func(context.Context, *CallInfo, proto.Message, Next) (proto.Message, error) { return textOf("me"), nil }
	crash := func(context.Context, *CallInfo, proto.Message, Next) (proto.Message, error) { panic("crash") }
	hook := func(ctx context.Context, call *CallInfo, req proto.Message, next Next) (proto.Message, error) {
		call.OnMessage(func(_ proto.Message, sent bool) error {
			if !sent {
				return Errorf(CodeDataLoss, "not that one")
			}
			return nil
		})
		return next(ctx, req)
	}
	clientWith := func(t *testing.T, i Interceptor) *Conn {
		_, c := here.pair(t, allMethods(), nil, []DialOption{WithInterceptors(i)})
		return c
	}
	serverWith := func(t *testing.T, i Interceptor) *Conn {
		_, c := here.pair(t, allMethods(), []ServerOption{WithInterceptors(i)}, nil)
		return c
	}
	for side, with := range map[string]func(*testing.T, Interceptor) *Conn{"client": clientWith, "server": serverWith} {
		t.Run(side, func(t *testing.T) {
			s := with(t, refuse).Stream(testkit.Within(t), chatMethod)
			wantFailure(t, s, CodePermissionDenied, "no")
			s = with(t, crash).Stream(testkit.Within(t), chatMethod)
			wantFailure(t, s, CodeInternal)
			c := with(t, answer)
			up := c.Stream(testkit.Within(t), uploadMethod)
			if err := up.CloseSend(testkit.Within(t)); err != nil {
				t.Fatal(err)
			}
			wantMessage(t, up, "me")
			wantEnd(t, up)
			s = with(t, hook).Stream(testkit.Within(t), chatMethod)
			_ = s.Send(testkit.Within(t), textOf("x"))
			wantFailure(t, s, CodeDataLoss, "not that one")
		})
	}
}

// TestStreamMetadata: headers come with the first message, trailers at the end.
func TestStreamMetadata(t *testing.T) {
	goOn := make(chan struct{})
	_, c := here.pair(t, watching(func(ctx context.Context, req *bytez, s ServerStream) error {
		info := CallInfoFromContext(ctx)
		info.AddReplyHeader("head", info.Metadata.Get("asked"))
		info.AddReplyTrailer("tail", "t")
		if string(req.GetValue()) == "none" {
			return Errorf(CodeNotFound, "none")
		}
		if err := s.Send(ctx, req); err != nil {
			return err
		}
		<-goOn
		return nil
	}), nil, nil)
	ctx := AppendMetadata(testkit.Within(t), "asked", "a")
	var meta ReplyMetadata
	s := c.Stream(ctx, watchMethod, WithReplyMetadata(&meta))
	mustSend(t, s, "x")
	wantMessage(t, s, "x")
	if meta.Headers.Get("head") != "a" || meta.Trailers != nil {
		t.Errorf("with the first message: %v", meta)
	}
	close(goOn)
	wantEnd(t, s)
	if meta.Headers.Get("head") != "a" || meta.Trailers.Get("tail") != "t" {
		t.Errorf("at the end: %v", meta)
	}
	meta = ReplyMetadata{}
	s = c.Stream(ctx, watchMethod, WithReplyMetadata(&meta))
	mustSend(t, s, "none")
	wantFailure(t, s, CodeNotFound)
	if meta.Headers.Get("head") != "a" || meta.Trailers.Get("tail") != "t" {
		t.Errorf("without a message: %v", meta)
	}
}

// TestStreamPanic: a handler that panics, or ends its goroutine, ends its stream
// only.
func TestStreamPanic(t *testing.T) {
	_, c := here.pair(t, append(watching(func(ctx context.Context, req *bytez, s ServerStream) error {
		if err := s.Send(ctx, req); err != nil {
			return err
		}
		if string(req.GetValue()) == "exit" {
			exitGoroutine()
		}
		panic("crash")
	}), echoHandlers()...), nil, nil)
	for _, how := range []string{"panic", "exit"} {
		s := watch(t, c, how)
		wantMessage(t, s, how)
		wantFailure(t, s, CodeInternal, "internal error")
	}
	mustEcho(t, c)
}
