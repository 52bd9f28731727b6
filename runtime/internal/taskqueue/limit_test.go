package taskqueue

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

// A task goes to a worker that takes its size, whatever the order of the
// workers, and does not keep smaller ones waiting.
func TestLimitChoosesWorkers(t *testing.T) {
	q := NewQueue(Limits{Tasks: 100, Bytes: 1 << 20})
	small, large := q.Join(), q.Join()
	q.Limit(small, 10)
	q.Limit(large, 100)
	q.Credit(small, 10)
	q.Credit(large, 1)
	for i, size := range []int{50, 60, 5, 70, 10} {
		q.Add(&Task{ID: ID(fmt.Sprint(i)), Body: make([]byte, size)})
	}
	got := make(map[ID]*Peer)
	for now := time.Now(); ; {
		task, p := q.Next(now)
		if task == nil {
			break
		}
		got[task.ID] = p
	}
	if len(got) != 3 || got["0"] != large || got["2"] != small || got["4"] != small {
		t.Errorf("handed out %v", got)
	}
	if _, err := q.Done(large, "0"); err != nil {
		t.Fatal(err)
	}
	if task, p := q.Next(time.Now()); task == nil || task.ID != "1" || p != large {
		t.Errorf("next is %v", task)
	}
	if q.Refused() != nil {
		t.Error("a task that a worker takes was refused")
	}
}

// A task that no worker takes waits for one that does, and is given up after a
// while.
func TestLimitOfAllWorkers(t *testing.T) {
	q := NewQueue(Limits{Tasks: 100, Bytes: 1 << 20, Backoff: Backoff{First: time.Second, Limit: time.Minute}})
	lost, kept := &Task{ID: "lost", Body: make([]byte, 200)}, &Task{ID: "kept", Body: make([]byte, 50)}
	if err := q.Fits(lost); err != nil {
		t.Errorf("without workers: %v", err)
	}
	q.Add(lost)
	q.Add(kept)
	q.Add(&Task{ID: "fits", Body: make([]byte, 10)})
	small := q.Join()
	q.Limit(small, 10)
	if err := q.Fits(lost); err != nil {
		t.Errorf("without credit: %v", err)
	}
	q.Credit(small, 10)
	var limit *LimitError
	if err := q.Fits(lost); !errors.As(err, &limit) || limit.Size != 200 || limit.Limit != 10 {
		t.Errorf("got %v", err)
	}
	now := time.Now()
	if task, _ := q.Next(now); task == nil || task.ID != "fits" {
		t.Fatalf("next is %v", task)
	}
	if q.Refused() != nil {
		t.Error("a task was given up at once")
	}
	now = now.Add(2 * time.Second)
	q.Expire(now)
	large := q.Join()
	q.Limit(large, 100)
	q.Credit(large, 10)
	if task, p := q.Next(now); task != kept || p != large || task.Attempts != 1 {
		t.Fatalf("next is %v", task)
	}
	for range maxRefusals {
		if task, _ := q.Next(now); task != nil {
			t.Fatalf("handed out %v", task)
		}
		now = now.Add(time.Hour)
		q.Expire(now)
	}
	if list := q.Refused(); len(list) != 1 || list[0] != lost || !errors.As(lost.Reason, &limit) || lost.Attempts != 0 {
		t.Errorf("given up: %v", list)
	}
	if c := q.Counts(); c.Dead != 1 || c.InFlight != 2 || c.Queued != 0 {
		t.Errorf("counts %+v", c)
	}
	q.Leave(large, now)
	q.Leave(small, now)
	if err := q.Fits(lost); err != nil {
		t.Errorf("once the workers have left: %v", err)
	}
}
