package queuetest

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqimpl"
	"github.com/gozmq/gozmq/runtime/gozmqstore"
)

// testPause expects that a method that is paused stays so until it is resumed,
// whichever ventilator has the queue, while others run.
func testPause(k *kit) {
	within := testkit.Within(k)
	k.pause(method.Procedure)
	k.pause(method.Procedure) // which changes nothing
	k.push(within, method, 1)
	for range 2 {
		k.restart()
		k.wantPaused(method.Procedure)
	}
	ran := make(chan int64, 9)
	note := func(_ context.Context, n int64) error { ran <- n; return nil }
	stop := k.work(method, note)
	k.push(within, side, 2)
	stopSide := k.work(side, note)
	if n := testkit.Receive(k, ran, "the task of the other method"); n != 2 {
		k.Errorf("task %d ran", n)
	}
	stopSide()
	k.resume(method.Procedure)
	k.pause(method.Procedure) // in one change, where the store is slow
	k.pause("")
	stop()
	k.restart()
	k.wantPaused("", method.Procedure)
	k.resume("")
	k.restart()
	k.wantPaused()
	stop = k.work(method, note)
	k.wait()
	stop()
	k.restart()
	k.wantPaused()
}

func (k *kit) pause(procedure string) {
	k.Helper()
	if err := k.vent.Pause(testkit.Within(k), procedure); err != nil {
		k.Fatal(err)
	}
}

func (k *kit) resume(procedure string) {
	k.Helper()
	if err := k.vent.Resume(testkit.Within(k), procedure); err != nil {
		k.Fatal(err)
	}
}

func (k *kit) wantPaused(procedures ...string) {
	k.Helper()
	if got := k.vent.Paused(); !slices.Equal(got, procedures) {
		k.Errorf("paused: %q, want %q", got, procedures)
	}
}

// testCancel cancels a task that runs and one that waits, which no restart brings
// back; their unique keys are free, and a task beside them is done.
func testCancel(k *kit) {
	within := testkit.Within(k)
	begun, causes := make(chan bool, 9), make(chan error, 9)
	hold := func(ctx context.Context, n int64) error {
		if n == 3 {
			return nil
		}
		begun <- true
		<-ctx.Done()
		causes <- context.Cause(ctx)
		return ctx.Err()
	}
	stop := k.work(method, hold)
	k.push(gozmq.PushOptions{UniqueKey: "runs"}.Context(within), method, 1)
	testkit.Receive(k, begun, "the task that runs")
	running := k.await(gozmq.TaskRunning, 1)
	k.push(gozmq.PushOptions{UniqueKey: "waits", NotBefore: time.Now().Add(time.Hour)}.Context(within), method, 2)
	waiting := k.await(gozmq.TaskWaiting, 1)
	for _, task := range append(running, waiting...) {
		if err := k.vent.Cancel(within, task.ID); err != nil {
			k.Error(err)
		}
		if err := k.vent.Cancel(within, task.ID); gozmq.CodeOf(err) != gozmq.CodeNotFound {
			k.Errorf("again: %v", err)
		}
	}
	if cause := testkit.Receive(k, causes, "the end of the context"); gozmq.CodeOf(cause) != gozmq.CodeCanceled {
		k.Errorf("cause %v", cause)
	}
	stop()
	k.restart()
	if list := k.tasks(0); len(list) > 0 {
		k.Errorf("tasks are there again: %+v", list)
	}
	for _, key := range []string{"runs", "waits"} {
		k.push(gozmq.PushOptions{UniqueKey: key}.Context(within), method, 3)
	}
	stop = k.work(method, hold)
	k.wait()
	stop()
	if p := k.vent.Progress(); p.Done != 2 || p.Failed != 0 {
		k.Errorf("progress: %v", p)
	}
}

