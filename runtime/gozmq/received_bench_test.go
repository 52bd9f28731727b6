//go:build unix

package gozmq_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqimpl"
)

// processorTime returns the processor time that the process has taken.
func processorTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// reportProcessorTime resets the timer, and reports at the end what one of n
// operations has taken of the processors, at all ends together.
func reportProcessorTime(b *testing.B, n int, run func()) {
	b.ReportAllocs()
	b.ResetTimer()
	began := processorTime()
	run()
	b.StopTimer()
	b.ReportMetric(float64((processorTime()-began).Nanoseconds())/float64(n), "cpu-ns/op")
}

// BenchmarkReceive measures publications of 64 B that are received, by how many may
// be on their way to the slowest subscriber.
func BenchmarkReceive(b *testing.B) {
	const name = "bench.Receive/Topic"
	for _, l := range []struct{ subscribers, window int }{{1, 2}, {1, 500}, {10, 500}, {100, 500}} {
		b.Run(fmt.Sprintf("subscribers=%d/window=%d", l.subscribers, l.window), func(b *testing.B) {
			topic := gozmqimpl.NewTopic[wrapperspb.BytesValue](name, name)
			pub, err := gozmq.NewPublisher(gozmq.Bind("tcp://127.0.0.1:*"))
			if err != nil {
				b.Fatal(err)
			}
			defer pub.Close()
			ctx, cancel := context.WithCancel(context.Background())
			var wg sync.WaitGroup
			defer wg.Wait()
			defer cancel()
			w := newSlidingWindow(l.subscribers, l.window)
			for i := range l.subscribers {
				sub, err := gozmq.NewSubscriber(gozmq.Connect(pub.Addrs()...))
				if err != nil {
					b.Fatal(err)
				}
				wg.Go(func() {
					defer sub.Close()
					for range gozmqimpl.SubscribeAll(ctx, sub, topic) {
						w.got(i)
					}
				})
			}
			if err := pub.WaitForSubscribers(ctx, name, l.subscribers); err != nil {
				b.Fatal(err)
			}
			msg := wrapperspb.Bytes(make([]byte, 64))
			reportProcessorTime(b, b.N*l.subscribers, func() {
				for i := range b.N {
					w.hold(i)
					if err := gozmqimpl.Publish(ctx, pub, topic, msg); err != nil {
						b.Fatal(err)
					}
				}
				w.await(int64(b.N))
			})
		})
	}
}

// A slidingWindow holds a sender back until every receiver has got what was sent a
// number of messages before, until half of the window is free.
type slidingWindow struct {
	counts []atomic.Int64
	step   int64
	wanted atomic.Int64
	ack    chan struct{}
	known  int64 // the sender's: all have got so many
}

func newSlidingWindow(receivers, window int) *slidingWindow {
	return &slidingWindow{counts: make([]atomic.Int64, receivers), step: int64(window / 2), ack: make(chan struct{}, 1)}
}

// got counts a message of receiver i.
func (w *slidingWindow) got(i int) {
	if n := w.counts[i].Add(1); n == w.wanted.Load() {
		select {
		case w.ack <- struct{}{}:
		default:
		}
	}
}

// hold waits while the message with that number, from 0, would be one too many.
func (w *slidingWindow) hold(number int) {
	if n := int64(number) - 2*w.step + 1; n > w.known {
		w.await(n + w.step - 1)
	}
}

// await returns once every receiver has got n messages.
func (w *slidingWindow) await(n int64) {
	w.wanted.Store(n)
	for i := range w.counts {
		for w.counts[i].Load() < n {
			<-w.ack
		}
	}
	w.known = n
}

// BenchmarkCollect measures tasks from a ventilator straight to a sink, with
// DeliveryAtMostOnce: as fast as they go, and by how many may be on their way.
func BenchmarkCollect(b *testing.B) {
	m := &gozmq.Method{Procedure: "bench.Task", Bare: true}
	for _, l := range []struct{ size, window int }{{64, 2}, {64, 500}, {64, 1 << 30}, {1 << 10, 1 << 30}} {
		b.Run(fmt.Sprintf("%dB/window=%d", l.size, l.window), func(b *testing.B) {
			vent, err := gozmq.NewVentilator(gozmq.Bind("tcp://127.0.0.1:*"))
			if err != nil {
				b.Fatal(err)
			}
			defer vent.Close()
			sink, err := gozmq.NewSink(gozmq.Connect(vent.Addrs()...))
			if err != nil {
				b.Fatal(err)
			}
			ctx, cancel := context.WithCancel(context.Background())
			w := newSlidingWindow(1, l.window)
			var wg sync.WaitGroup
			defer wg.Wait()
			defer sink.Close()
			defer cancel()
			wg.Go(func() {
				for range gozmqimpl.Results[wrapperspb.BytesValue](ctx, sink, m) {
					w.got(0)
				}
			})
			if err := vent.WaitForWorkers(ctx, 1); err != nil {
				b.Fatal(err)
			}
			task := wrapperspb.Bytes(make([]byte, l.size))
			reportProcessorTime(b, b.N, func() {
				for i := range b.N {
					w.hold(i)
					if err := gozmqimpl.Push(ctx, vent, m, task); err != nil {
						b.Fatal(err)
					}
				}
				w.await(int64(b.N))
			})
		})
	}
}

// BenchmarkWork measures tasks of 64 B with DeliveryAtMostOnce from a ventilator to
// a worker whose handler counts them.
func BenchmarkWork(b *testing.B) {
	for _, delivery := range []gozmq.Delivery{gozmq.DeliveryAtMostOnce, gozmq.DeliveryAtLeastOnce} {
		for _, size := range []int{64, 1 << 10} {
			b.Run(fmt.Sprintf("%v/%dB", delivery, size), func(b *testing.B) { benchmarkWork(b, delivery, size) })
		}
	}
}

func benchmarkWork(b *testing.B, delivery gozmq.Delivery, size int) {
	m := &gozmq.Method{Procedure: "bench.Work/Run", Delivery: delivery}
	v, err := gozmq.NewVentilator(delivery, gozmq.Bind("tcp://127.0.0.1:*"))
	if err != nil {
		b.Fatal(err)
	}
	defer v.Close()
	done, n := make(chan struct{}), atomic.Int64{}
	count := func(context.Context, *wrapperspb.BytesValue) error {
		if n.Add(1) == int64(b.N) {
			close(done)
		}
		return nil
	}
	handlers := func() []gozmqimpl.TaskHandler { return []gozmqimpl.TaskHandler{gozmqimpl.HandleTaskOnly(m, count)} }
	w, err := gozmqimpl.NewWorker("bench.Work", handlers, []gozmq.WorkerOption{gozmq.From(gozmq.Connect(v.Addrs()...)), gozmq.WithConcurrency(1)})
	if err != nil {
		b.Fatal(err)
	}
	ctx := context.Background()
	go func() { _ = w.Run(ctx) }()
	defer w.Close()
	if err := v.WaitForWorkers(ctx, 1); err != nil {
		b.Fatal(err)
	}
	task := wrapperspb.Bytes(make([]byte, size))
	reportProcessorTime(b, b.N, func() {
		for range b.N {
			if err := gozmqimpl.Push(ctx, v, m, task); err != nil {
				b.Fatal(err)
			}
		}
		<-done
	})
}
