package gozmq

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmqstore"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// onlyTask returns the only task of a ventilator in a state.
func onlyTask(t *testing.T, v *Ventilator, state TaskState) TaskStatus {
	t.Helper()
	var list []TaskStatus
	testkit.Eventually(t, "a task that is "+state.String(), func() bool {
		list, _, _ = v.Tasks(TaskFilter{State: state})
		return len(list) == 1
	})
	return list[0]
}

// The handler of a task that is canceled ends, which is no failure of the worker;
// its result goes nowhere, and neither a retry nor a restart brings the task back.
func TestCancelRunning(t *testing.T) {
	for name, returns := range map[string]error{"error": errors.New("ended"), "result": nil} {
		t.Run(name, func(t *testing.T) {
			store, events := new(gozmqstore.Memory), newRecorder()
			within := testkit.Within(t)
			v := ventilator(t, DeliveryAtLeastOnce, Bind("tcp://127.0.0.1:*"), WithTaskStore(store), events.option())
			began, causes := make(chan struct{}, 9), make(chan error, 9)
			k := sink(t, DeliveryAtLeastOnce, Bind("tcp://127.0.0.1:*"))
			failed := newRecorder()
			w := work(t, []TaskHandler{HandleTask(sureMethod, func(ctx context.Context, in *number) (*number, error) {
				began <- struct{}{}
				<-ctx.Done()
				causes <- context.Cause(ctx)
				return in, returns
			})}, From(Connect(v.Addrs()...)), To(Connect(k.Addrs()...)), failed.option())
			b := v.StartBatch("album")
			if err := v.Push(b.Context(within), sureMethod, &number{Value: 7}); err != nil {
				t.Fatal(err)
			}
			if err := b.End(within); err != nil {
				t.Fatal(err)
			}
			id := onlyTask(t, v, TaskRunning).ID
			testkit.Receive(t, began, "the begin of the task")
			if err := v.Cancel(within, id); err != nil {
				t.Fatal(err)
			}
			for _, task := range store.Tasks() {
				if task.ID == id {
					t.Errorf("the store has the task: %+v", task)
				}
			}
			cause := testkit.Receive(t, causes, "the end of the handler's context")
			if !errors.As(cause, new(*Error)) {
				t.Errorf("the cause is %T", cause)
			}
			wantCode(t, cause, CodeCanceled, "the task was canceled")
			wantCode(t, v.Cancel(within, id), CodeNotFound, "cancel task")
			if e := events.wait(t, EventTaskDead, 1); CodeOf(e.Err) != CodeCanceled {
				t.Errorf("event: %v", e)
			}
			waitDone(t, v)
			wantProgress(t, v.Progress, Progress{Failed: 1})
			wantProgress(t, w.Progress, Progress{})
			if n := failed.count(EventTaskFailed) + failed.count(EventMalformed) + events.count(EventMalformed); n > 0 {
				t.Errorf("%d failures, or malformed messages, were reported", n)
			}
			if err := v.Close(); err != nil {
				t.Error(err)
			}
			v = ventilator(t, DeliveryAtLeastOnce, Bind("tcp://127.0.0.1:*"), WithTaskStore(store))
			wantProgress(t, v.Progress, Progress{})
		})
	}
}

// A task that waits is canceled, at the ventilator or among those that a worker has
// read ahead, and nobody runs it; its unique key is free.
func TestCancelWaiting(t *testing.T) {
	within := testkit.Within(t)
	v := ventilator(t, DeliveryAtLeastOnce, Bind("tcp://127.0.0.1:*"))
	if err := v.Push(PushOptions{UniqueKey: "k"}.Context(within), sureLog, &number{Value: 1}); err != nil {
		t.Fatal(err)
	}
	if err := v.Cancel(within, onlyTask(t, v, TaskWaiting).ID); err != nil {
		t.Fatal(err)
	}
	if err := v.Push(PushOptions{UniqueKey: "k"}.Context(within), sureLog, &number{Value: 2}); err != nil {
		t.Errorf("the key is not free: %v", err)
	}
	ran, release := make(chan int64, 9), make(chan struct{})
	w := work(t, []TaskHandler{HandleTaskOnly(sureLog, func(_ context.Context, in *number) error {
		ran <- in.GetValue()
		<-release
		return nil
	})}, From(Connect(v.Addrs()...)), WithPrefetch(1))
	if got := testkit.Receive(t, ran, "the first task"); got != 2 {
		t.Errorf("task %d runs, want 2", got)
	}
	first := onlyTask(t, v, TaskRunning).ID
	pushNumbers(t, v, sureLog, 1)
	wantProgress(t, w.Progress, Progress{Queued: 1, InFlight: 1})
	list, _, err := v.Tasks(TaskFilter{})
	if err != nil || len(list) != 2 || list[0].ID != first {
		t.Fatalf("tasks: %+v, %v", list, err)
	}
	if err := v.Cancel(within, list[1].ID); err != nil {
		t.Fatal(err)
	}
	wantProgress(t, w.Progress, Progress{InFlight: 1})
	close(release)
	waitDone(t, v)
	if len(ran) > 0 {
		t.Errorf("task %d ran, although it was canceled", <-ran)
	}
	wantProgress(t, v.Progress, Progress{Done: 1, Failed: 2})
}

