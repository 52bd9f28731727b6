package gozmq

import (
	"context"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// Who can connect to a worker's endpoint cannot end the worker, unless it says
// so.
func TestStrangerCannotStopWorker(t *testing.T) {
	for _, d := range []Delivery{DeliveryAtMostOnce, DeliveryAtLeastOnce} {
		for _, allowed := range []bool{false, true} {
			t.Run(d.String()+map[bool]string{true: ", allowed"}[allowed], func(t *testing.T) {
				m := &Method{Procedure: "test.Tasks/Log", Delivery: d}
				events := newRecorder()
				w := work(t, []TaskHandler{HandleTaskOnly(m, func(context.Context, *number) error { return nil })},
					From(Bind("tcp://127.0.0.1:*")), WithRemoteStop(allowed), events.option())
				if d == DeliveryAtMostOnce {
					stop := wire.AppendTaskHeader(nil, wire.TaskHeader{Stop: true})
					dialRaw(t, w.Addrs()[0], zmtp.Push).send("", "", string(stop))
				} else {
					dialRaw(t, w.Addrs()[0], zmtp.Router).send(string(wire.VerbStop))
				}
				if allowed {
					if err := testkit.Receive(t, w.done, "the end of Run"); err != nil {
						t.Error(err)
					}
					w.done <- nil
					return
				}
				if e := events.wait(t, EventMalformed, 1); e.Err == nil {
					t.Errorf("the event is %+v", e)
				}
				select {
				case err := <-w.done:
					t.Fatalf("Run has returned %v because a stranger said so", err)
				default:
				}
			})
		}
	}
}

// The id of one task says nothing of another's, so that only a worker that was
// given a task can send its result.
func TestSureIDsCannotBeGuessed(t *testing.T) {
	v := ventilator(t, DeliveryAtLeastOnce, Bind("tcp://127.0.0.1:*"))
	pushNumbers(t, v, sureMethod, 2)
	raw := rawWorker(t, v, 2)
	a, _ := raw.wantTask(sureMethod, 1)
	b, _ := raw.wantTask(sureMethod, 2)
	if len(a) != 16 || len(b) != 16 {
		t.Fatalf("ids %x and %x", a, b)
	}
	same := 0
	for i := 4; i < 16; i++ { // behind the task's place in a table
		if a[i] == b[i] {
			same++
		}
	}
	if same > 5 { // 1 of 10^12 pairs of random ids
		t.Errorf("ids %x and %x", a, b)
	}
	raw.send(string(wire.VerbDone), a)
	raw.send(string(wire.VerbDone), b)
	waitDone(t, v)
}

// A worker that extends its lease for ever does not keep a task for ever.
func TestSureHogLosesTask(t *testing.T) {
	const longest = 300 * time.Millisecond
	v := ventilator(t, DeliveryAtLeastOnce, Bind("tcp://127.0.0.1:*"), WithMaxTaskTime(longest))
	hog := rawWorker(t, v, 1)
	pushNumbers(t, v, leased(time.Minute, 5), 1)
	id, _ := hog.wantTask(sureMethod, 1)
	ticker := time.NewTicker(longest / 10)
	defer ticker.Stop()
	taken := make(chan *rawPeer, 1)
	go func() {
		other := rawWorker(t, v, 1)
		if again, _ := other.wantTask(sureMethod, 1); again == id {
			taken <- other
		}
	}()
	for over := false; !over; {
		select {
		case <-ticker.C:
			hog.send(string(wire.VerbExtend), id, "1")
		case other := <-taken:
			other.send(string(wire.VerbDone), id)
			over = true
		}
	}
	waitDone(t, v)
}
