package gozmq

import (
	"context"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/runtime/gozmqstore"
	"github.com/gozmq/gozmq/runtime/internal/bridge"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// limited is sureMethod as an annotation limits it.
func limited(all, perKey TaskLimit) *Method {
	m := *sureMethod
	m.Limit, m.KeyLimit = all, perKey
	return &m
}

func check(t *testing.T, v *Ventilator, m *Method) {
	t.Helper()
	if err := bridge.Open(v).Check(m); err != nil {
		t.Fatal(err)
	}
}

// The limits of a method hold for tasks that were in the store before the method
// was known, and WithTaskLimit replaces them.
func TestMethodLimits(t *testing.T) {
	store := new(gozmqstore.Memory)
	v := openQueue(t, store)
	for i, key := range []string{"a", "a", "b", "b"} {
		pushWith(t, v, PushOptions{Key: key}, int64(i+1))
	}
	if err := v.Close(); err != nil {
		t.Error(err)
	}
	m := limited(TaskLimit{}, TaskLimit{Running: 1})
	v = openQueue(t, store)
	check(t, v, m)
	check(t, v, m) // as another view does
	raw := rawWorker(t, v, 10)
	first, _ := raw.wantTask(sureMethod, 1)
	raw.wantTask(sureMethod, 3)
	wantProgress(t, v.Progress, Progress{Queued: 2, InFlight: 2})
	raw.send(string(wire.VerbDone), first)
	raw.wantTask(sureMethod, 2)
	raw.Conn.Close()
	if err := v.Close(); err != nil {
		t.Error(err)
	}
	v = openQueue(t, store, WithTaskLimit(sureMethod.Procedure, TaskLimit{}, TaskLimit{}))
	check(t, v, m)
	raw = rawWorker(t, v, 10)
	for range 3 {
		raw.recv()
	}
	wantProgress(t, v.Progress, Progress{InFlight: 3})
	raw.Conn.Close()
}

// A task that fails waits as its method says, and others as WithRetryBackoff does.
func TestMethodBackoff(t *testing.T) {
	open := func(backoff time.Duration) (*Ventilator, *rawPeer) {
		m := *sureMethod
		m.Backoff, m.MaxBackoff, m.BackoffFactor = backoff, 2*time.Hour, 2
		v := openQueue(t, new(gozmqstore.Memory))
		check(t, v, &m)
		pushNumbers(t, v, sureMethod, 1)
		return v, rawWorker(t, v, 1)
	}
	v, raw := open(time.Hour)
	pushNumbers(t, v, sureLog, 1)
	id, _ := raw.wantTask(sureMethod, 1)
	failed := time.Now()
	raw.send(string(wire.VerbFail), id)
	id, _ = raw.wantTask(sureLog, 1)
	raw.send(string(wire.VerbFail), id)
	id, _ = raw.wantTask(sureLog, 1)
	raw.send(string(wire.VerbDone), id)
	waiting, _, err := v.Tasks(TaskFilter{State: TaskWaiting})
	if err != nil || len(waiting) != 1 || waiting[0].Procedure != sureMethod.Procedure || waiting[0].Due.Before(failed.Add(time.Hour)) {
		t.Errorf("waiting: %+v, %v", waiting, err)
	}
	raw.Conn.Close()

	v, raw = open(300 * time.Millisecond)
	id, _ = raw.wantTask(sureMethod, 1)
	failed = time.Now()
	raw.send(string(wire.VerbFail), id)
	id, attempt := raw.wantTask(sureMethod, 1)
	if waited := time.Since(failed); waited < 290*time.Millisecond || attempt != 2 {
		t.Errorf("attempt %d came after %v, want 2 after 300ms", attempt, waited)
	}
	raw.send(string(wire.VerbDone), id)
	waitDone(t, v)
}

// A task is kept as long as its method says, or its push.
func TestMethodRetain(t *testing.T) {
	store := new(gozmqstore.Memory)
	v := openQueue(t, store)
	m := *sureMethod
	m.Retain = time.Hour
	own := PushOptions{Retain: time.Minute}.Context(t.Context())
	other := PushOptions{Priority: 1}.Context(t.Context())
	for i, ctx := range []context.Context{t.Context(), own, other} {
		if err := bridge.Open(v).Push(ctx, &m, wrapperspb.Int64(int64(i))); err != nil {
			t.Fatal(err)
		}
	}
	pushNumbers(t, v, sureMethod, 1)
	var got []time.Duration
	for _, task := range store.Tasks() {
		got = append(got, task.Retain)
	}
	if want := []time.Duration{time.Hour, time.Minute, time.Hour, 0}; !slices.Equal(got, want) {
		t.Errorf("kept for %v, want %v", got, want)
	}
}
