package gozmq

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmqstore"
)

// A letter that no function wants is kept with its reason, over a restart, until it
// is discarded or pushed again.
func TestDeadLettersKept(t *testing.T) {
	store := new(gozmqstore.Memory)
	within := testkit.Within(t)
	open := func() *Ventilator {
		v, err := NewVentilator(DeliveryAtLeastOnce, Bind("tcp://127.0.0.1:*"), WithTaskStore(store))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { v.Close() })
		return v
	}
	v := open()
	if err := v.Push(AppendMetadata(within, "tenant", "acme"), sureMethod, wrapperspb.Int64(1)); err != nil {
		t.Fatal(err)
	}
	pushNumbers(t, v, sureMethod, 2)
	w := giveUp(t, v, sureMethod)
	waitDone(t, v) // for no letters
	_ = w.stop()
	if err := v.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	v = open()
	wantProgress(t, v.Progress, Progress{})
	letters := slices.Collect(v.DeadLetters())
	if len(letters) != 3 {
		t.Fatalf("%d letters are kept, want 3", len(letters))
	}
	var task number
	first := letters[0]
	if err := first.Unmarshal(&task); err != nil || task.GetValue() != 1 || first.Metadata.Get("tenant") != "acme" || first.Attempts != 1 || time.Since(first.Enqueued) > time.Minute {
		t.Errorf("the first letter is %+v of task %d, %v", first, task.GetValue(), err)
	}
	wantCode(t, first.Reason, CodeUnknown, "no")
	if err := v.Discard(within, letters[1].ID); err != nil {
		t.Error(err)
	}
	wantCode(t, v.Discard(within, letters[1].ID), CodeNotFound, "discard task")
	wantCode(t, v.Redrive(within, letters[1].ID), CodeNotFound)
	if err := v.Redrive(within, first.ID); err != nil {
		t.Fatal(err)
	}
	raw := rawWorker(t, v, 1)
	if id, attempt := raw.wantTask(sureMethod, 1); id == first.ID || attempt != 1 {
		t.Errorf("the task comes as %x, attempt %d", id, attempt)
	}
	raw.Conn.Close()
	if err := v.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	v = open()
	wantProgress(t, v.Progress, Progress{Queued: 1})
	if left := slices.Collect(v.DeadLetters()); len(left) != 1 || left[0].ID != letters[2].ID {
		t.Errorf("left: %+v", left)
	}
}

// A task that waits for its time is run now, also after a restart.
func TestRedriveHurries(t *testing.T) {
	store := new(gozmqstore.Memory)
	v := ventilator(t, DeliveryAtLeastOnce, Bind("tcp://127.0.0.1:*"), WithTaskStore(store))
	within := testkit.Within(t)
	pushWith(t, v, PushOptions{NotBefore: time.Now().Add(time.Hour), Expires: time.Now().Add(2 * time.Hour)}, 1)
	tasks, _, err := v.Tasks(TaskFilter{})
	if err != nil || len(tasks) != 1 || tasks[0].Due.IsZero() {
		t.Fatalf("the tasks are %+v, %v", tasks, err)
	}
	id := tasks[0].ID
	if err := v.Redrive(within, id); err != nil {
		t.Fatal(err)
	}
	wantCode(t, v.Redrive(within, id), CodeFailedPrecondition, "waits for a worker")
	wantProgress(t, v.Progress, Progress{Queued: 1})
	if err := v.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	v = ventilator(t, DeliveryAtLeastOnce, Bind("tcp://127.0.0.1:*"), WithTaskStore(store))
	raw := rawWorker(t, v, 1)
	if got, attempt := raw.wantTask(sureMethod, 1); got != id || attempt != 1 {
		t.Errorf("the task comes as %x, attempt %d", got, attempt)
	}
	wantCode(t, v.Redrive(within, id), CodeFailedPrecondition, "a worker has this task")
	raw.Conn.Close()
	wantProgress(t, v.Progress, Progress{Queued: 1})
}

// A letter that the store does not let go stays.
func TestRedriveFails(t *testing.T) {
	store := new(memoryStore)
	v := ventilator(t, DeliveryAtLeastOnce, Bind("tcp://127.0.0.1:*"), WithTaskStore(store))
	pushNumbers(t, v, sureMethod, 1)
	giveUp(t, v, sureMethod)
	waitDone(t, v)
	store.setFail(errors.New("disk full"))
	letters := slices.Collect(v.DeadLetters())
	wantCode(t, v.Redrive(testkit.Within(t), letters[0].ID), CodeUnavailable, "disk full")
	store.setFail(nil)
	letters = slices.Collect(v.DeadLetters())
	if len(letters) != 1 {
		t.Fatalf("%d letters are there, want 1", len(letters))
	}
	if err := v.Redrive(testkit.Within(t), letters[0].ID); err != nil {
		t.Error(err)
	}
	testkit.Eventually(t, "the letter again", func() bool {
		tasks := store.Tasks()
		return len(tasks) == 1 && tasks[0].State == gozmqstore.StateDead
	})
}

