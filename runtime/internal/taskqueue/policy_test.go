package taskqueue

import (
	"errors"
	"testing"
	"time"
)

// A method's own backoff holds after failures and after losses; other methods keep
// that of the queue.
func TestSetBackoff(t *testing.T) {
	q := NewQueue(roomy)
	q.SetBackoff("S/Slow", Backoff{First: 10 * time.Second, Limit: 25 * time.Second, Factor: 1.5})
	slow, other := &Task{ID: "slow", Procedure: "S/Slow"}, &Task{ID: "other", Procedure: "S/Other"}
	q.Add(slow)
	q.Add(other)
	p := join(q, 2)
	now := start
	for i, want := range []time.Duration{10 * time.Second, 15 * time.Second, 22500 * time.Millisecond, 25 * time.Second, 25 * time.Second} {
		wantNext(t, q, now, "slow", p)
		if i == 0 {
			wantNext(t, q, now, "other", p)
			if _, err := q.Fail(p, "other", errors.New("no"), true, now); err != nil || other.when.Sub(now) != time.Second {
				t.Errorf("the other method waits for %v, %v", other.when.Sub(now), err)
			}
			q.Discard("other", nil)
		}
		if _, err := q.Fail(p, "slow", errors.New("no"), true, now); err != nil {
			t.Fatal(err)
		}
		if got := slow.when.Sub(now); got != want {
			t.Errorf("after attempt %d it waits for %v, want %v", i+1, got, want)
		}
		now = slow.when
		q.Expire(now)
	}
	wantNext(t, q, now, "slow", p)
	if err := q.Extend(p, "slow", 0, now); err != nil {
		t.Fatal(err)
	}
	q.Leave(p, now)
	if got := slow.when.Sub(now); got != 10*time.Second {
		t.Errorf("after its worker was lost it waits for %v, want 10s", got)
	}
}

// A limit that is set while tasks wait and run holds from then on, and keeps their
// order.
func TestLimitMethodLate(t *testing.T) {
	q := NewQueue(roomy)
	for _, task := range []struct{ id, key string }{{"1a", "a"}, {"2a", "a"}, {"3b", "b"}, {"4b", "b"}, {"5", ""}} {
		q.Add(&Task{ID: ID(task.id), Procedure: "S/M", Terms: &Terms{Key: task.key}})
	}
	q.Add(&Task{ID: "later", Procedure: "S/M", Terms: &Terms{Key: "a", NotBefore: start.Add(time.Second)}})
	p := join(q, 10)
	wantNext(t, q, start, "1a", p)
	q.LimitMethod("S/M", MethodLimit{All: Limit{Running: 3}, PerKey: Limit{Running: 1}})
	wantNext(t, q, start, "3b", p) // a has its one
	wantNext(t, q, start, "5", p)
	wantNext(t, q, start, "", nil) // three run
	done := func(id ID, at time.Time, next ID) {
		t.Helper()
		if _, err := q.Done(p, id); err != nil {
			t.Fatal(err)
		}
		q.Expire(at)
		wantNext(t, q, at, next, p)
	}
	done("3b", start, "4b")
	done("1a", start, "2a")
	later := start.Add(time.Minute)
	done("5", later, "") // the last one has key a, too
	done("2a", later, "later")
	q.LimitMethod("S/M", MethodLimit{})
	done("later", later, "")
	done("4b", later, "")
	if q.Len() != 0 || len(q.line.gates) != 0 {
		t.Errorf("%d tasks and %d gates are left", q.Len(), len(q.line.gates))
	}
}
