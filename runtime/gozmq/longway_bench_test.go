package gozmq_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqimpl"
	"github.com/gozmq/gozmq/runtime/gozmqtest"
)

// BenchmarkLongWay runs tasks with DeliveryAtLeastOnce at a worker with a
// concurrency of 4, which is 100 ms from its sink, or from its ventilator too,
// there and back.
func BenchmarkLongWay(b *testing.B) {
	for _, prefetch := range []int{4, 64, -1} {
		for _, both := range []bool{false, true} {
			name := fmt.Sprintf("sink/prefetch %d", prefetch)
			if both {
				name = fmt.Sprintf("sink and ventilator/prefetch %d", prefetch)
			}
			if prefetch < 0 {
				name = strings.Replace(name, "-1", "by default", 1)
			}
			b.Run(name, func(b *testing.B) { longWay(b, both, prefetch) })
		}
	}
}

func longWay(b *testing.B, both bool, prefetch int) {
	const delay = 50 * time.Millisecond
	m := &gozmq.Method{Procedure: "test.LongWay/Copy", Delivery: gozmq.DeliveryAtLeastOnce}
	v, err := gozmq.NewVentilator(gozmq.DeliveryAtLeastOnce, gozmq.Bind("tcp://127.0.0.1:*"))
	if err != nil {
		b.Fatal(err)
	}
	defer v.Close()
	sink, err := gozmq.NewSink(gozmq.DeliveryAtLeastOnce, gozmq.Bind("tcp://127.0.0.1:*"))
	if err != nil {
		b.Fatal(err)
	}
	defer sink.Close()
	from, to := v.Addrs()[0], gozmqtest.NewProxy(b, sink.Addrs()[0])
	to.Delay(delay)
	if both {
		line := gozmqtest.NewProxy(b, from)
		line.Delay(delay)
		from = line.Endpoint()
	}
	copied := func(_ context.Context, task *wrapperspb.Int64Value) (*wrapperspb.Int64Value, error) { return task, nil }
	handlers := func() []gozmqimpl.TaskHandler { return []gozmqimpl.TaskHandler{gozmqimpl.HandleTask(m, copied)} }
	opts := []gozmq.WorkerOption{gozmq.From(gozmq.Connect(from)), gozmq.To(gozmq.Connect(to.Endpoint())), gozmq.WithConcurrency(4)}
	if prefetch >= 0 {
		opts = append(opts, gozmq.WithPrefetch(prefetch))
	}
	w, err := gozmqimpl.NewWorker("test.LongWay", handlers, opts)
	if err != nil {
		b.Fatal(err)
	}
	go func() { _ = w.Run(context.Background()) }()
	defer w.Close()
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	if err := v.WaitForWorkers(ctx, 1); err != nil {
		b.Fatal(err)
	}
	go func() {
		for ctx.Err() == nil {
			_ = gozmqimpl.Push(ctx, v, m, wrapperspb.Int64(1))
		}
	}()
	n, began := 0, time.Now()
	for _, err := range gozmqimpl.Results[wrapperspb.Int64Value](ctx, sink, m) {
		if err != nil {
			b.Fatal(err)
		}
		if n++; n == max(b.N, 20) {
			break
		}
	}
	b.ReportMetric(float64(n)/time.Since(began).Seconds(), "tasks/s")
}
