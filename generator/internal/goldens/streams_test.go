package goldens

import (
	"context"
	"iter"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/testdata/golden/streams"
	"github.com/gozmq/gozmq/testdata/golden/streams/streamsgozmq"
)

// Stream returns a stream of one message that keeps the request in c.
func (c *caller) Stream(_ context.Context, m *gozmq.Method, _ ...gozmq.CallOption) gozmq.Stream {
	c.method, c.req = m, nil
	return &oneMessage{caller: c}
}

type oneMessage struct {
	caller *caller
	over   bool
}

func (s *oneMessage) Send(_ context.Context, m proto.Message) error {
	s.caller.req = m
	return nil
}

func (s *oneMessage) CloseSend(context.Context) error { return nil }

func (s *oneMessage) Receive(context.Context, proto.Message) (more bool, err error) {
	more, s.over = !s.over, true
	return more, nil
}

func (s *oneMessage) Close() {}

// one fails the test unless an iterator yields one message, without an error.
func one[M any](t *testing.T, messages iter.Seq2[*M, error]) {
	t.Helper()
	n := 0
	for m, err := range messages {
		if n++; m == nil || err != nil {
			t.Errorf("got %v, %v", m, err)
		}
	}
	if n != 1 {
		t.Errorf("got %d messages, want 1", n)
	}
}

func TestStreamClient(t *testing.T) {
	c, ctx := &caller{}, t.Context()
	mixed, limits := streamsgozmq.NewMixedClient(c), streamsgozmq.NewLimitsClient(c)
	filter, item, tick := &streams.Filter{}, &streams.Item{}, &timestamppb.Timestamp{}
	for _, tt := range []struct {
		name string
		call func(t *testing.T) error
		want gozmq.Method
		req  proto.Message
	}{
		{"unary", func(*testing.T) error { _, err := mixed.Get(ctx, item); return err },
			gozmq.Method{Procedure: "golden.streams.Mixed/Get"}, item},
		{"server", func(t *testing.T) error { one(t, mixed.Watch(ctx, filter)); return nil },
			gozmq.Method{Procedure: "golden.streams.Mixed/Watch", ServerStreams: true}, filter},
		{"client", func(t *testing.T) error {
			up := mixed.Upload(ctx)
			if err := up.Send(ctx, item); err != nil {
				return err
			}
			reply, err := up.CloseAndReceive(ctx)
			if reply == nil {
				t.Error("no reply")
			}
			return err
		}, gozmq.Method{Procedure: "golden.streams.Mixed/Upload", ClientStreams: true}, item},
		{"both", func(t *testing.T) error {
			chat := mixed.Chat(ctx)
			one(t, chat.Receive(ctx))
			return chat.Send(ctx, item)
		}, gozmq.Method{Procedure: "golden.streams.Mixed/Chat", ClientStreams: true, ServerStreams: true}, item},
		{"annotated", func(t *testing.T) error { one(t, limits.Follow(ctx, filter)); return nil },
			gozmq.Method{Procedure: "golden.streams.Limits/Follow", Idempotency: gozmq.IdempotencyNoSideEffects, Timeout: time.Minute, MaxAttempts: 3, ServerStreams: true}, filter},
		{"named Send", func(*testing.T) error { return streamsgozmq.NewNamesClient(c).Send(ctx).Send(ctx, item) },
			gozmq.Method{Procedure: "golden.streams.Names/Send", ClientStreams: true, ServerStreams: true}, item},
		{"foreign messages", func(*testing.T) error { return streamsgozmq.NewForeignClient(c).Marks(ctx).Send(ctx, tick) },
			gozmq.Method{Procedure: "golden.streams.Foreign/Marks", ClientStreams: true}, tick},
		{"alone in a file", func(t *testing.T) error { one(t, streamsgozmq.NewTailClient(c).Follow(ctx, item)); return nil },
			gozmq.Method{Procedure: "golden.streams.Tail/Follow", ServerStreams: true}, item},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.call(t); err != nil {
				t.Fatal(err)
			}
			if *c.method != tt.want {
				t.Errorf("method is %+v, want %+v", *c.method, tt.want)
			}
			if c.req != tt.req {
				t.Errorf("request is %v, want %v", c.req, tt.req)
			}
		})
	}
}

type mixed struct {
	streamsgozmq.UnimplementedMixedServer
}

// Each method is registered as what it is, and refuses what is not implemented.
func TestStreamRegister(t *testing.T) {
	r := &registrar{}
	if err := streamsgozmq.RegisterMixedServer(r, mixed{}); err != nil {
		t.Fatal(err)
	}
	handlers := r.services[0].Handlers
	if want := r.services[0].Descriptor.Methods().Len(); len(handlers) != want {
		t.Fatalf("%d handlers are registered, want %d", len(handlers), want)
	}
	for _, h := range handlers {
		streaming := h.Method.ClientStreams || h.Method.ServerStreams
		if (h.Stream != nil) != streaming || (h.Serve == nil) != streaming {
			t.Errorf("%s: Stream is set: %v, Serve: %v", h.Method.Procedure, h.Stream != nil, h.Serve != nil)
			continue
		}
		var err error
		if streaming {
			_, err = h.Stream(t.Context(), h.New(), nil)
		} else {
			_, err = h.Serve(t.Context(), h.New())
		}
		if gozmq.CodeOf(err) != gozmq.CodeUnimplemented {
			t.Errorf("%s returns %v", h.Method.Procedure, err)
		}
	}
}

// A handler is a method that takes what it needs: a test calls it as it is.
type watcher struct {
	streamsgozmq.UnimplementedMixedServer
}

func (watcher) Chat(ctx context.Context, in iter.Seq2[*streams.Item, error], out gozmq.Sender[streams.Summary]) error {
	var n int64
	for _, err := range in {
		if err != nil {
			return err
		}
		n++
		if err := out.Send(ctx, &streams.Summary{Count: n}); err != nil {
			return err
		}
	}
	return nil
}

type collector []*streams.Summary

func (c *collector) Send(_ context.Context, m *streams.Summary) error {
	*c = append(*c, m)
	return nil
}

func TestStreamHandlerAlone(t *testing.T) {
	var out collector
	in := func(yield func(*streams.Item, error) bool) {
		for range 2 {
			if !yield(&streams.Item{}, nil) {
				return
			}
		}
	}
	if err := (watcher{}).Chat(t.Context(), in, &out); err != nil || len(out) != 2 || out[1].Count != 2 {
		t.Errorf("got %v, %v", out, err)
	}
}
