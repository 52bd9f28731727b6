package gozmq

import (
	"context"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// Run returns soon after its drain timeout though a handler does not, and names
// the handler's method.
func TestWorkerWithStubbornHandler(t *testing.T) {
	for _, m := range []*Method{logMethod, sureLog} {
		t.Run(m.Delivery.String(), func(t *testing.T) {
			v := ventilator(t, m.Delivery, Bind("tcp://127.0.0.1:*"))
			started, release := make(chan struct{}), make(chan struct{})
			w, err := NewWorker("test.Tasks", func() []TaskHandler {
				return []TaskHandler{HandleTaskOnly(m, func(context.Context, *number) error {
					close(started)
					<-release
					return nil
				})}
			}, From(Connect(v.Addrs()...)), WithDrainTimeout(10*time.Millisecond), WithLinger(10*time.Millisecond))
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(context.Background())
			ended := make(chan error, 1)
			go func() { ended <- w.Run(ctx) }()
			if err := v.Push(within(t), m, wrapperspb.Int64(1)); err != nil {
				t.Fatal(err)
			}
			receive(t, started, "the task")
			cancel()
			wantText(t, receive(t, ended, "the end of Run"), "handlers have not returned", "1 of "+m.Procedure)
			close(release)
			if m.Delivery == DeliveryAtLeastOnce { // so that Close has nothing to say
				work(t, []TaskHandler{HandleTaskOnly(m, func(context.Context, *number) error { return nil })}, From(Connect(v.Addrs()...)))
				waitDone(t, v)
			}
		})
	}
}

// With DeliveryAtMostOnce no task vanishes that a worker has received and does
// not run: the worker reports each, and Run says how many there were.
func TestWorkerReportsTasksNotRun(t *testing.T) {
	const tasks = 200
	v := ventilator(t, Bind("tcp://127.0.0.1:*"))
	failed := make(chan error, tasks)
	started := make(chan struct{}, tasks)
	w, err := NewWorker("test.Tasks", func() []TaskHandler {
		return []TaskHandler{HandleTaskOnly(logMethod, func(ctx context.Context, _ *number) error {
			started <- struct{}{}
			<-ctx.Done()
			return nil
		})}
	}, From(Connect(v.Addrs()...)), WithDrainTimeout(20*time.Millisecond),
		WithTaskErrorHandler(func(_ context.Context, _ *Method, _ proto.Message, err error) { failed <- err }))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	pushNumbers(t, v, logMethod, tasks)
	if err := v.Wait(within(t)); err != nil {
		t.Fatal(err)
	}
	receive(t, started, "a task")
	cancel()
	wantText(t, receive(t, ended, "the end of Run"), "received and not run", logMethod.Procedure)
	if run, reported := 1+len(started), len(failed); run+reported != tasks {
		t.Errorf("of %d tasks %d were run and %d reported", tasks, run, reported)
	}
	for range len(failed) {
		wantCode(t, <-failed, CodeUnavailable)
	}
	if p := w.Progress(); int(p.Done+p.Failed) != tasks {
		t.Errorf("progress is %v", p)
	}
}
