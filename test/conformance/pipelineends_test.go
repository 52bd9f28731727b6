package conformance

import (
	"context"
	"fmt"
	"iter"
	"sync"
	"testing"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqimpl"
)

// A ventilator is one of ours.
type ventilator struct {
	*gozmq.Ventilator
	*recorder
}

func ventilate(t *testing.T, where gozmq.Endpoints, opts ...gozmq.VentilatorOption) *ventilator {
	t.Helper()
	v := &ventilator{recorder: newRecorder()}
	var err error
	if v.Ventilator, err = gozmq.NewVentilator(append(withQuick(append([]gozmq.VentilatorOption{v.option()}, opts...)), where)...); err != nil {
		t.Fatal(err)
	}
	closing(t, v)
	return v
}

// push hands out tasks.
func (v *ventilator) push(t *testing.T, tasks ...string) {
	t.Helper()
	ctx := testkit.Within(t)
	for _, s := range tasks {
		if err := gozmqimpl.Push(ctx, v.Ventilator, taskMethod, words(s)); err != nil {
			t.Fatalf("push %.40q: %v", s, err)
		}
	}
}

// pushAll hands out the numbers below n in a goroutine, and tells when that is
// done.
func (v *ventilator) pushAll(t *testing.T, n int) <-chan error {
	t.Helper()
	ctx, done := testkit.Within(t), make(chan error, 1)
	go func() {
		var err error
		for i := 0; i < n && err == nil; i++ {
			err = gozmqimpl.Push(ctx, v.Ventilator, taskMethod, words(fmt.Sprint(i)))
		}
		done <- err
	}()
	return done
}

func (v *ventilator) awaitWorkers(t *testing.T, n int) {
	t.Helper()
	if err := v.WaitForWorkers(testkit.Within(t), n); err != nil {
		t.Fatal(err)
	}
}

// A sink is one of ours.
type sink struct {
	*gozmq.Sink
	*recorder
}

func collect(t *testing.T, where gozmq.Endpoints, opts ...gozmq.SinkOption) *sink {
	t.Helper()
	s := &sink{recorder: newRecorder()}
	var err error
	if s.Sink, err = gozmq.NewSink(append(withQuick(append([]gozmq.SinkOption{s.option()}, opts...)), where)...); err != nil {
		t.Fatal(err)
	}
	closing(t, s)
	return s
}

// results iterates over what comes.
func (s *sink) results(t *testing.T) *stream {
	t.Helper()
	return follow(t, func(ctx context.Context) iter.Seq2[*text, error] {
		return gozmqimpl.Results[text](ctx, s.Sink, taskMethod)
	})
}

// work runs a worker whose tasks have no results.
func work(t *testing.T, from gozmq.Endpoints, f func(task string), opts ...gozmq.WorkerOption) (stop func()) {
	t.Helper()
	run := func(_ context.Context, m *text) error {
		f(string(m.GetValue()))
		return nil
	}
	opts = append([]gozmq.WorkerOption{gozmq.From(from)}, opts...)
	handlers := func() []gozmqimpl.TaskHandler {
		return []gozmqimpl.TaskHandler{gozmqimpl.HandleTaskOnly(taskMethod, run)}
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		w, err := gozmqimpl.NewWorker("conformance.Tasks", handlers, withQuick(opts))
		_ = gozmqimpl.RunWorker(ctx, w, err)
	}()
	stop = sync.OnceFunc(func() { cancel(); <-done })
	t.Cleanup(stop)
	return stop
}
