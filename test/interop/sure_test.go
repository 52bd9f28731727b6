package interop

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/gozmq/gozmq/example/gen/image/v1/imagev1gozmq"
	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/test/internal/rawzmtp"
	interopv1 "github.com/gozmq/gozmq/test/interop/gen/interop/v1"
	"github.com/gozmq/gozmq/test/interop/gen/interop/v1/interopv1gozmq"
)

// printPictures runs a worker of Prints until the test ends.
func printPictures(t *testing.T, opts ...gozmq.WorkerOption) (ended <-chan error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- imagev1gozmq.RunPrintsWorker(ctx, printer{}, opts...) }()
	t.Cleanup(cancel)
	return done
}

// TestPythonHandsOutToSureWorker: a libzmq ROUTER hands out tasks. A worker that
// takes one and is gone, which it cannot see, costs nothing but the lease.
func TestPythonHandsOutToSureWorker(t *testing.T) {
	leakChecked(t)
	python(t)
	results, sinkAt := newPrintsSink(t, gozmq.Bind(anyPort))
	vent, at := startPeer(t, "sureventilator.py", "bind", anyPort, "a.png", "b.png", "c.png")
	gone := dialRaw(t, at[0], "DEALER", 1)
	gone.send(rawzmtp.Message([]byte("CREDIT"), []byte("2")))
	for range 2 {
		if m := gone.readMessage(); string(m[0]) != "TASK" {
			t.Fatalf("got %q", m)
		}
	}
	gone.conn.Close()
	ended := printPictures(t, gozmq.From(gozmq.Connect(at[0])), gozmq.To(gozmq.Connect(sinkAt[0])))
	for range 3 {
		vent.expect("done")
	}
	got := map[string]bool{}
	for range 3 {
		got[get(t, results).GetName()] = true
	}
	if len(got) != 3 {
		t.Errorf("got %v", got)
	}
	vent.wait()
	if err := get(t, ended); err != nil { // STOP has reached it
		t.Error(err)
	}
}

// TestPythonSink: a libzmq ROUTER takes results of our worker, and is told that
// the batch is complete.
func TestPythonSink(t *testing.T) {
	leakChecked(t)
	python(t)
	vent := newPrintsVentilator(t, gozmq.Bind(anyPort))
	sink, at := startPeer(t, "suresink.py", "bind", anyPort)
	printPictures(t, gozmq.From(gozmq.Connect(vent.Addrs()[0])), gozmq.To(gozmq.Connect(at[0])), gozmq.WithConcurrency(1))
	printAll(t, vent, "a.png", "b.png")
	sink.expect("result a.png gozmq a small picture")
	sink.expect("result b.png gozmq a small picture")
	if err := vent.Wait(testkit.Within(t)); err != nil {
		t.Error(err)
	}
}

// TestPythonSurePipeline has Python on all three places, and a worker that is
// killed.
func TestPythonSurePipeline(t *testing.T) {
	python(t)
	sink, sinkAt := startPeer(t, "suresink.py", "bind", anyPort)
	args := []string{"bind", anyPort}
	const tasks = 8
	for i := range tasks {
		args = append(args, fmt.Sprintf("%d.png", i))
	}
	vent, at := startPeer(t, "sureventilator.py", args...)
	first, _ := startPeer(t, "sureworker.py", "connect", at[0], "connect", sinkAt[0])
	sink.expect("result")
	first.kill()
	second, _ := startPeer(t, "sureworker.py", "connect", at[0], "connect", sinkAt[0])
	for range tasks {
		vent.expect("done")
	}
	for range tasks - 1 {
		sink.expect("result")
	}
	vent.wait()
	second.expect("stopped")
	second.wait()
}

// errands is a ventilator of Errands.
type errands struct {
	*gozmq.Ventilator
	view interopv1gozmq.ErrandsVentilator
}

// An errand is a worker of Errands, played by hand.
type errand struct {
	*rawPeer
	t *testing.T
}

func newErrand(t *testing.T, vent errands, credit string) errand {
	t.Helper()
	e := errand{dialRaw(t, vent.Addrs()[0], "DEALER", 1), t}
	e.say("CREDIT", []byte(credit))
	return e
}

func (e errand) say(verb string, frames ...[]byte) {
	e.t.Helper()
	e.send(rawzmtp.Message(append([][]byte{[]byte(verb)}, frames...)...))
}

// task receives a task and returns its id.
func (e errand) task() []byte {
	e.t.Helper()
	m := e.readMessage()
	if len(m) < 4 || string(m[0]) != "TASK" {
		e.t.Fatalf("got %q, want a task", m)
	}
	return m[1]
}

func newErrands(t *testing.T) (vent errands, run func(name string), malformed <-chan error) {
	t.Helper()
	leakChecked(t)
	bad := make(chan error, 16)
	socket := openVentilator(t, gozmq.Bind(anyPort), gozmq.DeliveryAtLeastOnce, gozmq.WithEventHandler(func(e gozmq.Event) {
		if e.Kind == gozmq.EventMalformed {
			bad <- e.Err
		}
	}))
	vent = errands{socket, view(t, socket, interopv1gozmq.NewErrandsVentilator)}
	return vent, func(name string) {
		t.Helper()
		if err := vent.view.Go(testkit.Within(t), &interopv1.Text{Text: name}); err != nil {
			t.Fatal(err)
		}
	}, bad
}

// errandsLease is the lease of a task of Errands.
const errandsLease = time.Second

// TestAfterTheLease: of a task that has passed on, FAIL, REJECT and RETURN free
// a place and change nothing else, and EXTEND does nothing.
func TestAfterTheLease(t *testing.T) {
	for _, verb := range []string{"FAIL", "REJECT", "RETURN"} {
		t.Run(verb, func(t *testing.T) {
			t.Parallel()
			for tries := 1; !saidAfterTheLease(t, verb); tries++ {
				if tries == 10 {
					t.Fatal("the second lease always ends as well")
				}
			}
		})
	}
}

