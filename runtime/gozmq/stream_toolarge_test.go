package gozmq

import (
	"context"
	"testing"

	"github.com/gozmq/gozmq/internal/testkit"
)

// TestStreamBeyondTheLimit: a message of a stream that is larger than its receiver
// announces to take is refused where it is sent, and the stream goes on.
func TestStreamBeyondTheLimit(t *testing.T) {
	const limit = 64 << 10
	sent := make(chan error, 1)
	handlers := append(chatting(func(ctx context.Context, s ServerStream) error {
		sent <- s.Send(ctx, sized(2*limit))
		return echoStream(ctx, s)
	}), uploading(func(_ context.Context, s ServerStream) (*bytez, error) {
		_, err := s.Receive(new(bytez))
		return sized(2 * limit), err
	})...)
	t.Run("the client's", func(t *testing.T) {
		_, c := here.pair(t, handlers, nil, []DialOption{WithMaxMessageSize(limit)})
		s := c.Stream(testkit.Within(t), chatMethod)
		mustSend(t, s, "x")
		wantCode(t, testkit.Receive(t, sent, "the handler's Send"), CodeResourceExhausted, "message of", "the client's limit of 65536")
		wantMessage(t, s, "x")

		up := c.Stream(testkit.Within(t), uploadMethod)
		mustSend(t, up, "x")
		wantFailure(t, up, CodeResourceExhausted, "reply of", "the client's limit of 65536")
	})
	t.Run("the server's", func(t *testing.T) {
		_, c := here.pair(t, handlers, []ServerOption{WithMaxMessageSize(limit)}, nil)
		s := c.Stream(testkit.Within(t), chatMethod)
		mustSend(t, s, "x")
		<-sent // within its own limit or not
		wantCode(t, s.Send(testkit.Within(t), sized(2*limit)), CodeResourceExhausted, "the server's limit of 65536")
		wantMessage(t, s, "x")
		mustSend(t, s, "y")
		wantMessage(t, s, "y")

		first := c.Stream(testkit.Within(t), chatMethod)
		defer first.Close()
		wantCode(t, first.Send(testkit.Within(t), sized(2*limit)), CodeResourceExhausted, "the server's limit of 65536")
	})
}