// testBackoff has a task fail: its method's pauses lie between the attempts, and
// the next ventilator goes on to count.
func testBackoff(k *kit) {
	within := testkit.Within(k)
	const pause = 150 * time.Millisecond
	m := *method
	m.Backoff, m.MaxBackoff, m.BackoffFactor, m.MaxAttempts = pause, pause, 1, 4
	letters := make(chan gozmq.DeadLetter, 1)
	keep := gozmq.WithDeadLetterHandler(func(_ context.Context, d gozmq.DeadLetter) error { letters <- d; return nil })
	k.restart(keep)
	k.check(&m)
	type attempt struct {
		number int
		at     time.Time
	}
	attempts, second := make(chan attempt, 9), make(chan bool)
	fail := func(ctx context.Context, _ int64) error {
		number := gozmq.TaskInfoFromContext(ctx).Attempt
		attempts <- attempt{number, time.Now()}
		if number == 2 {
			<-second
		}
		return errors.New("failed on purpose")
	}
	stop := k.work(&m, fail)
	k.push(within, &m, 1)
	var last time.Time
	for want := 1; want <= 4; want++ {
		if want == 3 { // which is not to begin before the next ventilator is there
			k.pause(m.Procedure)
			close(second)
			k.await(gozmq.TaskWaiting, 1)
			stop()
			k.restart(keep)
			k.check(&m)
			if list := k.tasks(0); len(list) != 1 || list[0].Attempts != 2 || list[0].Reason == nil {
				k.Fatalf("after two attempts: %+v", list)
			}
			stop = k.work(&m, fail)
			k.resume(m.Procedure)
		}
		got := testkit.Receive(k, attempts, "an attempt")
		if got.number != want {
			k.Errorf("attempt %d, want %d", got.number, want)
		}
		if want != 3 && want > 1 && got.at.Sub(last) < pause {
			k.Errorf("attempt %d came after %v, want %v", want, got.at.Sub(last), pause)
		}
		last = got.at
	}
	if d := testkit.Receive(k, letters, "the dead letter"); d.Attempts != 4 {
		k.Errorf("letter after %d attempts", d.Attempts)
	}
	stop()
}

func (k *kit) check(m *gozmq.Method) {
	k.Helper()
	if err := gozmqimpl.CheckVentilator(k.vent, m); err != nil {
		k.Fatal(err)
	}
}

// testLimits expects that limits of a method and of its keys hold for tasks that an
// earlier ventilator has stored.
func testLimits(k *kit) {
	within := testkit.Within(k)
	for n := range int64(8) {
		key := []string{"a", "b"}[n%2]
		k.push(gozmq.PushOptions{Key: key}.Context(within), method, n)
	}
	limit := gozmq.WithTaskLimit(method.Procedure, gozmq.TaskLimit{Running: 3}, gozmq.TaskLimit{Running: 1})
	k.restart(limit)
	var most, all, runs atomic.Int64
	stop := k.work(method, func(_ context.Context, n int64) error {
		k.mu.Lock()
		k.running[n%2]++
		if k.running[n%2] > 1 {
			k.Errorf("%d tasks of a key run", k.running[n%2])
		}
		all.Add(1)
		most.Store(max(most.Load(), all.Load()))
		k.mu.Unlock()
		time.Sleep(20 * time.Millisecond) // time in which others could begin
		k.mu.Lock()
		defer k.mu.Unlock()
		k.running[n%2]--
		all.Add(-1)
		runs.Add(1)
		return nil
	})
	k.wait()
	stop()
	if most.Load() > 2 || runs.Load() != 8 {
		k.Errorf("%d tasks ran, %d at a time", runs.Load(), most.Load())
	}
}

