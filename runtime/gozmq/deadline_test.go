package gozmq

import (
	"context"
	"errors"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
)

// A stuck handler tells when it has been called and what its context says, and
// returns when it is released.
type stuck struct {
	called  chan context.Context
	release chan struct{}
}

func newStuck(t testing.TB) *stuck {
	s := &stuck{called: make(chan context.Context, 1024), release: make(chan struct{})}
	t.Cleanup(s.free)
	return s
}

// free releases every call, now and in future.
func (s *stuck) free() {
	select {
	case <-s.release:
	default:
		close(s.release)
	}
}

// handlers has one that ignores its context.
func (s *stuck) handlers() []Handler {
	return []Handler{Handle(echoMethod, func(ctx context.Context, req *bytez) (*bytez, error) {
		s.called <- ctx
		<-s.release
		return req, nil
	})}
}

// obedient has a handler that returns when its context ends.
func (s *stuck) obedient() []Handler {
	return []Handler{Handle(echoMethod, func(ctx context.Context, req *bytez) (*bytez, error) {
		s.called <- ctx
		select {
		case <-s.release:
			return req, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	})}
}

func TestDeadlineTravels(t *testing.T) {
	tests := []struct {
		name    string
		method  time.Duration
		context time.Duration // 0: none
		options []CallOption
		want    time.Duration // 0: no deadline
	}{
		{"none", 0, 0, nil, 0},
		{"context", 0, time.Hour, nil, time.Hour},
		{"method", time.Hour, 0, nil, time.Hour},
		{"method before context", time.Hour, 2 * time.Hour, nil, time.Hour},
		{"context before method", 2 * time.Hour, time.Hour, nil, time.Hour},
		{"option in place of method, longer", time.Hour, 0, []CallOption{WithTimeout(2 * time.Hour)}, 2 * time.Hour},
		{"option in place of method, shorter", 2 * time.Hour, 0, []CallOption{WithTimeout(time.Hour)}, time.Hour},
		{"option zero in place of method", time.Hour, 0, []CallOption{WithTimeout(0)}, 0},
		{"option zero leaves the context's", time.Hour, 3 * time.Hour, []CallOption{WithTimeout(0)}, 3 * time.Hour},
		{"last option counts", 0, 0, []CallOption{WithTimeout(time.Hour), WithTimeout(2 * time.Hour)}, 2 * time.Hour},
	}
	method := Method{Procedure: "test.Service/Deadline"}
	got := make(chan time.Duration, 1)
	s := serve(t, Bind("tcp://127.0.0.1:*"), []Handler{Handle(&method, func(ctx context.Context, req *bytez) (*bytez, error) {
		left := time.Duration(0)
		if deadline, ok := ctx.Deadline(); ok {
			left = time.Until(deadline)
		}
		got <- left
		return req, ctx.Err()
	})})
	c := dial(t, Connect(s.addr()))
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ctx, cancel := context.Background(), context.CancelFunc(func() {})
			if tt.context > 0 {
				ctx, cancel = context.WithTimeout(ctx, tt.context)
			}
			defer cancel()
			m := method
			m.Timeout = tt.method
			if _, err := Call[bytez](ctx, c, &m, wrapperspb.Bytes(nil), tt.options...); err != nil {
				t.Fatal(err)
			}
			left := <-got
			if left > tt.want || left < tt.want-time.Minute || (tt.want > 0 && left <= 0) {
				t.Errorf("the handler has %v left, want %v", left, tt.want)
			}
		})
	}
}

// The client returns at its own deadline, whatever the server does.
func TestDeadlineEndsTheCall(t *testing.T) {
	everywhere(t, func(t *testing.T, s site) {
		h := newStuck(t)
		_, c := s.pair(t, h.handlers(), nil, nil)
		var call context.Context
		for call == nil { // on a slow machine its time may be over before it is sent
			_, err := Call[bytez](testkit.Within(t), c, echoMethod, wrapperspb.Bytes(nil), WithTimeout(50*time.Millisecond))
			wantCode(t, err, CodeDeadlineExceeded, "test.Service/Echo", "deadline exceeded")
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Fatal("errors.Is(err, context.DeadlineExceeded) does not hold")
			}
			select {
			case call = <-h.called:
			default:
			}
		}
		testkit.Receive(t, call.Done(), "the end of the handler's context")
		h.free()
		mustEcho(t, c)
	})
}

// The handler sees the deadline pass and its error reaches a client that waits
// longer.
func TestDeadlineSeenByHandler(t *testing.T) {
	h := newStuck(t)
	s := serve(t, Bind("tcp://127.0.0.1:*"), h.obedient())
	p := dialRaw(t, s.addr(), "DEALER")
	p.send("", echoMethod.Procedure, "", string(appendTimeout(20*time.Millisecond)))
	wantCode(t, p.status(p.recv()[1:]), CodeDeadlineExceeded, "deadline exceeded")
}

func TestCancelEndsTheCall(t *testing.T) {
	everywhere(t, func(t *testing.T, s site) {
		h := newStuck(t)
		_, c := s.pair(t, h.handlers(), nil, nil)
		ctx, cancel := context.WithCancel(testkit.Within(t))
		done := make(chan error, 1)
		go func() { done <- callEcho(ctx, c, "x") }()
		testkit.Receive(t, h.called, "the call")
		cancel()
		err := testkit.Receive(t, done, "the end of the call")
		wantCode(t, err, CodeCanceled)
		if !errors.Is(err, context.Canceled) {
			t.Error("errors.Is(err, context.Canceled) does not hold")
		}
		wantCode(t, callEcho(ctx, c, "x"), CodeCanceled, echoMethod.Procedure)
		h.free()
		mustEcho(t, c)
	})
}

// When the caller goes, the contexts of its calls end.
func TestHandlerContextEndsWithConnection(t *testing.T) {
	everywhere(t, func(t *testing.T, s site) {
		h := newStuck(t)
		_, c := s.pair(t, h.obedient(), nil, nil)
		done := make(chan error, 1)
		go func() { done <- callEcho(context.Background(), c, "x") }()
		ctx := testkit.Receive(t, h.called, "the call")
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		wantCode(t, testkit.Receive(t, done, "the end of the call"), CodeUnavailable)
		testkit.Receive(t, ctx.Done(), "the end of the handler's context")
	})
}

// What a handler derives from its context, and what is left of it afterwards.
func TestHandlerContext(t *testing.T) {
	var kept context.Context
	s := serve(t, Bind("inproc://"+t.Name()), []Handler{Handle(echoMethod, func(ctx context.Context, req *bytez) (*bytez, error) {
		kept = ctx
		child, cancel := context.WithTimeout(ctx, time.Hour)
		defer cancel()
		if child.Err() != nil || ctx.Value("no such key") != nil {
			return nil, Errorf(CodeInternal, "the context is not as it should be")
		}
		return req, nil
	})})
	c := dial(t, Connect(s.addr()))
	mustEcho(t, c)
	testkit.Receive(t, kept.Done(), "the end of the context of a call that is over")
	if kept.Err() == nil {
		t.Error("the context of a call that is over has no error")
	}
}