// The letter that a function has can be taken away only while it does not run.
func TestDiscardBusyLetter(t *testing.T) {
	offered, release := make(chan struct{}), make(chan struct{})
	v := ventilator(t, DeliveryAtLeastOnce, Bind("tcp://127.0.0.1:*"), WithRetryBackoff(time.Hour, time.Hour),
		onDeadLetter(sureMethod, func(_ context.Context, _ *number, _ DeadLetter) error {
			offered <- struct{}{}
			<-release
			return errors.New("not now")
		}))
	pushNumbers(t, v, sureMethod, 1)
	giveUp(t, v, sureMethod)
	testkit.Receive(t, offered, "the letter")
	letters := slices.Collect(v.DeadLetters())
	wantCode(t, v.Discard(testkit.Within(t), letters[0].ID), CodeFailedPrecondition, "just now")
	close(release)
	testkit.Eventually(t, "that the letter can be discarded", func() bool { return v.Discard(testkit.Within(t), letters[0].ID) == nil })
	waitDone(t, v)
}

// Tasks are listed by state and in pages, and those that wait can be discarded.
func TestTasks(t *testing.T) {
	store := new(gozmqstore.Memory)
	v := ventilator(t, DeliveryAtLeastOnce, Bind("tcp://127.0.0.1:*"), WithTaskStore(store))
	pushNumbers(t, v, leased(time.Hour, 7), 3)
	b := v.StartBatch("album")
	within := testkit.Within(t)
	if err := v.Push(b.Context(within), sureLog, wrapperspb.Int64(4)); err != nil {
		t.Fatal(err)
	}
	raw := rawWorker(t, v, 1)
	raw.wantTask(sureMethod, 1)
	running, after, err := v.Tasks(TaskFilter{State: TaskRunning})
	if err != nil || after != "" || len(running) != 1 || running[0].State != TaskRunning || running[0].Worker == "" || running[0].MaxAttempts != 7 || running[0].Due.IsZero() {
		t.Fatalf("running: %+v, %q, %v", running, after, err)
	}
	wantCode(t, v.Discard(within, running[0].ID), CodeFailedPrecondition, "a worker has this task")
	var all []TaskStatus
	for after := ""; ; {
		page, next, err := v.Tasks(TaskFilter{Limit: 3, After: after})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, page...)
		if after = next; after == "" {
			break
		}
		if len(page) == 3 { // the task behind which it goes on is gone
			if err := v.Discard(within, page[2].ID); err != nil {
				t.Error(err)
			}
		}
	}
	var last number
	if len(all) != 4 || all[3].Batch != "album" || all[3].Unmarshal(&last) != nil || last.GetValue() != 4 || time.Since(all[3].Enqueued) > time.Hour {
		t.Fatalf("all: %+v", all)
	}
	if some, _, err := v.Tasks(TaskFilter{Procedure: sureLog.Procedure, State: TaskWaiting}); err != nil || len(some) != 1 {
		t.Errorf("of one method: %+v, %v", some, err)
	}
	if err := errors.Join(b.End(within), v.Discard(within, all[3].ID)); err != nil {
		t.Fatal(err)
	}
	wantProgress(t, v.Progress, Progress{Queued: 1, InFlight: 1, Failed: 2})
	for _, f := range []TaskFilter{{Limit: -1}, {Limit: 1001}, {State: 9}, {After: "x"}, {After: "1.zz"}} {
		_, _, err := v.Tasks(f)
		wantCode(t, err, CodeInvalidArgument)
	}
	raw.Conn.Close()
	wantProgress(t, v.Progress, Progress{Queued: 2, Failed: 2})
}

// A ventilator that keeps no tasks says so.
func TestTasksAtMostOnce(t *testing.T) {
	v := ventilator(t, Bind("tcp://127.0.0.1:*"))
	_, _, err := v.Tasks(TaskFilter{})
	wantCode(t, err, CodeFailedPrecondition)
	wantCode(t, v.Redrive(t.Context(), "a"), CodeFailedPrecondition)
	for range v.DeadLetters() {
		t.Error("it has a dead letter")
	}
}
