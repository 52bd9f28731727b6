package gozmqstoretest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gozmq/gozmq/runtime/gozmqstore"
)

// A kit is what the tests of one queue use.
type kit struct {
	*testing.T
	queue Queue
}

// A held is a store with the session that owns the queue.
type held struct {
	gozmqstore.Session
	store gozmqstore.Store
}

// open opens the queue once more.
func (k *kit) open() gozmqstore.Store {
	k.Helper()
	return k.queue.Open(k)
}

// own opens the queue and owns it, within a time.
func (k *kit) own(within time.Duration) held {
	k.Helper()
	return k.acquire(k.open(), within)
}

func (k *kit) acquire(s gozmqstore.Store, within time.Duration) held {
	k.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	session, err := s.Acquire(ctx, func() {})
	if err != nil {
		k.Fatalf("Acquire: %v", err)
	}
	return held{session, s}
}

// first is own of a queue that nobody owns.
func (k *kit) first() held {
	k.Helper()
	return k.own(k.queue.Patience)
}

// end releases a session and closes its store.
func (k *kit) end(h held) {
	k.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), k.queue.Patience)
	defer cancel()
	if err := h.Release(ctx); err != nil {
		k.Errorf("Release: %v", err)
	}
	k.close(h.store)
}

func (k *kit) close(s gozmqstore.Store) {
	k.Helper()
	if k.queue.Close != nil {
		k.queue.Close(k, s)
	}
}

// again ends a session and begins another one.
func (k *kit) again(h held) held {
	k.Helper()
	k.end(h)
	return k.first()
}

func (k *kit) apply(h held, c *gozmqstore.Change) {
	k.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), k.queue.Patience)
	defer cancel()
	if err := h.Apply(ctx, c); err != nil {
		k.Fatalf("Apply: %v", err)
	}
}

// load returns the records, and the errors of those that are damaged.
func (k *kit) load(h held) (tasks, damaged []gozmqstore.Task) {
	k.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), k.queue.Patience)
	defer cancel()
	err := h.Load(ctx, func(t gozmqstore.Task) error {
		if t.Err != nil {
			damaged = append(damaged, t)
		} else {
			tasks = append(tasks, t)
		}
		return nil
	})
	if err != nil {
		k.Fatalf("Load: %v", err)
	}
	return tasks, damaged
}

// want expects that a queue has these records, in this order.
func (k *kit) want(h held, want []gozmqstore.Task) {
	k.Helper()
	got, damaged := k.load(h)
	for _, t := range damaged {
		k.Errorf("damaged: %v", t.Err)
	}
	if len(got) != len(want) {
		k.Errorf("the queue has %d records, want %d", len(got), len(want))
	}
	for i, task := range want {
		if i == len(got) {
			break
		}
		if diff := difference(&got[i], &task); diff != "" {
			k.Fatalf("record %d: %s", i, diff)
		}
	}
}

// difference says what is different of two records; "": nothing.
func difference(got, want *gozmqstore.Task) string {
	var list []string
	add := func(name string, same bool, got, want any) {
		if !same {
			list = append(list, fmt.Sprintf("%s is %.100q, want %.100q", name, fmt.Sprint(got), fmt.Sprint(want)))
		}
	}
	add("ID", got.ID == want.ID, got.ID, want.ID)
	add("Procedure", got.Procedure == want.Procedure, got.Procedure, want.Procedure)
	add("Body", string(got.Body) == string(want.Body), got.Body, want.Body)
	add("Header", string(got.Header) == string(want.Header), got.Header, want.Header)
	add("Batch", got.Batch == want.Batch, got.Batch, want.Batch)
	add("MaxAttempts", got.MaxAttempts == want.MaxAttempts, got.MaxAttempts, want.MaxAttempts)
	add("Lease", got.Lease == want.Lease, got.Lease, want.Lease)
	add("Priority", got.Priority == want.Priority, got.Priority, want.Priority)
	add("Key", got.Key == want.Key, got.Key, want.Key)
	add("UniqueKey", got.UniqueKey == want.UniqueKey, got.UniqueKey, want.UniqueKey)
	add("UniqueUntil", got.UniqueUntil.Equal(want.UniqueUntil), got.UniqueUntil, want.UniqueUntil)
	add("Retain", got.Retain == want.Retain, got.Retain, want.Retain)
	add("Enqueued", got.Enqueued.Equal(want.Enqueued), got.Enqueued, want.Enqueued)
	add("State", got.State == want.State, got.State, want.State)
	add("Attempts", got.Attempts == want.Attempts, got.Attempts, want.Attempts)
	add("NotBefore", got.NotBefore.Equal(want.NotBefore), got.NotBefore, want.NotBefore)
	add("Expires", got.Expires.Equal(want.Expires), got.Expires, want.Expires)
	add("Ended", got.Ended.Equal(want.Ended), got.Ended, want.Ended)
	add("Code", got.Code == want.Code, got.Code, want.Code)
	add("Reason", got.Reason == want.Reason, got.Reason, want.Reason)
	add("Result", string(got.Result) == string(want.Result), got.Result, want.Result)
	return strings.Join(list, "; ")
}

// base is a time with the resolution of stores.
var base = time.UnixMicro(1_764_288_000_123_456)

// task returns a plain task with the id n.
func task(n int) gozmqstore.Task {
	return gozmqstore.Task{
		ID: fmt.Sprintf("\x00id\xff %d", n), Procedure: "test.Tasks/Run", Body: []byte{byte(n), 0, 0xff}, Enqueued: base.Add(time.Duration(n) * time.Millisecond),
	}
}

// full returns a task with the id n that has every field.
func full(n int) gozmqstore.Task {
	t := task(n)
	t.Header = []byte("\x00header\xff")
	t.Batch = "batch\x00\xff"
	t.MaxAttempts, t.Lease, t.Priority = 7, 90*time.Second+time.Microsecond, -5
	t.Key, t.UniqueKey, t.UniqueUntil = "clé ☃", "unique 'key'", base.Add(time.Hour)
	t.Retain = 36 * time.Hour
	t.Status = fullStatus(gozmqstore.StateDead)
	return t
}

func fullStatus(state gozmqstore.State) gozmqstore.Status {
	return gozmqstore.Status{
		State: state, Attempts: 3, NotBefore: base.Add(2 * time.Hour), Expires: base.Add(3 * time.Hour), Ended: base.Add(time.Minute),
		Code: 13, Reason: "boom: \"quoted\"\nsecond line ☃", Result: []byte{0, 1, 2, 0xff},
	}
}

// tasks returns plain tasks from one number to before another.
func tasks(from, to int) (list []gozmqstore.Task) {
	for n := from; n < to; n++ {
		list = append(list, task(n))
	}
	return list
}
