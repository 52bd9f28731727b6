package gozmq

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// sendResult sends the result n of the task with that id.
func (p *rawPeer) sendResult(id string, n int64) {
	p.t.Helper()
	p.send(string(wire.VerbResult), id, sureMethod.Procedure, encode(p.t, wrapperspb.Int64(n)))
}

// wantFrames receives a message.
func (p *rawPeer) wantFrames(frames ...string) {
	p.t.Helper()
	if got := p.recv(); !slices.Equal(got, frames) {
		p.t.Fatalf("got %q, want %q", got, frames)
	}
}

// A result is acknowledged when the loop's body has come to its end, and not
// when the loop is left.
func TestSureAcknowledgedAfterBody(t *testing.T) {
	k := sink(t, DeliveryAtLeastOnce, Bind("tcp://127.0.0.1:*"))
	raw := dialRaw(t, k.Addrs()[0], zmtp.Dealer)
	for n := range int64(4) {
		raw.sendResult(taskID(int(n)), n)
	}
	want := int64(0)
	take := func(ctx context.Context, leave func(n int64) bool) {
		t.Helper()
		for m, err := range Results[number](ctx, k, sureMethod) {
			if err != nil || m.GetValue() != want {
				t.Fatalf("got %v, %v, want %d", m, err, want)
			}
			if leave(m.GetValue()) {
				break
			}
			want++
		}
	}
	take(testkit.Within(t), func(n int64) bool { return n == 1 })
	raw.wantFrames(string(wire.VerbAck), taskID(0))
	func() {
		defer func() { _ = recover() }()
		take(testkit.Within(t), func(n int64) bool {
			if n == 2 {
				panic("the program fails")
			}
			return false
		})
	}()
	raw.wantFrames(string(wire.VerbAck), taskID(1))
	ctx, stop := context.WithCancel(testkit.Within(t))
	defer stop()
	take(ctx, func(n int64) bool {
		if n == 3 {
			stop()
		}
		return false
	})
	raw.wantFrames(string(wire.VerbAck), taskID(2))
	raw.wantFrames(string(wire.VerbAck), taskID(3))
	wantProgress(t, k.Progress, Progress{Done: 4})
}

// A result that comes again is acknowledged, and does not reach the program: be
// the first one waiting, with the program, or dealt with; and on another
// connection.
func TestSureDuplicates(t *testing.T) {
	k := sink(t, DeliveryAtLeastOnce, Bind("tcp://127.0.0.1:*"), WithDuplicateWindow(2, 0))
	raw, other := dialRaw(t, k.Addrs()[0], zmtp.Dealer), dialRaw(t, k.Addrs()[0], zmtp.Dealer)
	got, goOn := make(chan int64, 10), make(chan struct{})
	follow(t, func(ctx context.Context) seq[*number] {
		return func(yield func(*number, error) bool) {
			for m, err := range Results[number](ctx, k, sureMethod) {
				if err != nil {
					t.Error(err)
				}
				got <- m.GetValue()
				<-goOn
			}
		}
	})
	raw.sendResult("a", 1)
	if n := testkit.Receive(t, got, "the result"); n != 1 {
		t.Errorf("got %d", n)
	}
	raw.sendResult("a", 1)
	other.sendResult("a", 1)
	wantProgress(t, k.Progress, Progress{InFlight: 1, Redelivered: 2})
	close(goOn)
	raw.wantFrames(string(wire.VerbAck), "a")
	raw.wantFrames(string(wire.VerbAck), "a")
	other.wantFrames(string(wire.VerbAck), "a")
	other.sendResult("a", 1)
	other.wantFrames(string(wire.VerbAck), "a")
	for i, id := range []string{"b", "c"} { // and "a" is forgotten
		raw.sendResult(id, int64(i+2))
		raw.wantFrames(string(wire.VerbAck), id)
	}
	raw.sendResult("a", 4)
	raw.wantFrames(string(wire.VerbAck), "a")
	for want := range int64(3) {
		if n := testkit.Receive(t, got, "the result"); n != want+2 {
			t.Errorf("got %d, want %d", n, want+2)
		}
	}
	wantProgress(t, k.Progress, Progress{Done: 4, Redelivered: 3})
}

