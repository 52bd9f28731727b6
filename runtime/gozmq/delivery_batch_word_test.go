package gozmq

import (
	"context"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
)

// A sink that comes after the last word of a ventilator is told all the same that a
// batch whose results it has is lost: its worker has kept that word.
func TestBatchLostBeforeItsSink(t *testing.T) {
	v := ventilator(t, DeliveryAtLeastOnce, Bind("tcp://127.0.0.1:*"), batchSilence(3*time.Second), WithLinger(50*time.Millisecond))
	end := make(chan struct{})
	w := work(t, surely(func(ctx context.Context, task *number) (*number, error) {
		if task.GetValue() > 10 {
			<-end
		}
		return squares(ctx, task)
	}), From(Connect(v.Addrs()...)), To(Bind("tcp://127.0.0.1:*")), WithConcurrency(2), WithDrainTimeout(50*time.Millisecond))
	t.Cleanup(func() { close(end) })
	b := v.StartBatch("early")
	for _, n := range []int64{1, 100} {
		if err := v.Push(b.Context(testkit.Within(t)), sureMethod, wrapperspb.Int64(n)); err != nil {
			t.Fatal(err)
		}
	}
	wantProgress(t, v.Progress, Progress{InFlight: 2})
	status, option := statuses()
	k := sink(t, DeliveryAtLeastOnce, Connect(w.Addrs()...), option)
	testkit.Receive(t, results2(t, k), "the first result")
	v.Close()
	last := testkit.Receive(t, status, "word of the batch")
	if last.Name != "early" || last.Complete || last.Results != 1 {
		t.Errorf("%+v", last)
	}
	wantCode(t, last.Err, CodeUnavailable, "nothing was received from its ventilator")
}

// A sink that comes when the lease of a ventilator that is gone has ended takes the
// batch of a result that it gets for lost.
func TestBatchLostLongBeforeItsSink(t *testing.T) {
	const silence = 100 * time.Millisecond
	v, err := NewVentilator(DeliveryAtLeastOnce, Bind("tcp://127.0.0.1:*"), WithLinger(0), batchSilence(silence))
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	at := fresh()
	w := work(t, surely(squares), From(Connect(v.Addrs()...)), To(Connect(at)))
	if err := v.Push(v.StartBatch("lost").Context(testkit.Within(t)), sureMethod, wrapperspb.Int64(1)); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "the task at the worker", func() bool { return w.Progress().InFlight == 1 })
	v.Close()
	<-time.After(2 * silence)
	status, option := statuses()
	k, err := NewSink(DeliveryAtLeastOnce, Bind(at), option)
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	results2(t, k)
	wantCode(t, testkit.Receive(t, status, "word of the batch").Err, CodeUnavailable, "batch lost: nothing was received")
}
