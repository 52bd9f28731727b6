package gozmq

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmqstore"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// openQueue opens a ventilator that has the tasks of a store.
func openQueue(t *testing.T, store gozmqstore.Store, opts ...VentilatorOption) *Ventilator {
	t.Helper()
	v, err := NewVentilator(append([]VentilatorOption{DeliveryAtLeastOnce, Bind("tcp://127.0.0.1:*"), WithTaskStore(store), WithRetryBackoff(0, 0)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	return v
}

func pushWith(t *testing.T, v *Ventilator, o PushOptions, n int64) {
	t.Helper()
	if err := v.Push(o.Context(testkit.Within(t)), sureMethod, wrapperspb.Int64(n)); err != nil {
		t.Fatalf("task %d: %v", n, err)
	}
}

// wantOrder has a worker get tasks in an order, and do them.
func wantOrder(t *testing.T, v *Ventilator, order ...int64) {
	t.Helper()
	raw := rawWorker(t, v, 1)
	for _, n := range order {
		id, _ := raw.wantTask(sureMethod, n)
		raw.send(string(wire.VerbDone), id)
	}
	raw.Conn.Close()
}

// The greatest priority comes first, also after a restart.
func TestPushPriority(t *testing.T) {
	store := new(gozmqstore.Memory)
	v := openQueue(t, store)
	for i, priority := range []int{0, -100, 5, 100, 5} {
		pushWith(t, v, PushOptions{Priority: priority}, int64(i+1))
	}
	wantOrder(t, v, 4)
	wantProgress(t, v.Progress, Progress{Queued: 4, Done: 1})
	if err := v.Close(); err != nil {
		t.Error(err)
	}
	v = openQueue(t, store)
	wantOrder(t, v, 3, 5, 1, 2)
	waitDone(t, v)
}

// A task waits until its time, also after a restart.
func TestPushNotBefore(t *testing.T) {
	store := new(gozmqstore.Memory)
	v := openQueue(t, store)
	pushWith(t, v, PushOptions{NotBefore: time.Now().Add(time.Hour)}, 1)
	pushWith(t, v, PushOptions{}, 2)
	wantOrder(t, v, 2)
	due := time.Now().Add(200 * time.Millisecond)
	pushWith(t, v, PushOptions{NotBefore: due}, 3)
	wantProgress(t, v.Progress, Progress{Queued: 2, Done: 1})
	if err := v.Close(); err != nil {
		t.Error(err)
	}
	v = openQueue(t, store)
	wantOrder(t, v, 3)
	if early := time.Until(due); early > 0 {
		t.Errorf("the task came %v before its time", early)
	}
	wantProgress(t, v.Progress, Progress{Queued: 1, Done: 1})
}

// A task that has waited for too long is a dead letter, also one that has done so
// in the store alone.
func TestPushExpires(t *testing.T) {
	store := new(gozmqstore.Memory)
	letters, option := letters()
	v := openQueue(t, store, option) // it gets the letter only if Close comes late
	expired := pushShort(t, v, 1)
	if err := v.Close(); err != nil {
		t.Error(err)
	}
	<-time.After(time.Until(expired))
	v = openQueue(t, store, option)
	pushShort(t, v, 2)
	for range 2 {
		d := testkit.Receive(t, letters, "a dead letter")
		if d.Attempts != 0 || CodeOf(d.Reason) != CodeDeadlineExceeded {
			t.Errorf("the dead letter is %+v", d)
		}
	}
	waitDone(t, v)
	late := PushOptions{Expires: time.Now()}
	if err := v.Push(late.Context(t.Context()), sureMethod, wrapperspb.Int64(3)); CodeOf(err) != CodeDeadlineExceeded {
		t.Errorf("a task that has expired: %v", err)
	}
}

// pushShort pushes a task that expires soon, and returns when. A task that has
// expired before it is pushed is given more time.
func pushShort(t *testing.T, v *Ventilator, n int64) (expires time.Time) {
	t.Helper()
	for life := 50 * time.Millisecond; ; life *= 2 {
		expires = time.Now().Add(life)
		err := v.Push(PushOptions{Expires: expires}.Context(testkit.Within(t)), sureMethod, wrapperspb.Int64(n))
		if err == nil {
			return expires
		}
		if CodeOf(err) != CodeDeadlineExceeded || life > testkit.Patience() || time.Now().Before(expires) {
			t.Fatalf("task %d, which expires after %v: %v", n, life, err)
		}
	}
}

// A unique key belongs to one task, until that is over or for a time, also after a
// restart; then the store keeps nothing of it.
func TestPushUnique(t *testing.T) {
	store := new(gozmqstore.Memory)
	v := openQueue(t, store)
	taken := func(key string) {
		t.Helper()
		err := v.Push(PushOptions{UniqueKey: key}.Context(testkit.Within(t)), sureMethod, wrapperspb.Int64(9))
		if CodeOf(err) != CodeAlreadyExists || !strings.Contains(err.Error(), key) {
			t.Errorf("a second task with the unique key %s: %v", key, err)
		}
	}
	pushWith(t, v, PushOptions{UniqueKey: "a"}, 1)
	pushWith(t, v, PushOptions{UniqueKey: "b", UniqueFor: time.Hour}, 2)
	taken("a")
	taken("b")
	if err := v.Close(); err != nil {
		t.Error(err)
	}
	v = openQueue(t, store)
	taken("a")
	wantOrder(t, v, 1, 2)
	wantProgress(t, v.Progress, Progress{Done: 2})
	taken("b")
	end := time.Now().Add(500 * time.Millisecond)
	pushWith(t, v, PushOptions{UniqueKey: "c", UniqueFor: 500 * time.Millisecond}, 3)
	pushWith(t, v, PushOptions{UniqueKey: "a"}, 4)
	if err := v.Close(); err != nil {
		t.Error(err)
	}
	v = openQueue(t, store)
	taken("b")
	wantOrder(t, v, 3, 4)
	testkit.Eventually(t, "that the store has the one key that is taken", func() bool { return len(store.Tasks()) == 1 })
	if early := time.Until(end); early > 0 {
		t.Errorf("a key was free %v before its time", early)
	}
	taken("b")
	pushWith(t, v, PushOptions{UniqueKey: "c"}, 5)
	wantOrder(t, v, 5)
	waitDone(t, v)
}

// No more tasks run than the limits of a method and of a key say; the others of the
// key let those of other keys pass.
func TestTaskLimit(t *testing.T) {
	v := openQueue(t, new(gozmqstore.Memory), WithTaskLimit(sureMethod.Procedure, TaskLimit{Running: 2}, TaskLimit{Running: 1}))
	for i, key := range []string{"a", "a", "b", "c"} {
		pushWith(t, v, PushOptions{Key: key}, int64(i+1))
	}
	raw := rawWorker(t, v, 10)
	first, _ := raw.wantTask(sureMethod, 1)
	third, _ := raw.wantTask(sureMethod, 3)
	wantProgress(t, v.Progress, Progress{Queued: 2, InFlight: 2})
	raw.send(string(wire.VerbDone), third)
	fourth, _ := raw.wantTask(sureMethod, 4)
	raw.send(string(wire.VerbDone), first)
	second, _ := raw.wantTask(sureMethod, 2)
	raw.send(string(wire.VerbDone), second)
	raw.send(string(wire.VerbDone), fourth)
	waitDone(t, v)
}

// Tasks begin no faster than the limit of their rate says.
func TestTaskRate(t *testing.T) {
	const every = 50 * time.Millisecond
	v := openQueue(t, new(gozmqstore.Memory), WithTaskLimit(sureMethod.Procedure, TaskLimit{Every: every, Burst: 2}, TaskLimit{}))
	pushNumbers(t, v, sureMethod, 5)
	began := time.Now()
	wantOrder(t, v, 1, 2, 3, 4, 5)
	if took := time.Since(began); took < 3*every-10*time.Millisecond {
		t.Errorf("five tasks took %v, want three times %v", took, every)
	}
	waitDone(t, v)
}

// Each key has a rate of its own: tasks of another key pass those that wait for it.
func TestTaskRateOfKey(t *testing.T) {
	limited := func(every time.Duration, keys ...string) *Ventilator {
		v := openQueue(t, new(gozmqstore.Memory), WithTaskLimit(sureMethod.Procedure, TaskLimit{}, TaskLimit{Every: every}))
		for i, key := range keys {
			pushWith(t, v, PushOptions{Key: key}, int64(i+1))
		}
		return v
	}
	v := limited(time.Hour, "a", "a", "a", "b")
	wantOrder(t, v, 1, 4)
	wantProgress(t, v.Progress, Progress{Queued: 2, Done: 2})

	const every = 100 * time.Millisecond
	v = limited(every, "a", "a", "a")
	began := time.Now()
	wantOrder(t, v, 1, 2, 3)
	if took := time.Since(began); took < 2*every-10*time.Millisecond {
		t.Errorf("three tasks of one key took %v, want twice %v", took, every)
	}
	waitDone(t, v)
}

// While a method is paused none of its tasks is handed out, and others are.
func TestPause(t *testing.T) {
	v := openQueue(t, new(gozmqstore.Memory))
	if err := v.Pause(t.Context(), sureMethod.Procedure); err != nil {
		t.Fatal(err)
	}
	pushNumbers(t, v, sureMethod, 1)
	if err := v.Push(testkit.Within(t), sureLog, wrapperspb.Int64(2)); err != nil {
		t.Fatal(err)
	}
	raw := rawWorker(t, v, 2)
	id, _ := raw.wantTask(sureLog, 2)
	raw.send(string(wire.VerbDone), id)
	wantProgress(t, v.Progress, Progress{Queued: 1, Done: 1})
	if err := v.Resume(t.Context(), sureMethod.Procedure); err != nil {
		t.Fatal(err)
	}
	id, _ = raw.wantTask(sureMethod, 1)
	raw.send(string(wire.VerbDone), id)
	waitDone(t, v)
}

// A ventilator that takes over keeps to the pauses of the one before, and one that
// stands by changes none.
func TestPauseTakeOver(t *testing.T) {
	within := testkit.Within(t)
	store := new(gozmqstore.Memory)
	first := openQueue(t, store)
	if err := first.Pause(within, sureMethod.Procedure); err != nil {
		t.Fatal(err)
	}
	second := openQueue(t, store)
	soon, cancel := context.WithTimeout(within, 20*time.Millisecond)
	defer cancel()
	wantCode(t, second.Pause(soon, ""), CodeDeadlineExceeded, "stands by")
	if got := second.Paused(); len(got) > 0 {
		t.Errorf("the one that stands by says %q", got)
	}
	store.Revoke()
	testkit.Eventually(t, "the second one owns the queue", func() bool { return !second.Progress().Standby })
	if got := second.Paused(); !slices.Equal(got, []string{sureMethod.Procedure}) {
		t.Errorf("the next owner says %q", got)
	}
	testkit.Eventually(t, "the first one stands by", func() bool { return len(first.Paused()) == 0 })
	pushNumbers(t, second, sureMethod, 1)
	raw := rawWorker(t, second, 1)
	wantProgress(t, second.Progress, Progress{Queued: 1})
	if err := second.Resume(within, sureMethod.Procedure); err != nil {
		t.Fatal(err)
	}
	id, _ := raw.wantTask(sureMethod, 1)
	raw.send(string(wire.VerbDone), id)
	waitDone(t, second)
	testkit.Eventually(t, "an empty store", func() bool { return len(store.Tasks()) == 0 })
}

func TestPushOptionsWrong(t *testing.T) {
	v := openQueue(t, new(gozmqstore.Memory))
	for name, o := range map[string]PushOptions{
		"priority": {Priority: 101}, "key": {Key: strings.Repeat("x", 256)},
		"unique key": {UniqueKey: strings.Repeat("x", 256)}, "time without a key": {UniqueFor: time.Second},
		"negative time": {UniqueKey: "a", UniqueFor: -1},
	} {
		if err := v.Push(o.Context(t.Context()), sureMethod, wrapperspb.Int64(1)); CodeOf(err) != CodeInvalidArgument {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := NewVentilator(DeliveryAtLeastOnce, WithTaskLimit("a/B", TaskLimit{Burst: 2}, TaskLimit{})); err == nil {
		t.Error("a burst without a rate was taken")
	}
	if _, err := NewVentilator(WithTaskLimit("a/B", TaskLimit{Running: 2}, TaskLimit{})); err == nil {
		t.Error("a limit of tasks that nobody counts was taken")
	}
	plain, err := NewVentilator(Bind("inproc://" + t.Name()))
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	if err := plain.Pause(t.Context(), "a/B"); CodeOf(err) != CodeFailedPrecondition {
		t.Errorf("Pause without a queue: %v", err)
	}
}