// saidAfterTheLease returns false when the machine has stalled for so long that the
// task may have passed on again by itself.
func saidAfterTheLease(t *testing.T, verb string) bool {
	t.Helper()
	vent, run, malformed := newErrands(t)
	slow := newErrand(t, vent, "1")
	run("first")
	first := slow.task()
	time.Sleep(errandsLease)
	begin := time.Now() // the second lease ends later than one lease after this
	next := newErrand(t, vent, "1")
	if id := next.task(); string(id) != string(first) {
		t.Fatalf("the task that passed on is %x, was %x", id, first)
	}
	slow.say("EXTEND", first)
	slow.say(verb, first)
	run("second")
	second := slow.task()
	if string(second) == string(first) {
		if took := time.Since(begin); took < errandsLease {
			t.Fatalf("%s gave the task to its worker again, not %v after it had passed on", verb, took)
		}
		slow.say("DONE", first)
		slow.say("DONE", slow.task()) // next has no place
		next.say("DONE", first)
		if err := vent.Wait(testkit.Within(t)); err != nil {
			t.Error(err)
		}
		return false
	}
	next.say("DONE", first)
	slow.say("DONE", second)
	if err := vent.Wait(testkit.Within(t)); err != nil {
		t.Error(err)
	}
	if p := vent.Progress(); p.Done != 2 || p.Failed != 0 {
		t.Errorf("progress: %v", p)
	}
	if len(malformed) > 0 {
		t.Error(<-malformed)
	}
	return true
}

// TestDoneAfterTheLease: DONE ends the task, whoever has it by then.
func TestDoneAfterTheLease(t *testing.T) {
	vent, run, malformed := newErrands(t)
	slow := newErrand(t, vent, "1")
	run("first")
	first := slow.task()
	next := newErrand(t, vent, "1")
	next.task()
	slow.say("DONE", first)
	if err := vent.Wait(testkit.Within(t)); err != nil {
		t.Error(err)
	}
	next.say("DONE", first)
	run("second")
	slow.say("CREDIT", []byte("0"))
	next.say("DONE", next.task())
	if err := vent.Wait(testkit.Within(t)); err != nil {
		t.Error(err)
	}
	if len(malformed) > 0 {
		t.Error(<-malformed)
	}
}

// TestExtendInTime: each EXTEND starts the lease anew, so a task stays with its
// worker for as long as it says so.
// The machine may stall for a whole lease, but not each time.
func TestExtendInTime(t *testing.T) {
	for tries := 1; !extendedInTime(t); tries++ {
		if tries == 5 {
			t.Fatal("a task whose lease was extended passed on")
		}
	}
}

// extendedInTime returns false if the task passed on.
func extendedInTime(t *testing.T) bool {
	t.Helper()
	vent, run, _ := newErrands(t)
	slow := newErrand(t, vent, "1")
	run("first")
	first := slow.task()
	idle := newErrand(t, vent, "1")
	tick := time.NewTicker(errandsLease / 5)
	defer tick.Stop()
	for range 10 { // twice the lease
		<-tick.C
		slow.say("EXTEND", first)
	}
	run("second")
	second := idle.task()
	stayed := string(second) != string(first)
	slow.say("DONE", first)
	if !stayed {
		slow.say("DONE", slow.task()) // idle has no place
	}
	idle.say("DONE", second)
	if err := vent.Wait(testkit.Within(t)); err != nil {
		t.Error(err)
	}
	return stayed
}

// TestReturned: a worker that returns a task says first that it wants no more.
// The task goes to another one, and the attempt does not count.
func TestReturned(t *testing.T) {
	vent, run, _ := newErrands(t)
	leaving := newErrand(t, vent, "1")
	run("first")
	first := leaving.task()
	staying := newErrand(t, vent, "1")
	leaving.say("CREDIT", []byte("0"))
	leaving.say("RETURN", first)
	m := staying.readMessage()
	if string(m[1]) != string(first) || string(m[4][:2]) != "\x08\x01" {
		t.Errorf("got %q, want %x as attempt 1", m, first)
	}
	staying.say("DONE", first)
	if err := vent.Wait(testkit.Within(t)); err != nil {
		t.Error(err)
	}
}

// TestTaskBehindStop: a worker that was stopped returns a task that was on its
// way.
func TestTaskBehindStop(t *testing.T) {
	leakChecked(t)
	tasks, results := listenRaw(t), listenRaw(t)
	ended := printPictures(t, gozmq.From(gozmq.Connect(tasks.endpoint())), gozmq.To(gozmq.Connect(results.endpoint())))
	results.accept("ROUTER", 1)
	vent := tasks.accept("ROUTER", 1)
	if m := vent.readMessage(); string(m[0]) != "CREDIT" {
		t.Fatalf("got %q", m)
	}
	vent.send(rawzmtp.Message([]byte("STOP")))
	wantFrames(t, vent.readMessage(), []byte("CREDIT"), []byte("0"))
	vent.send(rawzmtp.Message([]byte("TASK"), []byte("late"), []byte(printMethod), nil))
	f := vent.nextFrame()
	for ; f.IsCommand(); f = vent.nextFrame() { // PING, which ends what was on its way
		_, data, _ := f.Command()
		vent.send(rawzmtp.Command("PONG", data[2:]))
	}
	wantFrames(t, append([][]byte{f.Content}, vent.readMessage()...), []byte("RETURN"), []byte("late"))
	vent.conn.Close()
	if err := get(t, ended); err != nil {
		t.Error(err)
	}
}
