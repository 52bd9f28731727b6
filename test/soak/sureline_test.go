package soak

import (
	"context"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqimpl"
	"github.com/gozmq/gozmq/runtime/gozmqtest"
)

// The pipeline that loses nothing.
var sureMethod = &gozmq.Method{Procedure: "soak.Sure/Run", Delivery: gozmq.DeliveryAtLeastOnce}

const (
	// sureWork is how long a task takes.
	sureWork = 3 * time.Millisecond
	// poison is the task that ends its worker's process.
	poison = -13
)

// runSureWorker runs a worker that does tasks with do.
func runSureWorker(ctx context.Context, do func(context.Context, *number) (*number, error), from, to string, opts ...gozmq.WorkerOption) error {
	w, err := gozmqimpl.NewWorker("soak.Sure", func() []gozmqimpl.TaskHandler {
		return []gozmqimpl.TaskHandler{gozmqimpl.HandleTask(sureMethod, do)}
	}, append(opts, gozmq.From(gozmq.Connect(from)), gozmq.To(gozmq.Connect(to)), fast(), beating()))
	return gozmqimpl.RunWorker(ctx, w, err)
}

// A sureLine is a ventilator and a sink, each behind a proxy.
type sureLine struct {
	t        testing.TB
	vent     *gozmq.Ventilator
	sink     *gozmq.Sink
	from, to *gozmqtest.Proxy
	results  *numberLog
	sent     int64

	mu   sync.Mutex
	runs map[int64]int // by task
}

func newSureLine(t testing.TB, vent []gozmq.VentilatorOption, sink []gozmq.SinkOption) *sureLine {
	t.Helper()
	l := &sureLine{t: t, results: newNumberLog(), runs: make(map[int64]int)}
	l.sink = gozmqtest.Open(gozmq.NewSink(append(sink, gozmq.DeliveryAtLeastOnce, gozmq.Bind(anyPort), beating())...)).For(t)
	l.vent = gozmqtest.Open(gozmq.NewVentilator(append(vent, gozmq.DeliveryAtLeastOnce, gozmq.Bind(anyPort), beating())...)).For(t)
	l.from, l.to = gozmqtest.NewProxy(t, l.vent.Addrs()[0]), gozmqtest.NewProxy(t, l.sink.Addrs()[0])
	return l
}

// collect has the results logged until the test ends.
func (l *sureLine) collect() { follow(l.t, l.results, l.sink, sureMethod) }

// ran notes that a task was begun.
func (l *sureLine) ran(n int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.runs[n]++
}

// work runs a worker in this process until it is stopped, or the test ends.
func (l *sureLine) work(from, to string, opts ...gozmq.WorkerOption) (stop func()) {
	return gozmqtest.Run(l.t, func(ctx context.Context) error {
		return runSureWorker(ctx, func(_ context.Context, n *number) (*number, error) {
			l.ran(n.GetValue())
			return n, nil
		}, from, to, opts...)
	})
}

// child is a worker in a process of its own.
func (l *sureLine) child(heard func(word, value string)) *child {
	c := &child{t: l.t, role: "sure worker", args: func(int) []string { return []string{l.from.Endpoint(), l.to.Endpoint()} }}
	c.heard = func(_ int, word, value string) {
		l.ran(c.number(value))
		if heard != nil {
			heard(word, value)
		}
	}
	return c
}

// push pushes the next n numbers.
func (l *sureLine) push(ctx context.Context, n int) {
	for range n {
		l.sent++
		if err := gozmqimpl.Push(ctx, l.vent, sureMethod, wrapperspb.Int64(l.sent)); err != nil {
			l.t.Errorf("task %d: %v", l.sent, err)
			return
		}
	}
}

// account checks that every task was done and that each result came once, and
// logs how many were done more often.
func (l *sureLine) account(ctx context.Context, dead uint64) {
	l.t.Helper()
	must(l.t, l.vent.Wait(ctx))
	l.results.waitAll(l.t, l.sent)
	if a := l.results.account(l.t, l.sent); a.lost > 0 {
		l.t.Errorf("%d tasks are lost", a.lost)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	runs, twice := 0, 0
	for n := int64(1); n <= l.sent; n++ {
		if l.runs[n] == 0 {
			l.t.Errorf("the result of task %d came, and nobody did it", n)
		}
		if runs += l.runs[n]; l.runs[n] > 1 {
			twice++
		}
	}
	p := l.vent.Progress()
	l.t.Logf("%d tasks, %d runs of them, %d tasks were run more than once; ventilator: %v; sink: %v", l.sent, runs, twice, p, l.sink.Progress())
	if p.Done != uint64(l.sent) || p.Failed != dead || p.Queued+p.InFlight > 0 {
		l.t.Errorf("the ventilator counts %v, want %d done and %d failed", p, l.sent, dead)
	}
}

// waitAll waits until n numbers have come.
func (l *numberLog) waitAll(t testing.TB, n int64) {
	t.Helper()
	l.wait(t, "every number", func() bool { return int64(len(l.list)) >= n })
}