// What makes no sense is reported; the results behind it come.
func TestSureSinkBadInput(t *testing.T) {
	events := newRecorder()
	k := sink(t, DeliveryAtLeastOnce, Bind("tcp://127.0.0.1:*"), events.option())
	raw := dialRaw(t, k.Addrs()[0], zmtp.Dealer)
	body := encode(t, wrapperspb.Int64(1))
	inputs := [][]string{
		{""}, {string(wire.VerbResult)}, {string(wire.VerbResult), "id", sureMethod.Procedure}, {"NONSENSE", "id", sureMethod.Procedure, body},
		{string(wire.VerbResult), "", sureMethod.Procedure, body}, {string(wire.VerbResult), string(make([]byte, 256)), sureMethod.Procedure, body},
		{string(wire.VerbResult), "nothing", "", ""}, {string(wire.VerbResult), "no batch", "", "", "\xff\xff"},
	}
	for _, in := range inputs {
		raw.send(in...)
	}
	raw.wantFrames(string(wire.VerbAck), "nothing")
	raw.wantFrames(string(wire.VerbAck), "no batch")
	events.wait(t, EventMalformed, len(inputs))
	raw.send(string(wire.VerbResult), "bad", sureMethod.Procedure, "\xff")
	raw.send(string(wire.VerbResult), "good", sureMethod.Procedure, body, "\xff\xff")
	ctx, stop := context.WithCancel(testkit.Within(t))
	defer stop()
	var list []string
	for m, err := range Results[number](ctx, k, sureMethod) {
		list = append(list, fmt.Sprint(m.GetValue(), CodeOf(err)))
		if len(list) == 2 {
			stop()
		}
	}
	if want := []string{"0 data_loss", "1 ok"}; !slices.Equal(list, want) {
		t.Errorf("got %q, want %q", list, want)
	}
	raw.wantFrames(string(wire.VerbAck), "bad")
	raw.wantFrames(string(wire.VerbAck), "good")
	raw.send(string(wire.VerbResult), "unclaimed", "test.Sure/Other", body)
	if e := events.wait(t, EventUnclaimed, 1); e.Procedure != "test.Sure/Other" {
		t.Errorf("the event is %+v", e)
	}
}

// What makes no sense to a worker is reported; tasks behind it are done.
func TestSureWorkerBadInput(t *testing.T) {
	events := newRecorder()
	tasksAt, acceptTasks := listenRaw(t, zmtp.Router)
	resultsAt, acceptResults := listenRaw(t, zmtp.Router)
	release := make(chan struct{}, 2)
	failed, report := failures()
	work(t, surely(func(ctx context.Context, task *number) (*number, error) {
		<-release
		return squares(ctx, task)
	}), From(Connect(tasksAt)), To(Connect(resultsAt)), WithPrefetch(1), events.option(), report)
	results := acceptResults()
	vent := acceptTasks()
	vent.wantFrames(string(wire.VerbCredit), "2")
	one, two := encode(t, wrapperspb.Int64(1)), encode(t, wrapperspb.Int64(2))
	bad := [][]string{{""}, {string(wire.VerbTask)}, {string(wire.VerbTask), "id"}, {"NONSENSE", "x"}, {string(wire.VerbTask), "", sureMethod.Procedure, one}}
	for _, in := range bad {
		vent.send(in...)
	}
	events.wait(t, EventMalformed, len(bad))
	vent.send(string(wire.VerbTask), "a", sureMethod.Procedure, one, "\xff\xff")
	vent.send(string(wire.VerbTask), "a", sureMethod.Procedure, one) // it has it already
	vent.send(string(wire.VerbTask), "b", sureMethod.Procedure, two)
	vent.send(string(wire.VerbTask), "c", sureMethod.Procedure, two)
	for range 2 { // in either order
		if got := vent.recv(); got[0]+got[1] != string(wire.VerbReturn)+"c" && got[0]+got[1] != string(wire.VerbExtend)+"a" {
			t.Fatalf("got %q", got)
		}
	}
	events.wait(t, EventMalformed, len(bad)+1)

	results.send(string(wire.VerbAck), "a")
	results.send("NONSENSE", "a")
	results.send(string(wire.VerbAck))
	events.wait(t, EventMalformed, len(bad)+4)
	for i, id := range []string{"a", "b"} {
		release <- struct{}{}
		if id == "a" { // which is over, so that the next one begins
			vent.wantBegun("b")
		}
		got := results.recv()
		if len(got) != 5 || got[1] != id || got[3] != encode(t, wrapperspb.Int64(int64((i+1)*(i+1)))) {
			t.Fatalf("result %q", got)
		}
		results.send(string(wire.VerbAck), id)
		vent.wantFrames(string(wire.VerbDone), id)
	}
	vent.send(string(wire.VerbTask), "b", sureMethod.Procedure, two) // it has done it
	vent.wantFrames(string(wire.VerbDone), "b")
	vent.send(string(wire.VerbTask), "d", sureMethod.Procedure, "\xff")
	if got := vent.recvEnd("d"); got[0] != string(wire.VerbReject) || got[1] != "d" || parseStatus([]byte(got[2])).Code != CodeInvalidArgument {
		t.Errorf("an undecodable task: %q", got)
	}
	vent.send(string(wire.VerbTask), "e", "test.Sure/Unknown", two)
	if got := vent.recvEnd("e"); got[0] != string(wire.VerbFail) || got[1] != "e" || parseStatus([]byte(got[2])).Code != CodeUnimplemented {
		t.Errorf("an unknown task: %q", got)
	}
	events.wait(t, EventMalformed, len(bad)+6)
	if len(failed) > 0 {
		t.Error("a handler is said to have failed")
	}
}

