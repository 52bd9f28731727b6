package taskqueue

import (
	"errors"
	"testing"
	"time"
)

var start = time.Unix(1000, 0)

func queueOf(l Limits, ids ...ID) *Queue {
	q := NewQueue(l)
	for _, id := range ids {
		q.Add(&Task{ID: id, Lease: time.Minute})
	}
	return q
}

var roomy = Limits{Tasks: 100, Bytes: 1 << 20, Backoff: Backoff{First: time.Second, Limit: 8 * time.Second}}

func join(q *Queue, credit int) *Peer {
	p := q.Join()
	q.Credit(p, credit)
	return p
}

// wantNext hands out one task and checks which it is.
func wantNext(t *testing.T, q *Queue, now time.Time, id ID, p *Peer) {
	t.Helper()
	task, peer := q.Next(now)
	switch {
	case id == "" && task == nil:
	case id == "" || task == nil || task.ID != id || peer != p:
		t.Fatalf("got %v for %p, want %q for %p", task, peer, id, p)
	}
}

func TestOrder(t *testing.T) {
	q := queueOf(Limits{Tasks: 100, Bytes: 1 << 20}, "1", "2", "3", "4") // without a pause
	a, b := join(q, 2), join(q, 2)
	wantNext(t, q, start, "1", a)
	wantNext(t, q, start, "2", b)
	if _, err := q.Done(b, "2"); err != nil {
		t.Fatal(err)
	}
	wantNext(t, q, start, "3", b) // which holds nothing
	q.Leave(a, start)
	if _, err := q.Done(b, "3"); err != nil {
		t.Fatal(err)
	}
	wantNext(t, q, start, "1", b) // what came back is first, and by itself
	wantNext(t, q, start, "", nil)
	if _, err := q.Done(b, "1"); err != nil {
		t.Fatal(err)
	}
	wantNext(t, q, start, "4", b)
}

func TestPauseGrows(t *testing.T) {
	q := queueOf(roomy, "1")
	p := join(q, 1)
	now := start
	for _, want := range []time.Duration{1, 2, 4, 8, 8} {
		wantNext(t, q, now, "1", p)
		if _, err := q.Fail(p, "1", errFailed, true, now); err != nil {
			t.Fatal(err)
		}
		when, ok := q.Wake()
		if got := when.Sub(now); !ok || got != want*time.Second {
			t.Fatalf("the pause is %v, want %v", got, want*time.Second)
		}
		q.Expire(when.Add(-1))
		wantNext(t, q, now, "", nil)
		now = when
		q.Expire(now)
	}
}

// A worker that hangs does not get the same task again, and keeps no one else
// from it; what it says later still counts.
func TestLateAnswer(t *testing.T) {
	q := queueOf(roomy, "1")
	slow := join(q, 2)
	wantNext(t, q, start, "1", slow)
	now := start.Add(time.Minute)
	if e := q.Expire(now); len(e) != 1 || e[0].Peer != slow || e[0].Dead || !errors.Is(e[0].Task.Reason, ErrExpired) {
		t.Fatalf("expired: %+v", e)
	}
	wantNext(t, q, now, "", nil)
	other := join(q, 1)
	wantNext(t, q, now, "1", other)
	if task, err := q.Done(slow, "1"); task == nil || err != nil {
		t.Fatalf("late answer: %v, %v", task, err)
	}
	if task, err := q.Done(other, "1"); task != nil || err != nil {
		t.Fatalf("second answer: %v, %v", task, err)
	}
	if _, err := q.Done(other, "1"); !errors.Is(err, ErrUnknown) {
		t.Fatalf("third answer: %v", err)
	}
	if c := q.Counts(); c != (Counts{Done: 1, Redelivered: 1}) {
		t.Errorf("counts %+v", c)
	}
}

// A task that is returned goes out again at once only if the peer that returned
// it wants none; a peer that has credit would return it again and again.
func TestReturned(t *testing.T) {
	q := NewQueue(Limits{Tasks: 10, Bytes: 1 << 20, Backoff: Backoff{First: time.Second, Limit: time.Second}})
	q.Add(&Task{ID: "1", MaxAttempts: 1})
	p := join(q, 1)
	now := start
	for range 3 {
		if task, _ := q.Next(now); task == nil || task.Attempts != 1 {
			t.Fatalf("got %+v, want the first attempt", task)
		}
		if err := q.Return(p, "1", now); err != nil {
			t.Fatal(err)
		}
		if task, _ := q.Next(now); task != nil {
			t.Error("the task went out again at once")
		}
		now = now.Add(time.Second)
		q.Expire(now)
	}
	if task, _ := q.Next(now); task == nil {
		t.Fatal("the task does not go out again")
	}
	q.Credit(p, 0)
	other := join(q, 1)
	if err := q.Return(p, "1", now); err != nil {
		t.Fatal(err)
	}
	if task, to := q.Next(now); task == nil || to != other {
		t.Error("the task of a peer that wants none waits")
	}
}

func TestFull(t *testing.T) {
	small := &Task{ID: "x"}
	large := &Task{ID: "y", Body: make([]byte, 1000)}
	q := NewQueue(Limits{Tasks: 2, Bytes: 1000})
	if q.Full(large) {
		t.Error("an empty queue has no room")
	}
	q.Add(small)
	if q.Full(&Task{ID: "z"}) || !q.Full(large) {
		t.Error("room for bytes is counted wrongly")
	}
	q.Add(&Task{ID: "z"})
	if !q.Full(&Task{ID: "zz"}) {
		t.Error("room for tasks is counted wrongly")
	}
}

// Messages of control are not counted and never die.
func TestControl(t *testing.T) {
	q := NewQueue(roomy)
	q.Add(&Task{ID: "c", Control: true, MaxAttempts: 1, Lease: time.Second})
	for range 3 {
		p := join(q, 1)
		wantNext(t, q, start, "c", p)
		if dead := q.Leave(p, start); len(dead) > 0 {
			t.Fatal("it died")
		}
	}
	p := join(q, 1)
	wantNext(t, q, start, "c", p)
	if _, err := q.Fail(p, "c", errFailed, false, start); err != nil || q.Len() != 1 {
		t.Errorf("%v, %d left", err, q.Len())
	}
	if c := q.Counts(); c != (Counts{}) {
		t.Errorf("counts %+v", c)
	}
}

func BenchmarkQueue(b *testing.B) {
	q := NewQueue(Limits{Tasks: 1 << 20, Bytes: 1 << 30})
	p := join(q, 100)
	for range b.N {
		q.Add(&Task{ID: "a", Lease: time.Minute})
		t, _ := q.Next(start)
		_, _ = q.Done(p, t.ID)
	}
}
