package gozmq

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
)

// A worker that is stuck holds little, also with DeliveryAtMostOnce: with its
// kernel and the ventilator's, what the buffers take, and not what the system
// gives by itself, which is megabytes.
func TestStuckWorkerHoldsLittle(t *testing.T) {
	const (
		size = 1 << 10
		most = 2*2*2*pipelineBuffer/size + // two buffers, each twice as large as asked for, and as much for what the kernel needs itself
			128 + // what is read at once
			128<<10/size + 2 // what is written at once
	)
	v := ventilator(t, Bind("tcp://127.0.0.1:*"), WithSendQueue(1, 1), WithLinger(0))
	started, release := make(chan struct{}, 1), make(chan struct{})
	work(t, []TaskHandler{HandleTaskOnly(logMethod, func(context.Context, *bytez) error {
		select {
		case started <- struct{}{}:
		default:
		}
		<-release
		return nil
	})}, From(Connect(v.Addrs()...)))
	defer close(release)
	task := wrapperspb.Bytes(make([]byte, size))
	var err error
	for err == nil {
		ctx, cancel := context.WithTimeout(testkit.Within(t), 200*time.Millisecond)
		err = v.Push(ctx, logMethod, task)
		cancel()
	}
	testkit.Receive(t, started, "the first task")
	t.Logf("a worker that is stuck holds %d tasks of %d bytes", v.Sent(), size)
	if n := v.Sent(); n > most {
		t.Errorf("a worker that is stuck holds %d tasks, want at most %d", n, most)
	}
}

// Tasks of 64 bytes by way of a ventilator and a worker that does nothing.
func BenchmarkWorker(b *testing.B) {
	for name, method := range map[string]*Method{"at most once": logMethod, "at least once": sureLog} {
		b.Run(name, func(b *testing.B) {
			v := ventilator(b, method.Delivery, Bind("tcp://127.0.0.1:*"))
			var ran atomic.Int64
			done := make(chan struct{})
			work(b, []TaskHandler{HandleTaskOnly(method, func(context.Context, *bytez) error {
				if ran.Add(1) == int64(b.N) {
					close(done)
				}
				return nil
			})}, From(Connect(v.Addrs()...)), WithConcurrency(4), WithPrefetch(64))
			if err := v.WaitForWorkers(testkit.Within(b), 1); err != nil {
				b.Fatal(err)
			}
			task := wrapperspb.Bytes(make([]byte, 64))
			b.ResetTimer()
			for range b.N {
				if err := v.Push(context.Background(), method, task); err != nil {
					b.Fatal(err)
				}
			}
			<-done
		})
	}
}
