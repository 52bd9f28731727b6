package gozmq_test

import (
	"context"
	"fmt"
	"testing"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqimpl"
)

// BenchmarkEmptyTasks measures tasks with DeliveryAtLeastOnce whose handler does
// nothing, from Push to the last DONE, over the loopback.
func BenchmarkEmptyTasks(b *testing.B) {
	for _, concurrency := range []int{1, 8} {
		b.Run(fmt.Sprintf("concurrency=%d", concurrency), func(b *testing.B) { emptyTasks(b, gozmq.WithConcurrency(concurrency)) })
	}
	b.Run("prefetch=64", func(b *testing.B) { emptyTasks(b, gozmq.WithPrefetch(64)) })
}

func emptyTasks(b *testing.B, option gozmq.WorkerOption) {
	m := &gozmq.Method{Procedure: "bench.Empty/Run", Delivery: gozmq.DeliveryAtLeastOnce}
	v, err := gozmq.NewVentilator(gozmq.DeliveryAtLeastOnce, gozmq.Bind("tcp://127.0.0.1:*"))
	if err != nil {
		b.Fatal(err)
	}
	defer v.Close()
	empty := func(context.Context, *wrapperspb.Int64Value) error { return nil }
	handlers := func() []gozmqimpl.TaskHandler { return []gozmqimpl.TaskHandler{gozmqimpl.HandleTaskOnly(m, empty)} }
	w, err := gozmqimpl.NewWorker("bench.Empty", handlers, []gozmq.WorkerOption{gozmq.From(gozmq.Connect(v.Addrs()...)), option})
	if err != nil {
		b.Fatal(err)
	}
	ctx := context.Background()
	go func() { _ = w.Run(ctx) }()
	defer w.Close()
	if err := v.WaitForWorkers(ctx, 1); err != nil {
		b.Fatal(err)
	}
	task := wrapperspb.Int64(1)
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		if err := gozmqimpl.Push(ctx, v, m, task); err != nil {
			b.Fatal(err)
		}
	}
	if err := v.Wait(ctx); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tasks/s")
	b.ReportMetric(float64(v.Stats().MessagesIn)/float64(b.N), "words/task")
}
