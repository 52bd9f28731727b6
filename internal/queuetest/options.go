package queuetest

import (
	"context"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqimpl"
)

// testOptions pushes tasks with every option, of which another ventilator has to
// make what they ask for: the order of priorities, not before a time, expiry, and
// unique keys until the end of the task and for a time.
func testOptions(k *kit) {
	within := testkit.Within(k)
	letters := make(chan gozmq.DeadLetter, 9)
	keep := gozmq.WithDeadLetterHandler(func(_ context.Context, d gozmq.DeadLetter) error { letters <- d; return nil })
	due, expires := time.Now().Add(600*time.Millisecond), time.Now().Add(time.Millisecond)
	for n, o := range map[int64]gozmq.PushOptions{
		1: {Priority: -100, UniqueKey: "ends"},
		2: {Priority: 100},
		3: {Priority: 5},
		4: {Priority: 100, NotBefore: due},
		5: {Priority: 100, Expires: expires},
		6: {Priority: 4, UniqueKey: "lasts", UniqueFor: time.Hour},
	} {
		if n != 5 {
			k.push(o.Context(within), method, n)
		} else if err := gozmqimpl.Push(o.Context(within), k.vent, method, wrapperspb.Int64(n)); err != nil && gozmq.CodeOf(err) != gozmq.CodeDeadlineExceeded {
			k.Fatal(err)
		} else if err != nil {
			letters <- gozmq.DeadLetter{Reason: err} // it had expired before its push
		}
	}
	k.restart(keep)
	k.wantTaken("ends", "lasts")
	time.Sleep(time.Until(expires)) // all of the above may take less
	ran := make(chan int64, 9)
	stop := k.workOne(method, func(_ context.Context, n int64) error { ran <- n; return nil })
	var got []int64
	for range 5 {
		n := testkit.Receive(k, ran, "a task")
		if n == 4 && time.Now().Before(due) {
			k.Errorf("a task came %v before its time", time.Until(due))
		}
		got = append(got, n)
	}
	got = slices.DeleteFunc(got, func(n int64) bool { return n == 4 }) // at its time, whatever waits then
	if want := []int64{2, 3, 6, 1}; !slices.Equal(got, want) {
		k.Errorf("the order is %v, want %v", got, want)
	}
	if d := testkit.Receive(k, letters, "the letter of a task that has expired"); gozmq.CodeOf(d.Reason) != gozmq.CodeDeadlineExceeded {
		k.Errorf("the letter is %+v", d)
	}
	k.wait()
	stop()
	k.restart(keep)
	k.wantTaken("lasts")
	k.push(gozmq.PushOptions{UniqueKey: "ends"}.Context(within), method, 7)
}

// wantTaken expects that no other task may have these unique keys.
func (k *kit) wantTaken(keys ...string) {
	k.Helper()
	for _, key := range keys {
		err := gozmqimpl.Push(gozmq.PushOptions{UniqueKey: key}.Context(testkit.Within(k)), k.vent, method, wrapperspb.Int64(0))
		if gozmq.CodeOf(err) != gozmq.CodeAlreadyExists {
			k.Errorf("a second task with the key %s: %v", key, err)
		}
	}
}
