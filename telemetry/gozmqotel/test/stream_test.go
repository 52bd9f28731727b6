package test

import (
	"context"
	"iter"
	"testing"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	chatv1 "github.com/gozmq/gozmq/example/gen/chat/v1"
	"github.com/gozmq/gozmq/example/gen/chat/v1/chatv1gozmq"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqtest"
	"github.com/gozmq/gozmq/telemetry/gozmqotel"
)

// A room sends as many lines as it is asked for, and then fails if told to; it
// counts lines that are uploaded, and sends back those of a chat.
type room struct {
	chatv1gozmq.UnimplementedRoomServer

	fails bool
}

func (r *room) Watch(ctx context.Context, req *chatv1.WatchRequest, out gozmq.Sender[chatv1.Line]) error {
	for range req.GetLast() {
		if err := out.Send(ctx, &chatv1.Line{Text: "a line"}); err != nil {
			return err
		}
	}
	if r.fails {
		return gozmq.Errorf(gozmq.CodeDataLoss, "as asked")
	}
	return nil
}

func (r *room) Upload(_ context.Context, in iter.Seq2[*chatv1.Line, error]) (*chatv1.UploadSummary, error) {
	var n uint32
	for _, err := range in {
		if err != nil {
			return nil, err
		}
		n++
	}
	return &chatv1.UploadSummary{Lines: n}, nil
}

func (r *room) Chat(ctx context.Context, in iter.Seq2[*chatv1.Line, error], out gozmq.Sender[chatv1.Line]) error {
	for line, err := range in {
		if err != nil {
			return err
		}
		if err := out.Send(ctx, line); err != nil {
			return err
		}
	}
	return nil
}

// enter starts a room, and returns a client that is recorded as it is.
func enter(t *testing.T, impl *room, r *recorder) chatv1gozmq.RoomClient {
	t.Helper()
	addrs := gozmqtest.Serve(t, func(s gozmq.Registrar) error {
		return chatv1gozmq.RegisterRoomServer(s, impl)
	}, gozmq.Bind(gozmqtest.Endpoint()), r.option())
	return chatv1gozmq.NewRoomClient(gozmqtest.Open(gozmq.Dial(gozmq.Connect(addrs...), r.option())).For(t))
}

// A stream is one span on each side, whatever its direction.
func TestStreams(t *testing.T) {
	lines := func(t *testing.T, send func(context.Context, *chatv1.Line) error) {
		t.Helper()
		for range 3 {
			if err := send(t.Context(), &chatv1.Line{Text: "a line"}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for procedure, call := range map[string]func(*testing.T, chatv1gozmq.RoomClient){
		chatv1gozmq.RoomWatchProcedure: func(t *testing.T, client chatv1gozmq.RoomClient) {
			for _, err := range client.Watch(t.Context(), &chatv1.WatchRequest{Last: 3}) {
				if err != nil {
					t.Fatal(err)
				}
			}
		},
		chatv1gozmq.RoomUploadProcedure: func(t *testing.T, client chatv1gozmq.RoomClient) {
			s := client.Upload(t.Context())
			lines(t, s.Send)
			if _, err := s.CloseAndReceive(t.Context()); err != nil {
				t.Fatal(err)
			}
		},
		chatv1gozmq.RoomChatProcedure: func(t *testing.T, client chatv1gozmq.RoomClient) {
			s := client.Chat(t.Context())
			lines(t, s.Send)
			if err := s.CloseSend(t.Context()); err != nil {
				t.Fatal(err)
			}
			for _, err := range s.Receive(t.Context()) {
				if err != nil {
					t.Fatal(err)
				}
			}
		},
	} {
		t.Run(procedure, func(t *testing.T) {
			r := newRecorder(t)
			call(t, enter(t, &room{}, r))
			spans := r.wait(t, 2)
			if got, want := tree(spans), procedure+" (client)\n  "+procedure+" (server)\n"; got != want {
				t.Errorf("got the tree\n%swant\n%s", got, want)
			}
			for _, s := range spans {
				wantAttributes(t, s.SpanKind.String(), attributesOf(s), map[string]string{"rpc.response.status_code": "OK", "error.type": ""})
				if len(s.Events) != 0 {
					t.Errorf("the %v has events that nobody asked for: %v", s.SpanKind, s.Events)
				}
			}
			r.waitMetric(t, "rpc.client.call.duration", 1)
			r.waitMetric(t, "rpc.server.call.duration", 1)
		})
	}
}

func TestMessageEvents(t *testing.T) {
	r := newRecorder(t, gozmqotel.WithMessageEvents())
	s := enter(t, &room{}, r).Chat(t.Context())
	for range 3 {
		if err := s.Send(t.Context(), &chatv1.Line{Text: "a line"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.CloseSend(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, err := range s.Receive(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, span := range r.wait(t, 2) {
		counts := make(map[string]int)
		for _, e := range span.Events {
			counts[e.Name]++
		}
		if counts["message sent"] != 3 || counts["message received"] != 3 || len(counts) != 2 {
			t.Errorf("the %v has the events %v, want 3 sent and 3 received", span.SpanKind, counts)
		}
	}
}

func TestStreamEnds(t *testing.T) {
	t.Run("with an error", func(t *testing.T) {
		r := newRecorder(t)
		var last error
		for _, err := range enter(t, &room{fails: true}, r).Watch(t.Context(), &chatv1.WatchRequest{Last: 1}) {
			last = err
		}
		if gozmq.CodeOf(last) != gozmq.CodeDataLoss {
			t.Fatal(last)
		}
		for _, s := range r.wait(t, 2) {
			wantAttributes(t, s.SpanKind.String(), attributesOf(s), map[string]string{"rpc.response.status_code": "DATA_LOSS", "error.type": "DATA_LOSS"})
			if s.Status.Code != codes.Error {
				t.Errorf("the %v has status %v", s.SpanKind, s.Status)
			}
		}
	})
	t.Run("left", func(t *testing.T) {
		r := newRecorder(t)
		for _, err := range enter(t, &room{}, r).Watch(t.Context(), &chatv1.WatchRequest{Last: 1 << 20}) {
			if err != nil {
				t.Fatal(err)
			}
			break
		}
		in := find(t, r.wait(t, 2), chatv1gozmq.RoomWatchProcedure, trace.SpanKindServer)
		wantAttributes(t, "server", attributesOf(in), map[string]string{"rpc.response.status_code": "CANCELLED", "error.type": ""})
	})
}
