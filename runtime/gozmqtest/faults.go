package gozmqtest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/gozmq"
)

// Faults makes calls fail or wait by their method. As a gozmq.Caller it stands
// between a generated client and Caller; Intercept puts it into a Conn or a
// Server instead. A procedure is "package.Service/Method", for which generated
// code has constants; "" stands for all procedures for which no fault of the
// same kind is set. The zero value has no faults. Its methods may be called
// from any goroutine; it must not be copied.
type Faults struct {
	// Caller makes the calls that do not fail. With nil they fail with
	// CodeUnavailable.
	Caller gozmq.Caller

	mu     sync.Mutex
	errs   map[string]error
	delays map[string]time.Duration
	stream streamFaults
	calls  map[string]int
	total  int
	change chan struct{} // closed when a call begins; nil: no one waits
}

// Fail makes calls of a procedure fail with err; nil ends that. An error
// without a code gets the code that gozmq.CodeOf returns, as an error from a
// server would.
func (f *Faults) Fail(procedure string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	set(&f.errs, procedure, err, err == nil)
}

// Delay makes calls of a procedure wait for d, or until their context ends,
// before they go on or fail; 0 ends that. A stream waits before its first
// message. The wait counts toward the timeout of
// the method's annotation only with Intercept.
func (f *Faults) Delay(procedure string, d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	set(&f.delays, procedure, d, d <= 0)
}

// Calls returns how many calls of a procedure have begun, including those that
// failed; for "" it counts all calls.
func (f *Faults) Calls(procedure string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.count(procedure)
}

func (f *Faults) count(procedure string) int {
	if procedure == "" {
		return f.total
	}
	return f.calls[procedure]
}

// WaitCalls waits until Calls returns at least n.
func (f *Faults) WaitCalls(ctx context.Context, procedure string, n int) error {
	for {
		f.mu.Lock()
		have := f.count(procedure)
		if f.change == nil {
			f.change = make(chan struct{})
		}
		change := f.change
		f.mu.Unlock()
		if have >= n {
			return nil
		}
		select {
		case <-change:
		case <-ctx.Done():
			return fmt.Errorf("faults: %w: %d of %d calls of %q have begun", ctx.Err(), have, n, procedure)
		}
	}
}

// Call makes a call through Caller, unless a fault is set for it
// (gozmq.Caller).
func (f *Faults) Call(ctx context.Context, m *gozmq.Method, req, reply proto.Message, opts ...gozmq.CallOption) error {
	if err := f.begin(ctx, m); err != nil {
		return err
	}
	if f.Caller == nil {
		return noCaller(m)
	}
	return f.Caller.Call(ctx, m, req, reply, opts...)
}

func noCaller(m *gozmq.Method) error {
	return gozmq.Errorf(gozmq.CodeUnavailable, "%s: gozmqtest.Faults has no Caller", m.Procedure)
}

// Intercept is a gozmq.Interceptor with the same faults; pass it to
// gozmq.WithInterceptors. For streams it counts the messages that
// gozmq.CallInfo.OnMessage reports; sent messages are the ones of its own side.
func (f *Faults) Intercept(ctx context.Context, call *gozmq.CallInfo, req proto.Message, next gozmq.Next) (proto.Message, error) {
	if err := f.begin(ctx, call.Method); err != nil {
		return nil, err
	}
	if call.Method.ClientStreams || call.Method.ServerStreams {
		f.watch(ctx, call)
	}
	return next(ctx, req)
}

// begin counts a call and returns how it is to fail.
func (f *Faults) begin(ctx context.Context, m *gozmq.Method) error {
	f.mu.Lock()
	err, delay := get(f.errs, m.Procedure), get(f.delays, m.Procedure)
	if f.calls == nil {
		f.calls = make(map[string]int)
	}
	f.calls[m.Procedure]++
	f.total++
	if f.change != nil {
		close(f.change)
		f.change = nil
	}
	f.mu.Unlock()
	if late := sleep(ctx, delay); late != nil {
		err = late
	}
	return coded(m, err)
}

// sleep waits for d, or returns ctx's error when ctx ends first.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// coded gives a code to an error that has none, as a server would.
func coded(m *gozmq.Method, err error) error {
	if err == nil || errors.As(err, new(*gozmq.Error)) {
		return err
	}
	return gozmq.Errorf(gozmq.CodeOf(err), "%s: %w", m.Procedure, err)
}

// set puts a value into a map that may be nil, or takes it out.
func set[V any](m *map[string]V, key string, v V, remove bool) {
	if remove {
		delete(*m, key)
		return
	}
	if *m == nil {
		*m = make(map[string]V)
	}
	(*m)[key] = v
}

// get returns the value for a procedure, otherwise the value for all.
func get[V any](m map[string]V, procedure string) V {
	if v, ok := m[procedure]; ok {
		return v
	}
	return m[""]
}
