package pipeline

import (
	"sync"

	"github.com/gozmq/gozmq/runtime/internal/taskqueue"
)

// spareTasks is the memory of tasks that were done at a Dispatcher, for others. Its
// zero value is empty. Its methods may be called from any goroutine.
type spareTasks struct{ pool sync.Pool }

// NewTask returns a task whose Body is memory that may be encoded into, if there is
// any.
func (d *Dispatcher) NewTask() Task {
	t, _ := d.spare.pool.Get().(*taskqueue.Task)
	if t == nil {
		return Task{}
	}
	return Task{Body: t.Body[:0], memory: t}
}

// queued returns the task as a queue has it. The lock of the Dispatcher is held,
// which may have parts of the memory until then.
func (t *Task) queued(header []byte) *taskqueue.Task {
	q := t.memory
	if q == nil {
		q = new(taskqueue.Task)
	}
	*q = taskqueue.Task{
		Procedure: t.Procedure, Body: t.Body, Header: header, MaxAttempts: t.MaxAttempts, Lease: t.Lease, Terms: t.Terms, OwnsBody: true,
	}
	return q
}

// give takes a task that was done, unless somebody may still look at it.
func (s *spareTasks) give(t *taskqueue.Task) {
	if !t.Over() {
		return
	}
	if !t.OwnsBody || cap(t.Body) > maxSpareTask {
		t.Body = nil
	}
	s.pool.Put(t)
}

// spareDeliveries is the memory of tasks that are over at a Consumer, for others.
// Its zero value is empty.
type spareDeliveries struct {
	list  []*Delivery
	bytes int
}

const (
	// maxSpare is how many bytes spareDeliveries keep, and maxSpareTask those of
	// one task.
	maxSpare     = 1 << 20
	maxSpareTask = 16 << 10
	// spareStep is what the memory of a task is rounded up to, so that it is enough
	// for the next one.
	spareStep = 64
	// deliverySize is the approximate size of a Delivery without its task.
	deliverySize = 256
)

// take returns a Delivery with memory for n bytes, of length 0.
func (s *spareDeliveries) take(n int) *Delivery {
	var d *Delivery
	if last := len(s.list) - 1; last >= 0 {
		d = s.list[last]
		s.list[last] = nil
		s.list, s.bytes = s.list[:last], s.bytes-d.size()
	} else {
		d = new(Delivery)
	}
	if cap(d.memory) < n {
		d.memory = make([]byte, 0, (n+spareStep-1)/spareStep*spareStep)
	}
	return d
}

// give takes a Delivery that nobody has any more, nor a part of its task.
func (s *spareDeliveries) give(d *Delivery) {
	*d = Delivery{memory: d.memory[:0]}
	if cap(d.memory) <= maxSpareTask && s.bytes+d.size() <= maxSpare {
		s.list, s.bytes = append(s.list, d), s.bytes+d.size()
	}
}

func (d *Delivery) size() int { return deliverySize + cap(d.memory) }
