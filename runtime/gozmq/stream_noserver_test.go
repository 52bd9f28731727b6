package gozmq

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
)

// TestStreamWithoutServer: what ends a stream ends its wait for a server, too,
// and the error says why there was none.
func TestStreamWithoutServer(t *testing.T) {
	const short = 50 * time.Millisecond
	begin := func(t *testing.T, ctx context.Context, opts ...CallOption) Stream {
		t.Helper()
		c := dial(t, Connect(endpoints()["inproc"]), WithReadyTimeout(0))
		s := c.Stream(ctx, chatMethod, opts...)
		t.Cleanup(s.Close)
		return s
	}
	fails := func(t *testing.T, s Stream, code Code, parts ...string) {
		t.Helper()
		more, err := s.Receive(testkit.Within(t), new(bytez))
		if more {
			t.Error("the stream goes on")
		}
		wantCode(t, err, code, parts...)
		if n := strings.Count(err.Error(), code.String()); n != 1 {
			t.Errorf("%q has the code %d times", err, n)
		}
	}
	bubble(t, "idle", func(t *testing.T) {
		fails(t, begin(t, t.Context(), WithIdleTimeout(short)), CodeDeadlineExceeded, "no message in either direction")
	})
	bubble(t, "message", func(t *testing.T) {
		fails(t, begin(t, t.Context(), WithMessageTimeout(short)), CodeDeadlineExceeded, "waited for a message")
	})
	bubble(t, "timeout", func(t *testing.T) {
		fails(t, begin(t, context.Background(), WithTimeout(short)), CodeDeadlineExceeded, "context deadline exceeded", "no peer is connected")
	})
	bubble(t, "deadline", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), short)
		defer cancel()
		_, err := begin(t, ctx).Receive(ctx, new(bytez))
		wantCode(t, err, CodeDeadlineExceeded, "no peer is connected")
	})
	bubble(t, "closed", func(t *testing.T) {
		s := begin(t, t.Context())
		time.AfterFunc(short, s.Close)
		fails(t, s, CodeCanceled, "the stream was closed")
	})
	goesOn := func(t *testing.T, s Stream) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), short)
		defer cancel()
		if more, err := s.Receive(ctx, new(bytez)); !more || CodeOf(err) != CodeDeadlineExceeded {
			t.Errorf("Receive: %v, %v; want the stream to go on", more, err)
		}
	}
	bubble(t, "one wait is given up", func(t *testing.T) { goesOn(t, begin(t, t.Context())) })
	bubble(t, "one wait is given up, hedged", func(t *testing.T) {
		c := dial(t, Connect(endpoints()["inproc"]), WithReadyTimeout(0))
		s := c.Stream(t.Context(), idempotentWatch, WithHedging(2, time.Millisecond))
		defer s.Close()
		mustSend(t, s, "1")
		goesOn(t, s)
	})
}