// testRetain expects that a task is kept after it was done, for its time and no
// longer, whichever ventilator has the queue; its unique key is free in the
// meantime.
func testRetain(k *kit) {
	within := testkit.Within(k)
	note := func(ctx context.Context, n int64) error {
		gozmq.TaskInfoFromContext(ctx).ReportProgress(1, "all of it")
		return nil
	}
	hour := gozmq.PushOptions{UniqueKey: "k", Retain: time.Hour}
	k.push(gozmq.AppendMetadata(hour.Context(within), "for", "acme"), method, 1)
	k.push(gozmq.PushOptions{Retain: time.Millisecond}.Context(within), method, 2)
	k.push(within, method, 3)
	stop := k.work(method, note)
	k.wait()
	stop()
	k.await(gozmq.TaskDone, 1)
	var kept gozmq.TaskStatus
	for range 2 {
		list := k.tasks(gozmq.TaskDone)
		if len(list) != 1 {
			k.Fatalf("kept are %+v", list)
		}
		kept = list[0]
		var task number
		if err := kept.Unmarshal(&task); err != nil || task.GetValue() != 1 {
			k.Errorf("the task is %v, %v", &task, err)
		}
		if kept.State != gozmq.TaskDone || kept.Attempts != 1 || kept.Worker == "" || kept.Ended.Before(kept.Enqueued) || time.Since(kept.Ended) > time.Minute ||
			kept.Metadata.Get("for") != "acme" || kept.Progress != 1 || kept.ProgressText != "all of it" {
			k.Errorf("kept is %+v", kept)
		}
		if all := k.tasks(0); len(all) > 0 || k.vent.Progress().Queued > 0 {
			k.Errorf("a task that was done waits: %+v", all)
		}
		k.restart()
	}
	soon := gozmq.PushOptions{UniqueKey: "k", Retain: 300 * time.Millisecond}
	begun := time.Now()
	k.push(soon.Context(within), method, 4) // the key is free
	stop = k.work(method, note)
	k.wait()
	stop()
	list := k.tasks(gozmq.TaskDone)
	if early := time.Since(begun) < soon.Retain; len(list) != 2 && (early || len(list) != 1) {
		k.Errorf("kept are %+v", list)
	}
	k.restart()
	k.await(gozmq.TaskDone, 1)
	if err := k.vent.Discard(within, kept.ID); err != nil {
		k.Error(err)
	}
	k.await(gozmq.TaskDone, 0)
	k.restart()
	if list := k.tasks(gozmq.TaskDone); len(list) > 0 {
		k.Errorf("kept are %+v", list)
	}
	k.wantEmpty()
}

// testResult expects that the result of a task is kept with it, even one without a
// byte, and not one that is too large, whichever ventilator has the queue.
func testResult(k *kit) {
	within := testkit.Within(k)
	results := map[int64]string{1: "a picture", 2: "", 3: strings.Repeat("x", 1<<20), 4: strings.Repeat("x", 1<<20-4)}
	kept := *method
	kept.Retain = time.Hour
	ids := make(map[int64]string)
	for n := range int64(len(results)) {
		var info gozmq.TaskInfo
		k.push(gozmq.StoreInfo(within, &info), &kept, n+1)
		ids[n+1] = info.ID
	}
	var info gozmq.TaskInfo
	k.push(gozmq.StoreInfo(within, &info), method, 1) // which is not kept
	k.wantNoResult(ids[1], gozmq.CodeFailedPrecondition)
	stop := k.workWithSink(method, func(_ context.Context, n int64) (*text, error) { return wrapperspb.String(results[n]), nil })
	k.wait()
	stop()
	for range 2 {
		for _, n := range []int64{1, 2, 4} {
			got, err := gozmqimpl.TaskResult[text](k.vent, method, ids[n])
			if err != nil || got.GetValue() != results[n] {
				k.Errorf("the result of task %d has %d bytes, %v; want %d", n, len(got.GetValue()), err, len(results[n]))
			}
		}
		k.wantNoResult(ids[3], gozmq.CodeNotFound) // 1 MiB, and the field's tag
		k.wantNoResult(info.ID, gozmq.CodeNotFound)
		k.wantNoResult("no task", gozmq.CodeNotFound)
		if _, err := gozmqimpl.TaskResult[text](k.vent, side, ids[1]); gozmq.CodeOf(err) != gozmq.CodeNotFound {
			k.Errorf("the result of a task of another method: %v", err)
		}
		k.restart()
	}
	for _, id := range ids {
		if err := k.vent.Discard(within, id); err != nil {
			k.Error(err)
		}
		k.wantNoResult(id, gozmq.CodeNotFound)
	}
	k.wantEmpty()
}

func (k *kit) wantNoResult(id string, code gozmq.Code) {
	k.Helper()
	if got, err := gozmqimpl.TaskResult[text](k.vent, method, id); gozmq.CodeOf(err) != code {
		k.Errorf("the result of task %x is %v, %v; want %v", id, got, err, code)
	}
}

// wantEmpty expects that the store has no record.
func (k *kit) wantEmpty() {
	k.Helper()
	k.stop()
	s := k.open()
	session, err := s.Acquire(testkit.Within(k), func() {})
	if err != nil {
		k.Fatal(err)
	}
	err = session.Load(testkit.Within(k), func(t gozmqstore.Task) error {
		k.Errorf("the store has %+v", t)
		return nil
	})
	if err := errors.Join(err, session.Release(testkit.Within(k))); err != nil {
		k.Error(err)
	}
	if c, ok := s.(io.Closer); ok {
		_ = c.Close()
	}
}
