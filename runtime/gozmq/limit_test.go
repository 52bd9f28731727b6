package gozmq

import (
	"context"
	"testing"

	"google.golang.org/protobuf/types/known/wrapperspb"
)

const small = 4096 // bytes that a message may have in these tests

func TestRequestTooLarge(t *testing.T) {
	everywhere(t, func(t *testing.T, s site) {
		_, c := s.pair(t, echoHandlers(), nil, []DialOption{WithMaxMessageSize(small)})
		_, err := Call[bytez](within(t), c, echoMethod, wrapperspb.Bytes(make([]byte, small)))
		wantCode(t, err, CodeResourceExhausted, "google.protobuf.BytesValue", "limit of 4096", "WithMaxMessageSize")
		mustEcho(t, c)
	})
}

func TestReplyTooLarge(t *testing.T) {
	grow := &Method{Procedure: "test.Service/Grow"}
	everywhere(t, func(t *testing.T, s site) {
		handlers := append(echoHandlers(), Handle(grow, func(context.Context, *bytez) (*bytez, error) {
			return wrapperspb.Bytes(make([]byte, small)), nil
		}))
		events := newRecorder()
		_, c := s.pair(t, handlers, []ServerOption{WithMaxMessageSize(small)}, []DialOption{events.option()})
		_, err := Call[bytez](within(t), c, grow, wrapperspb.Bytes(nil))
		wantCode(t, err, CodeResourceExhausted, "google.protobuf.BytesValue", "limit of 4096")
		mustEcho(t, c)
		if n := len(events.all()); n > 4 {
			t.Errorf("the connection did not hold: %v", events.kinds())
		}
	})
}

// Whatever is sent fits the receiver's equal limit: a body near it is refused
// by its sender, and does not cost the connection.
func TestLimitCountsEveryFrame(t *testing.T) {
	s := serve(t, Bind("tcp://127.0.0.1:*"), echoHandlers(), WithMaxMessageSize(small))
	events := newRecorder()
	c := dial(t, Connect(s.addr()), WithMaxMessageSize(small), events.option())
	sent, refused := 0, 0
	for size := small - 100; size <= small; size++ {
		_, err := Call[bytez](within(t), c, echoMethod, wrapperspb.Bytes(make([]byte, size)))
		switch CodeOf(err) {
		case 0:
			sent++
		case CodeResourceExhausted:
			refused++
		default:
			t.Fatalf("body of %d bytes: %v", size, err)
		}
	}
	if sent == 0 || refused == 0 {
		t.Errorf("%d were sent and %d refused", sent, refused)
	}
	for _, k := range events.kinds() {
		if k == EventDisconnected {
			t.Fatal("the connection did not hold")
		}
	}
}

// A peer that sends more than the limit is disconnected, with the reason, and
// others are served.
func TestOversizedRequestEndsTheConnection(t *testing.T) {
	everywhere(t, func(t *testing.T, s site) {
		events := newRecorder()
		_, big := s.pair(t, echoHandlers(), []ServerOption{WithMaxMessageSize(small), events.option()}, nil)
		_, err := Call[bytez](within(t), big, echoMethod, wrapperspb.Bytes(make([]byte, 100*small)))
		wantCode(t, err, CodeUnavailable, "connection lost")
		wantText(t, events.wait(t, EventDisconnected, 1).Err, "exceeds the limit of", "WithMaxMessageSize")
		mustEcho(t, big) // over a new connection
	})
}

func TestMaxConcurrency(t *testing.T) {
	everywhere(t, func(t *testing.T, s site) {
		const n = 3
		h := newStuck(t)
		_, c := s.pair(t, h.handlers(), []ServerOption{WithMaxConcurrency(n)}, nil)
		ctx := within(t)
		done := make(chan error, n)
		for range n {
			go func() { done <- callEcho(ctx, c, "x") }()
		}
		for range n {
			receive(t, h.called, "a call in the handler")
		}
		for range 3 {
			wantCode(t, callEcho(ctx, c, "x"), CodeResourceExhausted, "the server runs 3 calls already")
		}
		h.free()
		for range n {
			if err := receive(t, done, "an answer"); err != nil {
				t.Fatal(err)
			}
		}
		for range 10 * n {
			mustEcho(t, c)
		}
	})
}
