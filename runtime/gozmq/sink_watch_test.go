package gozmq

import (
	"context"
	"testing"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
)

// A sink over which nobody iterates counts what has come, and says so once; its
// worker counts what waits.
func TestSinkWithoutLoop(t *testing.T) {
	bothDeliveries(t, func(t *testing.T, m *Method, open func([]VentilatorOption, []SinkOption) *testPipeline) {
		events := newRecorder()
		p := open(nil, []SinkOption{events.option()})
		w := work(t, []TaskHandler{HandleTask(m, squares)}, p.from, p.to)
		pushNumbers(t, p.Ventilator, m, 1)
		wantProgress(t, func() Progress { return Progress{Queued: p.Sink.Progress().Queued} }, Progress{Queued: 1})
		if m.Delivery == DeliveryAtLeastOnce {
			wantProgress(t, func() Progress { return Progress{Results: w.Progress().Results} }, Progress{Results: 1})
		}
		p.Sink.watch.Check()
		if e := events.wait(t, EventUnclaimed, 1); e.Procedure != "" || e.Count != 1 {
			t.Errorf("the event is %v with %d", e, e.Count)
		}
		ctx, stop := context.WithCancel(testkit.Within(t))
		defer stop()
		for got, err := range Results[number](ctx, p.Sink, m) {
			if err != nil || got.GetValue() != 1 {
				t.Errorf("got %v, %v", got, err)
			}
			stop()
		}
		wantProgress(t, func() Progress { return Progress{Queued: p.Sink.Progress().Queued, Results: w.Progress().Results} }, Progress{})
	})
}

// A worker with DeliveryAtMostOnce counts the results that wait for a sink.
func TestWorkerWithoutSink(t *testing.T) {
	v := ventilator(t, Bind("inproc://"+t.Name()))
	w := work(t, squaring(squares), From(Connect(v.Addrs()...)), To(Bind("inproc://"+t.Name()+"/k")), WithDrainTimeout(0))
	if err := v.Push(testkit.Within(t), squareMethod, wrapperspb.Int64(1)); err != nil {
		t.Fatal(err)
	}
	wantProgress(t, func() Progress { return Progress{Results: w.Progress().Results} }, Progress{Results: 1})
}