// A connection that is lost while a task runs costs nothing: when the task
// comes back, its end is told on the new connection.
func TestSureTaskComesBack(t *testing.T) {
	endpoint, accept := listenRaw(t, zmtp.Router)
	started, release := make(chan *TaskInfo, 10), make(chan struct{})
	work(t, []TaskHandler{HandleTaskOnly(sureLog, func(ctx context.Context, _ *bytez) error {
		started <- TaskInfoFromContext(ctx)
		<-release
		return nil
	})}, From(Connect(endpoint)), fast())
	first := accept()
	first.wantFrames(string(wire.VerbCredit), "2")
	first.send(string(wire.VerbTask), "a", sureLog.Procedure, "", string(wire.AppendTaskHeader(nil, testHeader(3, 0))))
	if info := testkit.Receive(t, started, "the task"); info.ID != "a" || info.Attempt != 3 || info.Method != sureLog || info.Batch != "" {
		t.Errorf("the handler sees %+v", info)
	}
	first.Conn.Close()
	second := accept()
	second.wantFrames(string(wire.VerbCredit), "2")
	second.send(string(wire.VerbTask), "a", sureLog.Procedure, "", string(wire.AppendTaskHeader(nil, testHeader(4, 0))))
	second.send(string(wire.VerbTask), "x", "test.Sure/Unknown", "") // an answer tells that the one before was read
	second.send(string(wire.VerbTask), "y", sureLog.Procedure, "")
	second.wantFrames(string(wire.VerbExtend), "a", "3") // the attempt that still runs
	second.wantFrames(string(wire.VerbReturn), "y")
	close(release)
	second.wantFrames(string(wire.VerbDone), "a")
	if got := second.recvEnd("x"); got[0] != string(wire.VerbFail) || got[1] != "x" {
		t.Errorf("got %q", got)
	}
	if len(started) > 0 {
		t.Error("the task was begun again")
	}
}

// Pullers of a message that is a task: a task is done when the body of the loop
// is.
func TestSurePuller(t *testing.T) {
	method := &Method{Procedure: "test.Number", Delivery: DeliveryAtLeastOnce}
	overEach(t, func(t *testing.T, s site) {
		v := ventilator(t, DeliveryAtLeastOnce, Bind(s.endpoint))
		k, err := NewPuller(DeliveryAtLeastOnce, Connect(v.Addrs()...))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { k.Close() })
		pushNumbers(t, v, method, 100)
		for m := range Results[number](testkit.Within(t), k, method) {
			if m.GetValue() == 50 {
				break
			}
		}
		wantProgress(t, func() Progress { p := v.Progress(); return Progress{Done: p.Done} }, Progress{Done: 49})
		ctx, stop := context.WithCancel(testkit.Within(t))
		defer stop()
		seen := make(map[int64]bool)
		for m := range Results[number](ctx, k, method) {
			if seen[m.GetValue()] = true; len(seen) == 51 {
				stop()
			}
		}
		waitDone(t, v)
		if !seen[50] {
			t.Error("the task that was given back is lost")
		}
		wantProgress(t, func() Progress { p := v.Progress(); return Progress{Done: p.Done} }, Progress{Done: 100})
	})
}

