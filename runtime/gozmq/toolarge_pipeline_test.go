package gozmq

import (
	"context"
	"testing"

	"github.com/gozmq/gozmq/internal/testkit"
)

// growSure and growPlain are tasks whose result has as many bytes as the task's
// last number says; see growTask.
var (
	growSure  = &Method{Procedure: "test.Tasks/GrowSure", Delivery: DeliveryAtLeastOnce}
	growPlain = &Method{Procedure: "test.Tasks/GrowPlain"}
)

// growTask answers a task whose first byte is 1 with 100 times small bytes, any
// other one with one byte.
func growTask(_ context.Context, task *bytez) (*bytez, error) {
	if task.GetValue()[0] == 1 {
		return sized(100 * small), nil
	}
	return sized(1), nil
}

// growing is a task of n bytes, whose result is large or not.
func growing(n int, large bool) *bytez {
	task := sized(n)
	if large {
		task.Value[0] = 1
	}
	return task
}

// overSecured runs a test for every transport, and with CURVE.
func overSecured(t *testing.T, test func(t *testing.T, s site, bind, dial []SocketOption)) {
	overEach(t, func(t *testing.T, s site) { test(t, s, nil, nil) })
	t.Run("CURVE", func(t *testing.T) {
		overLocks(t, func(t *testing.T, s site, l lock) {
			if l.name == "CURVE" && !s.swapped {
				test(t, s, []SocketOption{WithSecurity(l.server)}, []SocketOption{WithSecurity(l.client)})
			}
		})
	})
}

// as returns options as those of a role.
func as[O any](opts ...any) (list []O) {
	for _, o := range opts {
		switch o := o.(type) {
		case []SocketOption:
			for _, o := range o {
				list = append(list, any(o).(O))
			}
		default:
			list = append(list, o.(O))
		}
	}
	return list
}

// A task or a result that comes although it is too large, because its receiver
// has announced nothing, is refused alone: the task is a dead letter with both
// sizes, and the connections stay.
func TestSurePassedOver(t *testing.T) {
	const limit = 4 * small // beyond the size of a command
	overSecured(t, func(t *testing.T, s site, bind, dial []SocketOption) {
		dead, events := make(chan DeadLetter, 10), newRecorder()
		p := s.surePipeline(t,
			as[VentilatorOption](bind, events.option(), WithDeadLetterHandler(func(_ context.Context, d DeadLetter) error { dead <- d; return nil })),
			as[SinkOption](bind, hideLimit(), WithMaxMessageSize(limit), events.option()))
		work(t, []TaskHandler{HandleTask(growSure, growTask)}, as[WorkerOption](dial, p.from, p.to, hideLimit(), WithMaxMessageSize(101*small))...)
		got := follow(t, func(ctx context.Context) seq[*bytez] { return Results[bytez](ctx, p.Sink, growSure) })
		push := func(task *bytez) {
			t.Helper()
			if err := p.Push(testkit.Within(t), growSure, task); err != nil {
				t.Fatal(err)
			}
		}
		push(growing(1, false))
		push(growing(200*small, false))
		push(growing(2, true))
		push(growing(3, false))
		for range 2 {
			d := testkit.Receive(t, dead, "a dead letter")
			if d.Attempts != 1 {
				t.Errorf("%v was tried %d times", d.Reason, d.Attempts)
			}
			wantCode(t, d.Reason, CodeResourceExhausted, growSure.Procedure, "exceeds the")
			if len(d.body) < small {
				wantText(t, d.Reason, "result of at least 409604 bytes exceeds the sink's limit of 16384")
			} else {
				wantText(t, d.Reason, "task of at least 819204 bytes exceeds the worker's limit of 413696")
			}
		}
		for range 2 {
			got.next(t)
		}
		if err := p.Ventilator.Wait(testkit.Within(t)); err != nil {
			t.Error(err)
		}
		events.wantHeld(t)
	})
}

