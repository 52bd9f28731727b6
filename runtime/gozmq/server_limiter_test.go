package gozmq

import (
	"context"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
	gozmqv1 "github.com/gozmq/gozmq/proto/gozmq/v1"
)

const small = 4096 // bytes that a message may have in these tests

func TestRequestTooLarge(t *testing.T) {
	everywhere(t, func(t *testing.T, s site) {
		_, c := s.pair(t, echoHandlers(), nil, []DialOption{WithMaxMessageSize(small)})
		_, err := Call[bytez](testkit.Within(t), c, echoMethod, wrapperspb.Bytes(make([]byte, small)))
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
		_, err := Call[bytez](testkit.Within(t), c, grow, wrapperspb.Bytes(nil))
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
		_, err := Call[bytez](testkit.Within(t), c, echoMethod, wrapperspb.Bytes(make([]byte, size)))
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

func TestMaxConcurrency(t *testing.T) {
	everywhere(t, func(t *testing.T, s site) {
		const n = 3
		h := newStuck(t)
		_, c := s.pair(t, h.handlers(), []ServerOption{WithConcurrency(n)}, nil)
		ctx := testkit.Within(t)
		done := make(chan error, n)
		for range n {
			go func() { done <- callEcho(ctx, c, "x") }()
		}
		for range n {
			testkit.Receive(t, h.called, "a call in the handler")
		}
		for range 3 {
			wantCode(t, callEcho(ctx, c, "x"), CodeResourceExhausted, "the server runs 3 calls already")
		}
		h.free()
		for range n {
			if err := testkit.Receive(t, done, "an answer"); err != nil {
				t.Fatal(err)
			}
		}
		for range 10 * n {
			mustEcho(t, c)
		}
	})
}

// Calls beyond the limit wait where they may, first come first served; one
// that gives up leaves its place.
func TestMaxWaiting(t *testing.T) {
	everywhere(t, func(t *testing.T, s site) {
		const waiting = 3
		m := newMoody()
		_, c := s.pair(t, m.handlers(), []ServerOption{WithConcurrency(1), WithMaxWaiting(waiting)}, nil)
		ctx := testkit.Within(t)
		blocked := make(chan error, waiting+1)
		for range waiting + 1 {
			go func() { blocked <- callEcho(ctx, c, "block") }()
		}
		testkit.Receive(t, m.blocked, "the call that runs")
		for range waiting {
			m.release <- struct{}{}
			testkit.Receive(t, m.blocked, "the next call")
		}
		m.release <- struct{}{}
		for range waiting + 1 {
			if err := testkit.Receive(t, blocked, "an answer"); err != nil {
				t.Fatal(err)
			}
		}
		for range 10 {
			mustEcho(t, c)
		}
	})
}

// A call whose time is up while it waits is told so and is never run; one more
// than may wait is refused.
func TestMaxWaitingEnds(t *testing.T) {
	m := newMoody()
	s := serve(t, Bind("tcp://127.0.0.1:*"), m.handlers(), WithConcurrency(1), WithMaxWaiting(1))
	c := dial(t, Connect(s.addr()))
	ctx := testkit.Within(t)
	first, late := make(chan error, 1), make(chan error, 1)
	go func() { first <- callEcho(ctx, c, "block") }()
	testkit.Receive(t, m.blocked, "the call that runs")
	waiter, cancel := context.WithCancel(ctx)
	go func() { late <- callEcho(waiter, c, "block") }()
	testkit.Eventually(t, "a call that waits", func() bool { return s.waiting() == 1 })
	wantCode(t, callEcho(ctx, c, "x"), CodeResourceExhausted, "runs 1 calls already, and 1 wait")
	cancel()
	wantCode(t, testkit.Receive(t, late, "the end of the call that waited"), CodeCanceled)
	testkit.Eventually(t, "its place", func() bool { return s.waiting() == 0 })

	p := dialRaw(t, s.addr(), "DEALER") // waits as long as it takes, and asks for little time
	p.send("", echoMethod.Procedure, encode(t, wrapperspb.Bytes([]byte("block"))), string(appendTimeout(10*time.Millisecond)))
	wantCode(t, p.status(p.recv()[1:]), CodeDeadlineExceeded, echoMethod.Procedure)

	m.release <- struct{}{}
	if err := testkit.Receive(t, first, "the answer"); err != nil {
		t.Fatal(err)
	}
	mustEcho(t, c)
	if len(m.blocked) > 0 {
		t.Error("a call whose time was up was run")
	}
}

// appendTimeout is a request header.
func appendTimeout(d time.Duration) []byte {
	b, err := proto.Marshal(&gozmqv1.RequestHeader{TimeoutUs: uint64(d.Microseconds())})
	if err != nil {
		panic(err)
	}
	return b
}
