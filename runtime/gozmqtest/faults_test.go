package gozmqtest_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	greetv1 "github.com/gozmq/gozmq/example/gen/greet/v1"
	"github.com/gozmq/gozmq/example/gen/greet/v1/greetv1gozmq"
	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqimpl"
	"github.com/gozmq/gozmq/runtime/gozmqtest"
)

const sayHello = greetv1gozmq.GreeterSayHelloProcedure

func greet(ctx context.Context, c gozmq.Caller) error {
	_, err := greetv1gozmq.NewGreeterClient(c).SayHello(ctx, &greetv1.HelloRequest{Name: "Ada"}, gozmq.WithTimeout(0))
	return err
}

func TestFaultsFail(t *testing.T) {
	own := gozmq.Errorf(gozmq.CodeAborted, "own code")
	tests := []struct {
		name      string
		procedure string
		err       error
		code      gozmq.Code // 0: it goes well
		text      string
	}{
		{"own code", sayHello, own, gozmq.CodeAborted, "aborted: own code"},
		{"wrapped", sayHello, errors.Join(errors.New("more"), own), gozmq.CodeAborted, "own code"},
		{"no code", sayHello, errors.New("disk full"), gozmq.CodeUnknown, sayHello + ": disk full"},
		{"context", sayHello, context.DeadlineExceeded, gozmq.CodeDeadlineExceeded, "deadline"},
		{"all", "", own, gozmq.CodeAborted, "own code"},
		{"another method", "other.Service/Method", own, 0, ""},
		{"none", sayHello, nil, 0, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := &gozmqtest.Faults{Caller: gozmqtest.NewConn(t, registerGreeter)}
			f.Fail(tt.procedure, tt.err)
			err := greet(testkit.Within(t), f)
			if tt.code == 0 {
				if err != nil {
					t.Error(err)
				}
			} else if gozmq.CodeOf(err) != tt.code || !strings.Contains(err.Error(), tt.text) || !errors.Is(err, tt.err) {
				t.Errorf("got %v, want code %v and %q", err, tt.code, tt.text)
			}
			if f.Calls(sayHello) != 1 || f.Calls("") != 1 || f.Calls("other.Service/Method") != 0 {
				t.Errorf("counted %d and %d calls, want 1", f.Calls(sayHello), f.Calls(""))
			}
		})
	}
}

// The fault of a method counts before the fault of all; either can be ended.
func TestFaultsPrecedence(t *testing.T) {
	f := &gozmqtest.Faults{Caller: gozmqtest.NewConn(t, registerGreeter)}
	f.Fail("", gozmq.Errorf(gozmq.CodeAborted, "all"))
	f.Fail(sayHello, gozmq.Errorf(gozmq.CodeNotFound, "one"))
	for _, want := range []gozmq.Code{gozmq.CodeNotFound, gozmq.CodeAborted, 0} {
		if err := greet(testkit.Within(t), f); want == 0 && err != nil || want != 0 && gozmq.CodeOf(err) != want {
			t.Errorf("got %v, want code %v", err, want)
		}
		if want == gozmq.CodeNotFound {
			f.Fail(sayHello, nil)
		} else {
			f.Fail("", nil)
		}
	}
}

func TestFaultsDelay(t *testing.T) {
	const delay = 20 * time.Millisecond
	f := &gozmqtest.Faults{Caller: gozmqtest.NewConn(t, registerGreeter)}
	f.Delay(sayHello, delay)
	start := time.Now()
	if err := greet(testkit.Within(t), f); err != nil || time.Since(start) < delay {
		t.Errorf("got %v after %v, want no error after %v", err, time.Since(start), delay)
	}
	f.Delay(sayHello, time.Hour)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- greet(ctx, f) }()
	if err := f.WaitCalls(testkit.Within(t), sayHello, 2); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-done; gozmq.CodeOf(err) != gozmq.CodeCanceled || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's error", err)
	}
	f.Delay(sayHello, 0)
	if err := greet(testkit.Within(t), f); err != nil {
		t.Error(err)
	}
}

// On the client's side Intercept stands within the method's timeout.
func TestFaultsInterceptClient(t *testing.T) {
	var f gozmqtest.Faults
	conn := gozmqtest.NewConn(t, registerGreeter, gozmq.WithInterceptors(f.Intercept))
	f.Delay("", time.Hour)
	m := &gozmq.Method{Procedure: sayHello, Timeout: time.Millisecond}
	_, err := gozmqimpl.Call[greetv1.HelloReply](testkit.Within(t), conn, m, &greetv1.HelloRequest{Name: "Ada"})
	if gozmq.CodeOf(err) != gozmq.CodeDeadlineExceeded {
		t.Errorf("got %v, want the method's timeout", err)
	}
	f.Delay("", 0)
	if err := greet(testkit.Within(t), conn); err != nil {
		t.Error(err)
	}
}

func TestFaultsWithoutCaller(t *testing.T) {
	var f gozmqtest.Faults
	if err := greet(testkit.Within(t), &f); gozmq.CodeOf(err) != gozmq.CodeUnavailable {
		t.Errorf("got %v, want %v", err, gozmq.CodeUnavailable)
	}
}

func TestFaultsWaitCallsEnds(t *testing.T) {
	var f gozmqtest.Faults
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := f.WaitCalls(ctx, sayHello, 1)
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "0 of 1 calls") {
		t.Errorf("got %v", err)
	}
}
