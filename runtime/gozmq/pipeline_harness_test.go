package gozmq

import (
	"context"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
)

type (
	number = wrapperspb.Int64Value
	// run is a function that runs the tasks of squareMethod.
	square func(ctx context.Context, task *number) (*number, error)
)

// squareMethod has a result, logMethod has none.
var (
	squareMethod = &Method{Procedure: "test.Tasks/Square"}
	logMethod    = &Method{Procedure: "test.Tasks/Log"}
)

// squares returns the square of the task.
func squares(_ context.Context, task *number) (*number, error) {
	return wrapperspb.Int64(task.GetValue() * task.GetValue()), nil
}

// ventilator opens a Ventilator until the test ends.
func ventilator(t testing.TB, opts ...VentilatorOption) *Ventilator {
	t.Helper()
	v, err := NewVentilator(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := v.Close(); err != nil {
			t.Errorf("Ventilator.Close: %v", err)
		}
	})
	return v
}

// sink opens a Sink until the test ends.
func sink(t testing.TB, opts ...SinkOption) *Sink {
	t.Helper()
	s, err := NewSink(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Sink.Close: %v", err)
		}
	})
	return s
}

// A runningWorker is a worker whose Run was called.
type runningWorker struct {
	*Worker
	cancel context.CancelFunc
	done   chan error
	once   sync.Once
	err    error
}

// work runs a worker until the test ends.
func work(t testing.TB, handlers []TaskHandler, opts ...WorkerOption) *runningWorker {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	w := &runningWorker{cancel: cancel, done: make(chan error, 1)}
	var err error
	if w.Worker, err = NewWorker("test.Tasks", func() []TaskHandler { return handlers }, opts...); err != nil {
		cancel()
		t.Fatal(err)
	}
	go func() { w.done <- w.Run(ctx) }()
	t.Cleanup(func() {
		if err := w.stop(); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return w
}

// stop ends the worker and returns what Run returned.
func (w *runningWorker) stop() error {
	w.once.Do(func() {
		w.cancel()
		w.err = <-w.done
	})
	return w.err
}

// squaring are the handlers of a worker that squares.
func squaring(run square) []TaskHandler { return []TaskHandler{HandleTask(squareMethod, run)} }

// A testPipeline is a ventilator and a sink, and where workers find them.
type testPipeline struct {
	*Ventilator
	*Sink
	from, to WorkerOption
}

// pipeline opens both ends at sockets of their own that bind.
func (s site) pipeline(t testing.TB, v []VentilatorOption, k []SinkOption) *testPipeline {
	t.Helper()
	vent := ventilator(t, append(v, Bind(s.endpoint))...)
	end := s.endpoint
	if end[:6] == "inproc" {
		end += "/sink"
	}
	snk := sink(t, append(k, Bind(end))...)
	return &testPipeline{vent, snk, From(Connect(vent.Addrs()...)), To(Connect(snk.Addrs()...))}
}

// push pushes the numbers from one to n.
func (p *testPipeline) push(t testing.TB, n int) {
	t.Helper()
	ctx := testkit.Within(t)
	for i := range n {
		if err := p.Push(ctx, squareMethod, wrapperspb.Int64(int64(i+1))); err != nil {
			t.Errorf("task %d: %v", i+1, err)
			return
		}
	}
}

// wantSquares takes n results and checks that each is there once.
func (p *testPipeline) wantSquares(t testing.TB, n int) {
	t.Helper()
	seen := make(map[int64]int, n)
	for m, err := range Results[number](testkit.Within(t), p.Sink, squareMethod) {
		if err != nil {
			t.Fatal(err)
		}
		seen[m.GetValue()]++
		if len(seen) == n {
			break
		}
	}
	for i := int64(1); i <= int64(n); i++ {
		if seen[i*i] != 1 {
			t.Fatalf("the result of task %d came %d times", i, seen[i*i])
		}
	}
}

// results iterates over the results of squareMethod.
func results(t testing.TB, s *Sink) *stream[*number] {
	return follow(t, func(ctx context.Context) seq[*number] { return Results[number](ctx, s, squareMethod) })
}

// A failure is what WithTaskErrorHandler was told.
type failure struct {
	method *Method
	task   proto.Message
	err    error
}

// failures collects what WithTaskErrorHandler is told.
func failures() (chan failure, WorkerOption) {
	ch := make(chan failure, 100)
	return ch, WithTaskErrorHandler(func(_ context.Context, m *Method, task proto.Message, err error) { ch <- failure{m, task, err} })
}