// With announced limits such a task is not sent: Push fails when no worker
// takes it, and else one that does gets it. A result that no sink takes fails
// its task.
func TestSureBeyondTheAnnouncedLimits(t *testing.T) {
	overSecured(t, func(t *testing.T, s site, bind, dial []SocketOption) {
		dead, events := make(chan DeadLetter, 10), newRecorder()
		p := s.surePipeline(t,
			as[VentilatorOption](bind, events.option(), WithDeadLetterHandler(func(_ context.Context, d DeadLetter) error { dead <- d; return nil })),
			as[SinkOption](bind, WithMaxMessageSize(small), events.option()))
		handlers := []TaskHandler{HandleTask(growSure, growTask)}
		work(t, handlers, as[WorkerOption](dial, p.from, p.to, WithMaxMessageSize(101*small))...)
		if err := p.WaitForWorkers(testkit.Within(t), 1); err != nil {
			t.Fatal(err)
		}
		err := p.Push(testkit.Within(t), growSure, growing(200*small, false))
		wantCode(t, err, CodeResourceExhausted, growSure.Procedure, "819204 bytes", "limit of 413696")
		work(t, handlers, as[WorkerOption](dial, p.from, p.to, WithMaxMessageSize(300*small))...)
		if err := p.WaitForWorkers(testkit.Within(t), 2); err != nil {
			t.Fatal(err)
		}
		for _, task := range []*bytez{growing(200*small, false), growing(1, true), growing(200*small, false), growing(1, false)} {
			if err := p.Push(testkit.Within(t), growSure, task); err != nil {
				t.Fatal(err)
			}
		}
		got := follow(t, func(ctx context.Context) seq[*bytez] { return Results[bytez](ctx, p.Sink, growSure) })
		d := testkit.Receive(t, dead, "a dead letter")
		wantCode(t, d.Reason, CodeResourceExhausted, growSure.Procedure, "409604 bytes", "limit of 4096")
		for range 3 {
			got.next(t)
		}
		if n := events.count(EventMalformed); n > 0 {
			t.Errorf("%d messages were passed over", n)
		}
		events.wantHeld(t)
	})
}

// A task that was queued before it was known that no worker takes it is given
// up after a while, and others are not kept waiting.
func TestQueuedBeyondEveryLimit(t *testing.T) {
	dead := make(chan DeadLetter, 10)
	p := site{endpoint: "tcp://127.0.0.1:*"}.surePipeline(t, []VentilatorOption{WithDeadLetterHandler(func(_ context.Context, d DeadLetter) error { dead <- d; return nil })}, nil)
	for _, n := range []int{100 * small, 1} {
		if err := p.Push(testkit.Within(t), growSure, growing(n, false)); err != nil {
			t.Fatal(err)
		}
	}
	work(t, []TaskHandler{HandleTask(growSure, growTask)}, p.from, p.to, WithMaxMessageSize(small))
	follow(t, func(ctx context.Context) seq[*bytez] { return Results[bytez](ctx, p.Sink, growSure) }).next(t)
	d := testkit.Receive(t, dead, "a dead letter")
	wantCode(t, d.Reason, CodeResourceExhausted, "409604 bytes", "limit of 4096")
}

// With at most once Push fails when no worker takes a task's size, and else one
// that does gets it; a result that no sink takes is told to the worker.
func TestPlainBeyondTheAnnouncedLimits(t *testing.T) {
	overSecured(t, func(t *testing.T, s site, bind, dial []SocketOption) {
		failed, report := failures()
		p := s.pipeline(t, as[VentilatorOption](bind), as[SinkOption](bind, WithMaxMessageSize(small)))
		handlers := []TaskHandler{HandleTask(growPlain, growTask)}
		work(t, handlers, as[WorkerOption](dial, p.from, p.to, report, WithMaxMessageSize(101*small))...)
		if err := p.WaitForWorkers(testkit.Within(t), 1); err != nil {
			t.Fatal(err)
		}
		err := p.Push(testkit.Within(t), growPlain, growing(200*small, false))
		wantCode(t, err, CodeResourceExhausted, growPlain.Procedure, "819204 bytes", "limit of 413696")
		work(t, handlers, as[WorkerOption](dial, p.from, p.to, report, WithMaxMessageSize(300*small))...)
		if err := p.WaitForWorkers(testkit.Within(t), 2); err != nil {
			t.Fatal(err)
		}
		for _, task := range []*bytez{growing(200*small, false), growing(1, true), growing(200*small, false), growing(1, false)} {
			if err := p.Push(testkit.Within(t), growPlain, task); err != nil {
				t.Fatal(err)
			}
		}
		wantCode(t, testkit.Receive(t, failed, "the report").err, CodeResourceExhausted, "409604 bytes", "limit of 4096")
		got := follow(t, func(ctx context.Context) seq[*bytez] { return Results[bytez](ctx, p.Sink, growPlain) })
		for range 3 {
			got.next(t)
		}
	})
}
