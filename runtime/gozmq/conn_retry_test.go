package gozmq

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
)

func TestRetry(t *testing.T) {
	tests := []struct {
		name        string
		idempotency Idempotency
		max         int
		code        Code
		fails       int32 // how many calls fail before one goes well
		want        int32 // calls that the handler sees
		ok          bool
	}{
		{"idempotent", IdempotencyIdempotent, 3, CodeUnavailable, 2, 3, true},
		{"no side effects", IdempotencyNoSideEffects, 3, CodeUnavailable, 2, 3, true},
		{"not often enough", IdempotencyIdempotent, 2, CodeUnavailable, 2, 2, false},
		{"not idempotent", IdempotencyUnknown, 3, CodeUnavailable, 2, 1, false},
		{"once", IdempotencyIdempotent, 1, CodeUnavailable, 2, 1, false},
		{"no attempts given", IdempotencyIdempotent, 0, CodeUnavailable, 2, 1, false},
		{"another code", IdempotencyIdempotent, 3, CodeAborted, 2, 1, false},
		{"deadline", IdempotencyIdempotent, 3, CodeDeadlineExceeded, 2, 1, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var calls atomic.Int32
			m := &Method{Procedure: "test.Service/Retry", Idempotency: tt.idempotency, MaxAttempts: tt.max}
			s := serve(t, Bind("inproc://"+t.Name()), []Handler{Handle(m, func(_ context.Context, req *bytez) (*bytez, error) {
				if calls.Add(1) <= tt.fails {
					return nil, Errorf(tt.code, "not now")
				}
				return req, nil
			})})
			_, err := Call[bytez](testkit.Within(t), dial(t, Connect(s.addr())), m, wrapperspb.Bytes(nil))
			if tt.ok != (err == nil) || !tt.ok && CodeOf(err) != tt.code {
				t.Errorf("got error %v", err)
			}
			if got := calls.Load(); got != tt.want {
				t.Errorf("the handler saw %d calls, want %d", got, tt.want)
			}
		})
	}
}

// The pause before another attempt ends with the caller's context; what the
// last attempt said is the outcome.
func TestRetryEndsWithContext(t *testing.T) {
	m := &Method{Procedure: "test.Service/Retry", Idempotency: IdempotencyIdempotent, MaxAttempts: 1 << 30}
	s := serve(t, Bind("inproc://"+t.Name()), []Handler{Handle(m, func(context.Context, *bytez) (*bytez, error) {
		return nil, Errorf(CodeUnavailable, "not now")
	})})
	c := dial(t, Connect(s.addr()))
	_, err := Call[bytez](testkit.Within(t), c, m, wrapperspb.Bytes(nil), WithTimeout(200*time.Millisecond))
	if code := CodeOf(err); code != CodeUnavailable && code != CodeDeadlineExceeded {
		t.Fatalf("got %v", err)
	}
}

// A call whose server dies is made again, on a server that is there.
func TestRetryOnAnotherServer(t *testing.T) {
	type request struct {
		peer   *rawPeer
		frames []string
	}
	requests := make(chan request, 2)
	events := newRecorder()
	var addrs []string
	var accepts []func() *rawPeer
	for range 2 {
		endpoint, accept := listenRaw(t, "ROUTER")
		addrs, accepts = append(addrs, endpoint), append(accepts, accept)
	}
	c := dial(t, Connect(addrs...), WithReconnectBackoff(time.Hour, time.Hour), events.option())
	for _, accept := range accepts {
		p := accept()
		go func() {
			if frames, err := p.tryRecv(); err == nil {
				requests <- request{p, frames}
			}
		}()
	}
	events.wait(t, EventConnected, 2)
	m := *echoMethod
	m.Idempotency, m.MaxAttempts = IdempotencyIdempotent, 2
	done := make(chan error, 1)
	go func() {
		_, err := Call[bytez](testkit.Within(t), c, &m, wrapperspb.Bytes(nil))
		done <- err
	}()
	first := testkit.Receive(t, requests, "the first attempt")
	first.peer.Close()
	second := testkit.Receive(t, requests, "the second attempt")
	second.peer.send(second.frames[0], "", "", "")
	if err := testkit.Receive(t, done, "the answer"); err != nil {
		t.Fatal(err)
	}
}
