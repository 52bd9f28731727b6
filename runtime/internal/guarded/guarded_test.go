package guarded

import (
	"errors"
	"runtime"
	"strings"
	"testing"
)

func TestCallReturns(t *testing.T) {
	calls := 0
	Call(func() {}, func(e *PanicError) {
		calls++
		if e != nil {
			t.Errorf("a function that returned gave %v", e)
		}
	})
	if calls != 1 {
		t.Errorf("done was called %d times", calls)
	}
}

func TestCallPanics(t *testing.T) {
	cause := errors.New("broken")
	for _, value := range []any{cause, "text", 7} {
		var got *PanicError
		Call(func() { panic(value) }, func(e *PanicError) { got = e })
		if got == nil || got.Value != value || got.Goexit() || !strings.Contains(string(got.Stack), "TestCallPanics") {
			t.Errorf("panic(%v) gave %v", value, got)
		}
		if errors.Is(got, cause) != (value == cause) {
			t.Errorf("panic(%v) wraps the wrong error", value)
		}
	}
}

func TestCallGoexit(t *testing.T) {
	got := make(chan *PanicError, 1)
	after := make(chan struct{})
	go func() {
		defer close(after)
		Call(func() { runtime.Goexit() }, func(e *PanicError) { got <- e })
		t.Error("the goroutine went on after Goexit")
	}()
	<-after
	if e := <-got; e == nil || !e.Goexit() {
		t.Errorf("Goexit gave %v", e)
	}
}

// A panic of the code that the function calls goes on, untouched.
func TestCallAround(t *testing.T) {
	for _, inside := range []bool{false, true} {
		var got any
		called := false
		func() {
			defer func() { got = recover() }()
			in := false
			CallAround(func() { in = inside; panic("x") }, &in, func(*PanicError) { called = true })
		}()
		if called == inside || (got != nil) != inside {
			t.Errorf("inside %v: done was called %v, the panic is %v", inside, called, got)
		}
	}
}
