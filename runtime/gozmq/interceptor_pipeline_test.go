package gozmq

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
)

// tracing passes a trace on along a pipeline: it adds itself to what came.
func tracing(r *trace, name string) Interceptor {
	return func(ctx context.Context, call *CallInfo, m proto.Message, next Next) (proto.Message, error) {
		r.add(fmt.Sprintf("%s %s %s %q %v", name, call.Operation, call.Task.Batch, call.Metadata.Get("trace"), call.Peer != nil))
		switch call.Operation {
		case OperationPush:
			ctx = AppendMetadata(ctx, "trace", "t1")
		case OperationRun:
			call.Task.AddResultMetadata("span", "s1")
		}
		return next(ctx, m)
	}
}

// One family of interceptors serves ventilators, workers and sinks.
func TestPipelineInterceptors(t *testing.T) {
	bothDeliveries(t, func(t *testing.T, m *Method, open func([]VentilatorOption, []SinkOption) *testPipeline) {
		var r trace
		p := open([]VentilatorOption{WithInterceptors(tracing(&r, "v"))}, []SinkOption{WithInterceptors(tracing(&r, "k"))})
		work(t, []TaskHandler{HandleTask(m, squares)}, p.from, p.to, WithInterceptors(tracing(&r, "w")))
		b := p.StartBatch("album")
		var info TaskInfo
		next := nextResult(t, p.Sink, m, &info)
		if err := p.Push(b.Context(testkit.Within(t)), m, wrapperspb.Int64(3)); err != nil {
			t.Fatal(err)
		}
		if got := next(); got.GetValue() != 9 {
			t.Errorf("got %v", got)
		}
		if info.ResultMetadata.Get("span") != "s1" || TaskInfoFromContext(info.Context()).ResultMetadata.Get("span") != "s1" || PeerFromContext(info.Context()) != info.Peer {
			t.Errorf("the info is %+v", info)
		}
		want := []string{`v push album "" false`, `w run album "t1" true`, `k result album "t1" true`}
		if !slices.Equal(r.steps, want) {
			t.Errorf("got %q, want %q", r.steps, want)
		}
	})
}

// An interceptor's failure is the failure of what it wraps.
func TestPipelineInterceptorFails(t *testing.T) {
	bothDeliveries(t, func(t *testing.T, m *Method, open func([]VentilatorOption, []SinkOption) *testPipeline) {
		refuse := func(ctx context.Context, _ *CallInfo, m proto.Message, next Next) (proto.Message, error) {
			switch m.(*number).GetValue() {
			case 1:
				return nil, Permanent(Errorf(CodePermissionDenied, "not this one"))
			case 2:
				panic("not this one either")
			}
			return next(ctx, m)
		}
		events := newRecorder()
		p := open([]VentilatorOption{WithInterceptors(refuse), events.option()}, nil)
		wantCode(t, p.Push(testkit.Within(t), m, wrapperspb.Int64(1)), CodePermissionDenied, "not this one")
		wantCode(t, p.Push(testkit.Within(t), m, wrapperspb.Int64(2)), CodeInternal, "an interceptor: panic: not this one either")
		events.wait(t, EventPanic, 1)
		failed, option := failures()
		work(t, []TaskHandler{HandleTask(m, squares)}, p.from, p.to, WithInterceptors(
			func(ctx context.Context, _ *CallInfo, m proto.Message, next Next) (proto.Message, error) {
				if m.(*number).GetValue() == 4 {
					return nil, Permanent(errors.New("not run"))
				}
				return next(ctx, m)
			}), option)
		for _, n := range []int64{4, 5} {
			if err := p.Push(testkit.Within(t), m, wrapperspb.Int64(n)); err != nil {
				t.Fatal(err)
			}
		}
		if got := testkit.Receive(t, failed, "the failure"); !strings.Contains(got.err.Error(), "not run") {
			t.Errorf("the failure is %v", got.err)
		}
		ctx, stop := context.WithCancel(testkit.Within(t))
		defer stop()
		for got, err := range Results[number](ctx, p.Sink, m) {
			if err != nil || got.GetValue() != 25 {
				t.Errorf("got %v, %v", got, err)
			}
			stop()
		}
		if m.Delivery == DeliveryAtLeastOnce {
			waitDone(t, p.Ventilator)
		}
	})
}

// What the interceptor of a loop does decides what the loop's body gets.
func TestLoopInterceptor(t *testing.T) {
	bothDeliveries(t, func(t *testing.T, m *Method, open func([]VentilatorOption, []SinkOption) *testPipeline) {
		events := newRecorder()
		p := open(nil, []SinkOption{events.option(), WithInterceptors(steered)})
		work(t, []TaskHandler{HandleTask(m, func(_ context.Context, task *number) (*number, error) { return task, nil })}, p.from, p.to)
		for _, n := range []int64{skips, fails, panics, failsAfter, panicsAfter, nextTwice, goesThrough} {
			if err := p.Push(testkit.Within(t), m, wrapperspb.Int64(n)); err != nil {
				t.Fatal(err)
			}
		}
		var got []string
		ctx, stop := context.WithCancel(testkit.Within(t))
		defer stop()
		for n, err := range Results[number](ctx, p.Sink, m) {
			got = append(got, fmt.Sprint(n.GetValue(), " ", CodeOf(err)))
			if n.GetValue() == goesThrough {
				stop()
			}
		}
		want := []string{"0 aborted", "0 internal", "4 ok", "5 ok", "6 ok", "7 ok"}
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		events.wait(t, EventPanic, 2)
		events.wait(t, EventTaskFailed, 3)
		if m.Delivery == DeliveryAtLeastOnce {
			waitDone(t, p.Ventilator)
		}
	})
}

// What steered does with a result.
const (
	skips = 1 + iota
	fails
	panics
	failsAfter
	panicsAfter
	nextTwice
	goesThrough
)

func steered(ctx context.Context, _ *CallInfo, m proto.Message, next Next) (proto.Message, error) {
	what := m.(*number).GetValue()
	switch what {
	case skips:
		return nil, nil
	case fails:
		return nil, Errorf(CodeAborted, "fails")
	case panics:
		panic("panics")
	}
	if _, err := next(ctx, m); err != nil {
		return nil, err
	}
	switch what {
	case failsAfter:
		return nil, Errorf(CodeAborted, "fails after")
	case panicsAfter:
		panic("panics after")
	case nextTwice:
		return next(ctx, m)
	}
	return nil, nil
}

// A panic of the loop's body goes through the interceptors, untouched; the result
// comes again.
func TestLoopBodyPanics(t *testing.T) {
	p := site{endpoint: "inproc://" + t.Name()}.surePipeline(t, nil, []SinkOption{WithInterceptors(new(trace).interceptor("i"))})
	work(t, surely(squares), p.from, p.to)
	p.pushSure(t, sureMethod, 1)
	func() {
		defer func() {
			if r := recover(); r != "mine" {
				t.Errorf("the panic is %v", r)
			}
		}()
		for range Results[number](testkit.Within(t), p.Sink, sureMethod) {
			panic("mine")
		}
	}()
	p.wantSureSquares(t, 1)
	waitDone(t, p.Ventilator)
}