// A worker that has not said that it knows CANCEL is not told; what it reports of
// the task is ignored, and its place is taken until then. One that has said so is
// told.
func TestCancelOnWire(t *testing.T) {
	within := testkit.Within(t)
	events := newRecorder()
	v := ventilator(t, DeliveryAtLeastOnce, Bind("tcp://127.0.0.1:*"), events.option())
	raw := rawWorker(t, v, 1)
	pushNumbers(t, v, sureMethod, 2)
	id, _ := raw.wantTask(sureMethod, 1)
	if err := v.Cancel(within, id); err != nil {
		t.Fatal(err)
	}
	for _, verb := range []wire.Verb{wire.VerbExtend, wire.VerbDone} {
		raw.send(string(verb), id)
	}
	id, _ = raw.wantTask(sureMethod, 2) // and no word in between
	raw.send(string(wire.VerbCredit), "1", "cancel")
	raw.send(string(wire.VerbExtend), id, "1")
	raw.send("NONSENSE", id) // says that what comes before was read
	events.wait(t, EventMalformed, 1)
	if err := v.Cancel(within, id); err != nil {
		t.Fatal(err)
	}
	raw.wantFrames(string(wire.VerbCancel), id)
	raw.send(string(wire.VerbFail), id)
	waitDone(t, v)
	wantProgress(t, v.Progress, Progress{Failed: 2})
	if n := events.count(EventMalformed); n != 1 {
		t.Errorf("%d malformed messages, want 1", n)
	}
}

// Of Cancel and the end of a task one wins, and Cancel says which.
func TestCancelRace(t *testing.T) {
	within := testkit.Within(t)
	v := ventilator(t, DeliveryAtLeastOnce, Bind("inproc://"+t.Name()))
	work(t, []TaskHandler{HandleTaskOnly(sureLog, func(context.Context, *number) error {
		time.Sleep(10 * time.Microsecond)
		return nil
	})}, From(Connect(v.Addrs()...)))
	canceled := uint64(0)
	const tasks = 300
	for range tasks {
		pushNumbers(t, v, sureLog, 1)
		list, _, _ := v.Tasks(TaskFilter{})
		for _, task := range list {
			switch err := v.Cancel(within, task.ID); CodeOf(err) {
			case 0:
				canceled++
			case CodeNotFound:
			default:
				t.Fatal(err)
			}
		}
	}
	waitDone(t, v)
	wantProgress(t, v.Progress, Progress{Done: tasks - canceled, Failed: canceled})
}

// A worker that had lost its connection when its task was canceled is told when it
// is back. What it says of the task then is no malformed message.
func TestCancelWhileAway(t *testing.T) {
	within := testkit.Within(t)
	events := newRecorder()
	v := ventilator(t, DeliveryAtLeastOnce, Bind("tcp://127.0.0.1:*"), events.option())
	begun, causes := make(chan bool, 1), make(chan error, 1)
	w := work(t, []TaskHandler{HandleTaskOnly(sureLog, func(ctx context.Context, _ *number) error {
		begun <- true
		<-ctx.Done()
		causes <- context.Cause(ctx)
		return nil
	})}, From(Connect(v.Addrs()...)), WithReconnectBackoff(500*time.Millisecond, 500*time.Millisecond))
	pushNumbers(t, v, sureLog, 1)
	testkit.Receive(t, begun, "the task")
	id := onlyTask(t, v, TaskRunning).ID
	v.Disconnect(func(*Peer) bool { return true })
	testkit.Eventually(t, "that the worker is away, or was so already", func() bool {
		list, _, _ := v.Tasks(TaskFilter{State: TaskRunning})
		return len(list) == 0 || events.count(EventConnected) > 1
	})
	if err := v.Cancel(within, id); err != nil {
		t.Fatal(err)
	}
	wantCode(t, testkit.Receive(t, causes, "the end of the handler's context"), CodeCanceled, "the task was canceled")
	wantProgress(t, w.Progress, Progress{})
	pushNumbers(t, v, sureLog, 1) // and it goes on with others
	testkit.Receive(t, begun, "the next task")
	if err := v.Cancel(within, onlyTask(t, v, TaskRunning).ID); err != nil {
		t.Fatal(err)
	}
	waitDone(t, v)
	if n := events.count(EventMalformed); n > 0 {
		t.Errorf("%d malformed messages", n)
	}
}

// A ventilator that has taken over cancels a task that runs since the time of the
// last one, and no restart brings it back.
func TestCancelAfterTakeover(t *testing.T) {
	standbySites(t, func(s *standbySite) {
		t, within := s.t, testkit.Within(s.t)
		causes := make(chan error, 1)
		s.report = func(i *TaskInfo) {
			<-i.Context().Done()
			causes <- context.Cause(i.Context())
		}
		close(s.hold)
		s.push(within, s.vents[0], 100)
		testkit.Eventually(t, "that the task runs", func() bool { return s.busy.Load() == 1 })
		s.store.Revoke()
		s.events[1].wait(t, EventOwner, 1)
		id := onlyTask(t, s.vents[1], TaskRunning).ID
		if err := s.vents[1].Cancel(within, id); err != nil {
			t.Fatal(err)
		}
		wantCode(t, testkit.Receive(t, causes, "the end of the handler's context"), CodeCanceled)
		waitDone(t, s.vents[1])
		if _, err := s.vents[1].Task(id); CodeOf(err) != CodeNotFound || len(s.store.Tasks()) != 0 {
			t.Errorf("the task is there: %v; the store has %d", err, len(s.store.Tasks()))
		}
		if _, err := s.vents[0].Task(id); CodeOf(err) != CodeUnavailable {
			t.Errorf("the ventilator that stands by: %v", err)
		}
		s.wantRuns(1)
	})
}
