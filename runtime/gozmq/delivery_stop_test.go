package gozmq

import (
	"context"
	"strconv"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// No task follows STOP, whatever the credit of the worker is; another worker
// gets what is left, and the stopped one counts no more.
func TestSureNoTaskBehindStop(t *testing.T) {
	v := ventilator(t, DeliveryAtLeastOnce, Bind("tcp://127.0.0.1:*"))
	old := rawWorker(t, v, 10)
	pushNumbers(t, v, sureMethod, 2)
	one, _ := old.wantTask(sureMethod, 1)
	two, _ := old.wantTask(sureMethod, 2)
	if err := v.StopWorkers(testkit.Within(t)); err != nil {
		t.Fatal(err)
	}
	old.wantFrames(string(wire.VerbStop))
	short, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	wantCode(t, v.WaitForWorkers(short, 1), CodeDeadlineExceeded, "0 of 1 workers")
	pushNumbers(t, v, sureMethod, 1)
	old.send(string(wire.VerbDone), one)
	old.send(string(wire.VerbCredit), "20") // as one that was on its way
	old.send(string(wire.VerbReturn), two)
	wantProgress(t, func() Progress { p := v.Progress(); return Progress{Queued: p.Queued, Done: p.Done} }, Progress{Queued: 2, Done: 1})
	next := rawWorker(t, v, 2)
	for _, n := range []int64{2, 1} { // what was returned comes first
		id, _ := next.wantTask(sureMethod, n)
		next.send(string(wire.VerbDone), id)
	}
	waitDone(t, v)
	if err := v.StopWorkers(testkit.Within(t)); err != nil {
		t.Fatal(err)
	}
	old.wantFrames(string(wire.VerbStop)) // and no task came in between
	next.wantFrames(string(wire.VerbStop))
}

// A STOP that was not sent when its worker's connection ended ends nobody else.
func TestUnsentStopEndsNobodyElse(t *testing.T) {
	for _, d := range []Delivery{DeliveryAtMostOnce, DeliveryAtLeastOnce} {
		t.Run(d.String(), func(t *testing.T) {
			m := &Method{Procedure: "test.Tasks/Size", Delivery: d}
			v := ventilator(t, d, Bind("tcp://127.0.0.1:*"))
			worker := map[Delivery]zmtp.SocketType{DeliveryAtMostOnce: zmtp.Pull, DeliveryAtLeastOnce: zmtp.Dealer}[d]
			dying := dialRaw(t, v.Addrs()[0], worker)
			if d == DeliveryAtLeastOnce {
				dying.send(string(wire.VerbCredit), "10")
			}
			if err := v.WaitForWorkers(testkit.Within(t), 1); err != nil {
				t.Fatal(err)
			}
			const n, size = 1, 3 << 20 // more than the kernels take
			for range n {
				if err := v.Push(testkit.Within(t), m, wrapperspb.Bytes(make([]byte, size))); err != nil {
					t.Fatal(err)
				}
			}
			if err := v.StopWorkers(testkit.Within(t)); err != nil {
				t.Fatal(err)
			}
			sizes := make(chan string, 10)
			w := work(t, []TaskHandler{HandleTaskOnly(m, func(_ context.Context, task *bytez) error {
				sizes <- strconv.Itoa(len(task.GetValue()))
				return nil
			})}, From(Connect(v.Addrs()...)))
			if err := v.WaitForWorkers(testkit.Within(t), 1); err != nil {
				t.Fatal(err)
			}
			dying.Close()
			for range n {
				testkit.Receive(t, sizes, "a task of the worker that died")
			}
			if err := v.Push(testkit.Within(t), m, wrapperspb.Bytes(nil)); err != nil {
				t.Fatal(err)
			}
			for got := ""; got != "0"; {
				got = testkit.Receive(t, sizes, "the last task")
			}
			if err := v.WaitForWorkers(testkit.Within(t), 1); err != nil {
				t.Error(err)
			}
			select {
			case err := <-w.done:
				t.Errorf("the worker has ended: %v", err)
				w.done <- err
			default:
			}
		})
	}
}
