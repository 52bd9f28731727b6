package pipeline

import (
	"testing"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/taskqueue"
)

// Memory is handed out again where it is enough, and not kept beyond the bounds.
func TestSpareDeliveries(t *testing.T) {
	var s spareDeliveries
	first := s.take(100)
	memory := append(first.memory, "task"...)
	first.id, first.running = "id", true
	s.give(first)
	d := s.take(cap(memory))
	if d != first || d.id != "" || d.running || len(d.memory) != 0 || &d.memory[:1][0] != &memory[0] {
		t.Errorf("%+v, want the memory of before", d)
	}
	s.give(d)
	if d := s.take(1000); cap(d.memory) < 1000 || s.bytes != 0 || len(s.list) != 0 {
		t.Errorf("%d bytes for 1000; %d are left", cap(d.memory), s.bytes)
	}
	s.give(&Delivery{memory: make([]byte, 0, maxSpareTask+1)})
	for range 2 * maxSpare / maxSpareTask {
		s.give(&Delivery{memory: make([]byte, 0, maxSpareTask)})
	}
	if each := maxSpareTask + deliverySize; len(s.list) != maxSpare/each || s.bytes != len(s.list)*each {
		t.Errorf("%d bytes are kept in %d pieces", s.bytes, len(s.list))
	}
}

// The memory of a task that was done is another task's. Where somebody was given
// its body that is not, and nothing is that a second worker may still report on.
func TestSpareTasks(t *testing.T) {
	d := dispatcher(t, nil)
	p, other := d.queue.Join(), d.queue.Join()
	push := func() *taskqueue.Task {
		id, err := d.Push(t.Context(), nil, Task{Procedure: "s/M", Body: []byte("body"), MaxAttempts: 2, Lease: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		return d.queue.Get(id)
	}
	done := func(p *taskqueue.Peer, task *taskqueue.Task) {
		if got, err := d.queue.Done(p, task.ID); got != task || err != nil {
			t.Fatal(got, err)
		}
	}
	hand := func(p *taskqueue.Peer) (task *taskqueue.Task) {
		d.queue.Credit(p, 1)
		task, _ = d.queue.Next(time.Now())
		d.queue.Credit(p, 0)
		return task
	}

	push()
	task := hand(p)
	done(p, task)
	if !task.Over() || !task.OwnsBody {
		t.Errorf("%+v: its memory is not used again", task)
	}
	queued := (&Task{Procedure: "s/N", Body: task.Body[:0], memory: task}).queued(nil)
	if queued != task || queued.Over() || queued.Procedure != "s/N" || queued.ID != "" {
		t.Errorf("%+v, want another task in its memory", queued)
	}

	if s, err := d.Task(string(push().ID)); err != nil || string(s.Body) != "body" {
		t.Fatal(s, err)
	}
	task = hand(p)
	done(p, task)
	if !task.Over() || task.OwnsBody {
		t.Errorf("%+v: its body was given to somebody", task)
	}
	var s spareTasks
	if s.give(task); task.Body != nil {
		t.Error("and is used again")
	}

	push()
	task = hand(p)
	d.queue.Expire(time.Now().Add(2 * time.Hour))
	if again := hand(other); again != task {
		t.Fatalf("%+v, want the task again", again)
	}
	done(other, task)
	if task.Over() {
		t.Errorf("%+v: two workers had it, and one may still report on it", task)
	}

	p = d.queue.Join()
	push()
	task = hand(p)
	if err := d.queue.Extend(other, task.ID, task.Attempts, time.Now()); err != nil {
		t.Fatal(err)
	}
	done(p, task)
	if task.Over() || !d.queue.Holds(other, task.ID) {
		t.Errorf("%+v: another worker has claimed it, and may still report on it", task)
	}
}
