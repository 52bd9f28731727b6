package gozmq_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqimpl"
	"github.com/gozmq/gozmq/runtime/gozmqtest"
)

// A far is a ventilator with tasks that wait, and a worker with a concurrency of 1
// behind a long line.
type far struct {
	*gozmq.Ventilator
	method *gozmq.Method
}

func farVentilator(t *testing.T) far {
	t.Helper()
	v, err := gozmq.NewVentilator(gozmq.DeliveryAtLeastOnce, gozmq.Bind("tcp://127.0.0.1:*"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = v.Close() })
	return far{v, &gozmq.Method{Procedure: "test.Far/Run", Delivery: gozmq.DeliveryAtLeastOnce, Lease: time.Hour}}
}

func (f far) push(t *testing.T, n int) {
	t.Helper()
	for range n {
		if err := gozmqimpl.Push(testkit.Within(t), f.Ventilator, f.method, wrapperspb.Int64(1)); err != nil {
			t.Fatal(err)
		}
	}
}

func (f far) work(t *testing.T, endpoint string, run func(context.Context, *wrapperspb.Int64Value) error) {
	t.Helper()
	handlers := func() []gozmqimpl.TaskHandler {
		return []gozmqimpl.TaskHandler{gozmqimpl.HandleTaskOnly(f.method, run)}
	}
	w, err := gozmqimpl.NewWorker("test.Far", handlers, []gozmq.WorkerOption{gozmq.From(gozmq.Connect(endpoint))})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- w.Run(context.Background()) }()
	t.Cleanup(func() {
		_ = w.Close()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// A worker that is far away grants more credit while its tasks are short. When one
// of them is long, the others go on to a worker that has the time.
func TestFarWorkerReadsAhead(t *testing.T) {
	const tasks = 4000
	f := farVentilator(t)
	f.push(t, tasks)
	line := gozmqtest.NewProxy(t, f.Addrs()[0])
	line.Delay(25 * time.Millisecond)
	blocked, release := make(chan struct{}), make(chan struct{})
	block, free := sync.OnceFunc(func() { close(blocked) }), sync.OnceFunc(func() { close(release) })
	defer free()
	f.work(t, line.Endpoint(), func(context.Context, *wrapperspb.Int64Value) error {
		if f.Progress().InFlight >= 64 { // at once: it would soon have done all
			block()
		}
		select {
		case <-blocked:
			<-release
		default:
		}
		return nil
	})
	testkit.Receive(t, blocked, "that the worker has many tasks")
	f.work(t, f.Addrs()[0], func(context.Context, *wrapperspb.Int64Value) error { return nil })
	// The first worker keeps the one that it runs, and one that is read ahead.
	testkit.Eventually(t, "that the rest goes to the other worker", func() bool { return f.Progress().Done == tasks-2 })
	if p := f.Progress(); p.InFlight != 2 || p.Redelivered != 0 {
		t.Errorf("%+v, want two tasks in flight and no attempt counted twice", p)
	}
	free()
	if err := f.Wait(testkit.Within(t)); err != nil {
		t.Error(err)
	}
}
