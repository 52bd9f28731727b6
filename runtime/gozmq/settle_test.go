package gozmq

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
)

// settling returns an interceptor that sends each outcome with its operation, its
// task and its reason.
func settling() (<-chan string, EndOption) {
	ch := make(chan string, 100)
	return ch, WithInterceptors(func(ctx context.Context, call *CallInfo, m proto.Message, next Next) (proto.Message, error) {
		call.OnSettle(func(outcome string, err error) {
			ch <- fmt.Sprint(call.Operation, " ", m.(*number).GetValue(), " ", outcome, " ", CodeOf(err))
		})
		return next(ctx, m)
	})
}

// wantSettled receives the outcomes, in any order, and no more.
func wantSettled(t *testing.T, ch <-chan string, want ...string) {
	t.Helper()
	var got []string
	for range want {
		got = append(got, testkit.Receive(t, ch, "the outcome"))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) || len(ch) > 0 {
		t.Errorf("got %q and %d more, want %q", got, len(ch), want)
	}
}

// A worker's interceptor learns how each attempt was settled: after its result was
// acknowledged, or at once where there is none.
func TestOnSettleAtWorker(t *testing.T) {
	overEach(t, func(t *testing.T, s site) {
		p := s.surePipeline(t, []VentilatorOption{WithRetryBackoff(1, 1), WithDeadLetterHandler(func(context.Context, DeadLetter) error { return nil })}, nil)
		settled, option := settling()
		failed := false
		handle := func(n int64) error {
			switch {
			case n == 2 && !failed:
				failed = true
				return Errorf(CodeUnavailable, "the first time")
			case n == 3:
				return Permanent(Errorf(CodeInvalidArgument, "never"))
			case n == 4:
				panic("out of order")
			}
			return nil
		}
		work(t, []TaskHandler{
			HandleTask(sureMethod, func(_ context.Context, task *number) (*number, error) { return task, handle(task.GetValue()) }),
			HandleTaskOnly(sureLog, func(context.Context, *number) error { return nil }),
		}, p.from, p.to, option, WithConcurrency(1))
		once := *sureMethod
		once.MaxAttempts = 1
		for n, m := range []*Method{sureLog, sureMethod, sureMethod, sureMethod, &once} {
			if err := p.Push(testkit.Within(t), m, wrapperspb.Int64(int64(n))); err != nil {
				t.Fatal(err)
			}
		}
		wantSettled(t, settled, "run 0 ack ok", "run 2 nack unavailable", "run 3 reject invalid_argument", "run 4 nack unknown")
		ctx, stop := context.WithCancel(testkit.Within(t))
		defer stop()
		for n, err := range Results[number](ctx, p.Sink, sureMethod) {
			if err != nil {
				t.Fatal(err)
			}
			if n.GetValue() == 2 { // which comes after 1
				stop()
			}
		}
		wantSettled(t, settled, "run 1 ack ok", "run 2 ack ok")
		waitDone(t, p.Ventilator)
	})
}

// A worker that stops gives tasks back, and one that has lost its ventilator has
// nobody to tell.
func TestOnSettleWithoutVentilator(t *testing.T) {
	for name, test := range map[string]struct {
		end  func(v *Ventilator, w *runningWorker)
		want string
	}{
		"stopped": {func(_ *Ventilator, w *runningWorker) { go func() { _ = w.stop() }() }, "run 1 nack canceled"},
		"lost":    {func(v *Ventilator, _ *runningWorker) { _ = v.Close() }, "run 1 lost unavailable"},
	} {
		t.Run(name, func(t *testing.T) {
			v, err := NewVentilator(DeliveryAtLeastOnce, Bind("tcp://127.0.0.1:*"), WithLinger(0))
			if err != nil {
				t.Fatal(err)
			}
			defer v.Close()
			settled, option := settling()
			events := newRecorder()
			started, release := make(chan struct{}), make(chan struct{})
			w := work(t, []TaskHandler{HandleTaskOnly(sureLog, func(ctx context.Context, _ *number) error {
				close(started)
				select {
				case <-ctx.Done():
					return ctx.Err()
				case <-release:
					return nil
				}
			})}, From(Connect(v.Addrs()...)), option, events.option(), WithDrainTimeout(1))
			if err := v.Push(testkit.Within(t), sureLog, wrapperspb.Int64(1)); err != nil {
				t.Fatal(err)
			}
			testkit.Receive(t, started, "the task")
			test.end(v, w)
			if name == "lost" {
				events.wait(t, EventDisconnected, 1)
				close(release)
			}
			wantSettled(t, settled, test.want)
		})
	}
}

// A sink's interceptor learns what became of a result: acknowledged after the
// loop's body, or delivered again after a break or a panic. So does a puller's.
func TestOnSettleAtSink(t *testing.T) {
	settled, option := settling()
	v := ventilator(t, DeliveryAtLeastOnce, Bind("tcp://127.0.0.1:*"))
	puller, err := NewPuller(DeliveryAtLeastOnce, Connect(v.Addrs()...), option)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = puller.Close() })
	p := site{endpoint: "tcp://127.0.0.1:*"}.surePipeline(t, nil, []SinkOption{option})
	work(t, surely(squares), p.from, p.to)
	for name, open := range map[string]struct {
		vent *Ventilator
		sink *Sink
	}{"result": {p.Ventilator, p.Sink}, "pulled": {v, puller}} {
		t.Run(name, func(t *testing.T) {
			if err := open.vent.Push(testkit.Within(t), sureMethod, wrapperspb.Int64(1)); err != nil {
				t.Fatal(err)
			}
			loop := func(body func(stop func()) (leave bool)) {
				ctx, stop := context.WithCancel(testkit.Within(t))
				defer stop()
				for _, err := range Results[number](ctx, open.sink, sureMethod) {
					if err != nil || body(stop) {
						break
					}
				}
			}
			loop(func(func()) bool { return true })
			wantSettled(t, settled, "result 1 nack ok")
			func() {
				defer func() { _ = recover() }()
				loop(func(func()) bool { panic("the program fails") })
			}()
			wantSettled(t, settled, "result 1 nack ok")
			loop(func(stop func()) bool { stop(); return false })
			wantSettled(t, settled, "result 1 ack ok")
			waitDone(t, open.vent)
		})
	}
}

// With DeliveryAtMostOnce, and for what an interceptor does not pass on, nothing is
// settled; a function that panics harms nobody.
func TestOnSettleElsewhere(t *testing.T) {
	bothDeliveries(t, func(t *testing.T, m *Method, open func([]VentilatorOption, []SinkOption) *testPipeline) {
		settled, option := settling()
		events := newRecorder()
		bad := WithInterceptors(func(ctx context.Context, call *CallInfo, m proto.Message, next Next) (proto.Message, error) {
			call.OnSettle(func(string, error) { panic(errors.New("not my day")) })
			return next(ctx, m)
		})
		p := open([]VentilatorOption{option}, []SinkOption{option})
		work(t, []TaskHandler{HandleTask(m, squares)}, p.from, p.to, bad, option, events.option())
		if err := p.Push(testkit.Within(t), m, wrapperspb.Int64(3)); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(testkit.Within(t))
		defer stop()
		for range Results[number](ctx, p.Sink, m) {
			stop()
		}
		if m.Delivery == DeliveryAtMostOnce {
			wantSettled(t, settled)
			return
		}
		wantSettled(t, settled, "result 9 ack ok", "run 3 ack ok")
		if e := events.wait(t, EventPanic, 1); e.Procedure != m.Procedure {
			t.Errorf("got %v", e)
		}
	})
}