// Stopping a worker: what runs is done, what waits goes back.
func TestSureStopWorkers(t *testing.T) {
	p := site{endpoint: "tcp://127.0.0.1:*"}.surePipeline(t, nil, nil)
	started, release := make(chan struct{}, 10), make(chan struct{})
	ended := make(chan error, 1)
	go func() {
		ended <- RunWorker(context.Background(), "test.Sure", func() []TaskHandler {
			return surely(func(ctx context.Context, task *number) (*number, error) {
				started <- struct{}{}
				<-release
				return squares(ctx, task)
			})
		}, p.from, p.to, WithPrefetch(2))
	}()
	p.pushSure(t, sureMethod, 10)
	testkit.Receive(t, started, "the first task")
	wantProgress(t, p.Ventilator.Progress, Progress{Queued: 7, InFlight: 3})
	if err := p.StopWorkers(testkit.Within(t)); err != nil {
		t.Fatal(err)
	}
	wantProgress(t, p.Ventilator.Progress, Progress{Queued: 9, InFlight: 1})
	close(release)
	go func() {
		work(t, surely(squares), p.from, p.to)
	}()
	p.wantSureSquares(t, 10)
	waitDone(t, p.Ventilator)
	if err := testkit.Receive(t, ended, "the end of RunWorker"); err != nil {
		t.Error(err)
	}
	wantProgress(t, p.Ventilator.Progress, Progress{Done: 10})
}

// Close without a store tells what was left.
func TestSureCloseTellsWhatIsLeft(t *testing.T) {
	v, err := NewVentilator(DeliveryAtLeastOnce, Bind("inproc://"+t.Name()), WithLinger(10*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	pushNumbers(t, v, sureMethod, 3)
	wantText(t, v.Close(), "tasks not done: 3")
	wantCode(t, v.Push(testkit.Within(t), sureMethod, wrapperspb.Int64(1)), CodeCanceled, "closed")
	wantCode(t, v.Wait(testkit.Within(t)), CodeCanceled, "closed")
	if err := v.Close(); err != nil {
		t.Errorf("Close again: %v", err)
	}
	if errors.Is(Permanent(nil), context.Canceled) || Permanent(nil) != nil {
		t.Error("Permanent(nil) is an error")
	}
}

func taskID(n int) string { return fmt.Sprintf("id-%d", n) }

// Waiting in vain tells what is left and why no worker is there.
func TestSureWaitTellsWhy(t *testing.T) {
	events := newRecorder()
	v, err := NewVentilator(DeliveryAtLeastOnce, Connect(closedPort(t)), events.option(), WithLinger(0))
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	pushNumbers(t, v, sureMethod, 2)
	events.wait(t, EventDialFailed, 1)
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	wantCode(t, v.Wait(ended), CodeCanceled, "tasks not done: 2, workers connected: 0 (last attempt: ", "refused")
	wantCode(t, v.WaitForWorkers(ended, 3), CodeCanceled, "0 of 3 workers are connected (last attempt: ", "refused")
}

// So does waiting for a worker that takes the connection and says nothing.
func TestSureWaitNamesWhoIsSilent(t *testing.T) {
	silent := zmtptest.Listen(t)
	v, err := NewVentilator(DeliveryAtLeastOnce, Connect(silent.Endpoint.String()), WithLinger(0))
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	pushNumbers(t, v, sureMethod, 2)
	silent.Next()
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	want := "(" + silent.Endpoint.String() + " has not answered yet)"
	wantCode(t, v.Wait(ended), CodeCanceled, "tasks not done: 2, workers connected: 0 "+want)
	wantCode(t, v.WaitForWorkers(ended, 3), CodeCanceled, "0 of 3 workers are connected "+want)
}
