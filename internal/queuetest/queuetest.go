// Package queuetest tests, from end to end, what a ventilator keeps in its task
// store. Every store must pass these tests, in addition to those of gozmqstoretest.
package queuetest

import (
	"context"
	"io"
	"sync"
	"testing"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqimpl"
	"github.com/gozmq/gozmq/runtime/gozmqstore"
	"github.com/gozmq/gozmq/runtime/gozmqtest"
)

// Run runs the tests. fresh returns, for each of them, a function that opens an
// empty queue, and then the same one again. A store that is an io.Closer is closed
// after its ventilator.
func Run(t *testing.T, fresh func(t *testing.T) (open func() gozmqstore.Store)) {
	t.Helper()
	for _, test := range []struct {
		name string
		run  func(*kit)
	}{
		{"Pause", testPause},
		{"Cancel", testCancel},
		{"Backoff", testBackoff},
		{"Limits", testLimits},
		{"Retain", testRetain},
		{"Result", testResult},
		{"Options", testOptions},
	} {
		t.Run(test.name, func(t *testing.T) {
			k := &kit{T: t, open: fresh(t), running: make(map[int64]int)}
			k.start()
			t.Cleanup(k.stop)
			test.run(k)
		})
	}
}

type (
	number = wrapperspb.Int64Value
	text   = wrapperspb.StringValue
)

// The methods of the tests. Tasks of side run beside the tested ones.
var (
	method = &gozmq.Method{Procedure: "test.Tasks/Run", Delivery: gozmq.DeliveryAtLeastOnce}
	side   = &gozmq.Method{Procedure: "test.Tasks/Side", Delivery: gozmq.DeliveryAtLeastOnce}
)

// A kit is one test's queue, with its ventilator and a worker.
type kit struct {
	*testing.T
	open  func() gozmqstore.Store
	store gozmqstore.Store
	vent  *gozmq.Ventilator

	mu      sync.Mutex
	running map[int64]int // how many handlers run, by number
}

// start opens the queue with a ventilator.
func (k *kit) start(opts ...gozmq.VentilatorOption) {
	k.Helper()
	k.store = k.open()
	opts = append(opts, gozmq.DeliveryAtLeastOnce, gozmq.Bind("tcp://127.0.0.1:*"), gozmq.WithTaskStore(k.store))
	v, err := gozmq.NewVentilator(opts...)
	if err != nil {
		k.Fatal(err)
	}
	k.vent = v
}

// stop ends what start began.
func (k *kit) stop() {
	k.Helper()
	if k.vent == nil {
		return
	}
	if err := k.vent.Close(); err != nil {
		k.Error(err)
	}
	if c, ok := k.store.(io.Closer); ok {
		if err := c.Close(); err != nil {
			k.Error(err)
		}
	}
	k.vent, k.store = nil, nil
}

// restart replaces the ventilator by a new one.
func (k *kit) restart(opts ...gozmq.VentilatorOption) {
	k.Helper()
	k.stop()
	k.start(opts...)
}

func (k *kit) push(ctx context.Context, m *gozmq.Method, n int64) {
	k.Helper()
	if err := gozmqimpl.Push(ctx, k.vent, m, wrapperspb.Int64(n)); err != nil {
		k.Fatalf("task %d: %v", n, err)
	}
}

// workWithSink starts a worker for tasks with results, and a sink for these. It
// returns what ends both.
func (k *kit) workWithSink(m *gozmq.Method, run func(context.Context, int64) (*text, error)) (stop func()) {
	k.Helper()
	sink := gozmqtest.Open(gozmq.NewSink(gozmq.DeliveryAtLeastOnce, gozmq.Bind("tcp://127.0.0.1:*"))).For(k)
	stopSink := gozmqtest.Run(k, func(ctx context.Context) error {
		for _, err := range gozmqimpl.Results[text](ctx, sink, m) {
			if err != nil {
				k.Errorf("the sink: %v", err)
			}
		}
		return nil
	})
	w := gozmqtest.Open(gozmqimpl.NewWorker("test.Tasks", func() []gozmqimpl.TaskHandler {
		return []gozmqimpl.TaskHandler{gozmqimpl.HandleTask(m, func(ctx context.Context, n *number) (*text, error) {
			return run(ctx, n.GetValue())
		})}
	}, []gozmq.WorkerOption{gozmq.From(gozmq.Connect(k.vent.Addrs()...)), gozmq.To(gozmq.Connect(sink.Addrs()...))})).For(k)
	stopWorker := gozmqtest.Run(k, w.Run)
	return func() {
		stopWorker()
		stopSink()
	}
}

// work starts a worker, and returns what ends it.
func (k *kit) work(m *gozmq.Method, run func(context.Context, int64) error) (stop func()) {
	k.Helper()
	return k.workWith(m, run, gozmq.WithConcurrency(4))
}

// workOne is work for one task after the other.
func (k *kit) workOne(m *gozmq.Method, run func(context.Context, int64) error) (stop func()) {
	k.Helper()
	return k.workWith(m, run, gozmq.WithConcurrency(1), gozmq.WithPrefetch(0))
}

func (k *kit) workWith(m *gozmq.Method, run func(context.Context, int64) error, opts ...gozmq.WorkerOption) (stop func()) {
	k.Helper()
	w := gozmqtest.Open(gozmqimpl.NewWorker("test.Tasks", func() []gozmqimpl.TaskHandler {
		return []gozmqimpl.TaskHandler{gozmqimpl.HandleTaskOnly(m, func(ctx context.Context, n *number) error {
			return run(ctx, n.GetValue())
		})}
	}, append(opts, gozmq.From(gozmq.Connect(k.vent.Addrs()...))))).For(k)
	return gozmqtest.Run(k, w.Run)
}

func (k *kit) wait() {
	k.Helper()
	if err := k.vent.Wait(testkit.Within(k)); err != nil {
		k.Fatal(err)
	}
}

// tasks returns the tasks in a state.
func (k *kit) tasks(state gozmq.TaskState) []gozmq.TaskStatus {
	k.Helper()
	list, _, err := k.vent.Tasks(gozmq.TaskFilter{State: state})
	if err != nil {
		k.Fatal(err)
	}
	return list
}

// await waits for n tasks in a state.
func (k *kit) await(state gozmq.TaskState, n int) (list []gozmq.TaskStatus) {
	k.Helper()
	testkit.Eventually(k, "tasks that are "+state.String(), func() bool {
		list = k.tasks(state)
		return len(list) == n
	})
	return list
}
