package gozmq

import (
	"context"
	"errors"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// Close ends Run as the end of its context does, and a worker runs once.
func TestWorkerClose(t *testing.T) {
	for _, d := range []Delivery{DeliveryAtMostOnce, DeliveryAtLeastOnce} {
		t.Run(d.String(), func(t *testing.T) {
			method := &Method{Procedure: "test.Tasks/Log", Delivery: d}
			ran := make(chan struct{}, 1)
			w, err := NewWorker("test.Tasks", func() []TaskHandler {
				return []TaskHandler{HandleTaskOnly(method, func(context.Context, *number) error {
					ran <- struct{}{}
					return nil
				})}
			}, From(Bind("tcp://127.0.0.1:*")))
			if err != nil {
				t.Fatal(err)
			}
			v := ventilator(t, d, Connect(w.Addrs()...))
			ended := make(chan error, 1)
			go func() { ended <- w.Run(context.Background()) }()
			pushNumbers(t, v, method, 1)
			testkit.Receive(t, ran, "the task")
			waitDone(t, v)
			if err := errors.Join(w.Close(), testkit.Receive(t, ended, "the end of Run"), w.Close()); err != nil {
				t.Error(err)
			}
			wantCode(t, w.Run(context.Background()), CodeFailedPrecondition, "make another worker")
			if p := w.Progress(); p.Done != 1 {
				t.Errorf("after its end the worker has done %+v", p)
			}
		})
	}
}

// A worker that is closed before it runs lets go of its endpoints, also while a
// ventilator is connected.
func TestWorkerCloseBeforeRun(t *testing.T) {
	endpoint := "inproc://" + t.Name()
	v := ventilator(t, DeliveryAtLeastOnce, Connect(endpoint), WithReconnectBackoff(time.Millisecond, time.Millisecond))
	for i := range uint64(5) {
		w, err := NewWorker("test.Sure", func() []TaskHandler { return surely(squares) }, From(Bind(endpoint)), To(Connect(endpoint+"/sink")))
		if err != nil {
			t.Fatal(err)
		}
		testkit.Eventually(t, "the connection", func() bool { return v.Stats().Dialed == i+1 })
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		wantCode(t, w.Run(context.Background()), CodeFailedPrecondition, "Close was called before")
	}
}

// With DeliveryAtLeastOnce a worker is given no tasks before it runs.
func TestSureWorkerGrantsNoCreditBeforeRun(t *testing.T) {
	vent, accept := listenRaw(t, zmtp.Router)
	w, err := NewWorker("test.Sure", func() []TaskHandler {
		return []TaskHandler{HandleTaskOnly(sureLog, func(context.Context, *number) error { return nil })}
	}, From(Connect(vent)))
	if err != nil {
		t.Fatal(err)
	}
	raw := accept()
	raw.send(string(wire.VerbTask), "early", sureLog.Procedure, encode(t, wrapperspb.Int64(1)))
	raw.wantFrames(string(wire.VerbReturn), "early")
	if tasks, results := w.Stats(); tasks.Dialed != 1 || results.Dialed != 0 {
		t.Errorf("the worker has counted %+v and %+v", tasks, results)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	raw.wantFrames(string(wire.VerbCredit), "2")
	cancel()
	raw.wantWord(string(wire.VerbCredit), "0")
	raw.Conn.Close()
	if err := testkit.Receive(t, ended, "the end of Run"); err != nil {
		t.Error(err)
	}
}

// Results that wait for a sink go out in the order in which their tasks were
// done.
func TestSureResultsKeepTheirOrder(t *testing.T) {
	const n = 20
	endpoint, accept := listenRaw(t, zmtp.Router)
	p := site{endpoint: "inproc://" + t.Name()}.surePipeline(t, nil, nil)
	begun := make(chan int64, n)
	w := work(t, surely(func(ctx context.Context, task *number) (*number, error) {
		begun <- task.GetValue()
		return squares(ctx, task)
	}), p.from, To(Connect(endpoint)), fast(), WithConcurrency(n))
	var want []int64
	for i := range int64(n) {
		if err := p.Push(testkit.Within(t), sureMethod, wrapperspb.Int64(i)); err != nil {
			t.Fatal(err)
		}
		want = append(want, testkit.Receive(t, begun, "a task"))
	}
	first := accept()
	var ids []string
	for range n {
		ids = append(ids, first.recv()[1])
	}
	first.Conn.Close()
	second := accept()
	for i, id := range ids {
		if got := second.recv(); got[1] != id {
			t.Fatalf("result %d of task %d is %x, want %x", i, want[i], got[1], id)
		}
	}
	for _, id := range ids {
		second.send(string(wire.VerbAck), id)
	}
	waitDone(t, p.Ventilator)
	if got := w.Progress().Done; got != n {
		t.Errorf("the worker has done %d tasks", got)
	}
}
