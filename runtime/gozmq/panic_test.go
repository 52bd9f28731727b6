package gozmq

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/internal/testkit"
)

// A caught panic, as the server's hook is told.
type caught struct {
	info   *CallInfo
	method *Method
	value  any
	stack  []byte
}

func TestHandlerPanic(t *testing.T) {
	boom := errors.New("boom")
	var nothing *CallInfo
	tests := []struct {
		name  string
		panic func()
		value string // part of what the observer is told
	}{
		{"value", func() { panic("secret") }, "secret"},
		{"error", func() { panic(boom) }, "boom"},
		{"nil pointer", func() { _ = nothing.Method }, "nil pointer"},
		{"nil", func() { panic(nil) }, "nil"},
		{"Goexit", runtime.Goexit, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			everywhere(t, func(t *testing.T, s site) {
				crash := &Method{Procedure: "test.Service/Crash"}
				hook, events := make(chan caught, 10), newRecorder()
				handlers := append(echoHandlers(), Handle(crash, func(context.Context, *bytez) (*bytez, error) {
					tt.panic()
					return nil, nil
				}))
				_, c := s.pair(t, handlers, []ServerOption{events.option(), WithPanicHandler(
					func(ctx context.Context, m *Method, value any, stack []byte) {
						hook <- caught{CallInfoFromContext(ctx), m, value, stack}
					})}, nil)
				for range 3 {
					_, err := Call[bytez](testkit.Within(t), c, crash, &bytez{})
					wantCode(t, err, CodeInternal)
					if got, want := err.Error(), "internal: internal error"; got != want {
						t.Fatalf("the caller is told %q, want %q", got, want)
					}
					got := testkit.Receive(t, hook, "the call of the hook")
					if got.method != crash || got.info == nil || !strings.Contains(string(got.stack), "TestHandlerPanic") {
						t.Errorf("the hook is told of method %v, info %v, stack %s", got.method, got.info, got.stack)
					}
				}
				e := events.wait(t, EventPanic, 3)
				wantText(t, e.Err, "handler panicked", tt.value)
				if e.Procedure != crash.Procedure || len(e.Stack) == 0 {
					t.Errorf("event has method %q and %d bytes of stack", e.Procedure, len(e.Stack))
				}
				mustEcho(t, c)
			})
		})
	}
}

// A panic in an interceptor, before or after the handler, is one in the call.
func TestServerInterceptorPanic(t *testing.T) {
	before := func(context.Context, *CallInfo, proto.Message, Next) (proto.Message, error) { panic("before") }
	after := func(ctx context.Context, _ *CallInfo, req proto.Message, next Next) (proto.Message, error) {
		if _, err := next(ctx, req); err != nil {
			return nil, err
		}
		panic("after")
	}
	for name, i := range map[string]Interceptor{"before": before, "after": after} {
		t.Run(name, func(t *testing.T) {
			events := newRecorder()
			s := serve(t, Bind("inproc://"+t.Name()), echoHandlers(), WithInterceptors(i), events.option())
			c := dial(t, Connect(s.addr()))
			wantCode(t, callEcho(testkit.Within(t), c, "x"), CodeInternal, "internal error")
			wantText(t, events.wait(t, EventPanic, 1).Err, name)
		})
	}
}

func TestHandlerReturnsNothing(t *testing.T) {
	var typed *bytez
	tests := []struct {
		name    string
		handler Handler
	}{
		{"nil and nil", Handle(echoMethod, func(context.Context, *bytez) (*bytez, error) { return nil, nil })},
		{"typed nil", Handle(echoMethod, func(context.Context, *bytez) (*bytez, error) { return typed, nil })},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t, Bind("inproc://"+t.Name()), []Handler{tt.handler})
			c := dial(t, Connect(s.addr()))
			wantCode(t, callEcho(testkit.Within(t), c, "x"), CodeInternal, "neither a reply nor an error", echoMethod.Procedure)
		})
	}
}

// What a client passes that is no message is an error, not a panic.
func TestNilRequest(t *testing.T) {
	s := serve(t, Bind("inproc://"+t.Name()), echoHandlers())
	c := dial(t, Connect(s.addr()))
	var typed *bytez
	for name, req := range map[string]proto.Message{"nil": nil, "typed nil": typed} {
		t.Run(name, func(t *testing.T) {
			if _, err := Call[bytez](testkit.Within(t), c, echoMethod, req); err != nil && CodeOf(err) != CodeInvalidArgument {
				t.Errorf("got %v", err)
			}
		})
	}
	mustEcho(t, c)
}
