package pipeline

import (
	"context"
	"fmt"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/taskqueue"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// A Batch is tasks of a Dispatcher that belong together. The sink is sent two
// notices, through a worker each: how many tasks there are, and that all of
// them were done or given up.
type Batch struct {
	dispatcher *Dispatcher
	header     []byte // of its tasks

	// The dispatcher's lock guards what follows.
	count     taskqueue.Batch
	announced bool          // the sink knows how many tasks there are
	complete  bool          // the second notice is on its way, or was delivered
	done      chan struct{} // closed when the sink knows that it is complete
}

// StartBatch starts a batch.
func (d *Dispatcher) StartBatch(name string) *Batch {
	d.mu.Lock()
	defer d.mu.Unlock()
	id := []byte(newID())
	return &Batch{
		dispatcher: d, count: taskqueue.Batch{ID: id, Name: name}, done: make(chan struct{}),
		header: wire.AppendTaskHeader(nil, wire.TaskHeader{Batch: &wire.Batch{ID: id, Name: name}}),
	}
}

// End says that no more tasks belong to the batch. It returns link.ErrClosed if
// the dispatcher was closed before.
func (b *Batch) End() error {
	d := b.dispatcher
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.closed:
		return link.ErrClosed
	case b.count.Ended:
		return nil
	}
	b.count.Ended = true
	d.open[&b.count] = b
	d.sendNotice(b, &wire.Batch{ID: b.count.ID, Name: b.count.Name, Ended: true, Tasks: b.count.Tasks})
	return nil
}

// Wait waits until every task has been done or given up and the sink knows it.
// Its errors are link.ErrClosed and the context's.
func (b *Batch) Wait(ctx context.Context) error {
	d := b.dispatcher
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.waitLocked(ctx, b.isDone); err != nil {
		return fmt.Errorf("%w: %d of %d tasks are done or given up", err, b.count.Finished, b.count.Tasks)
	}
	return nil
}

func (b *Batch) isDone() bool {
	select {
	case <-b.done:
		return true
	default:
		return false
	}
}

// joinBatch makes t part of b, unless b is nil; d.mu is held.
func (d *Dispatcher) joinBatch(b *Batch, t *taskqueue.Task) error {
	if b == nil {
		return nil
	}
	if b.count.Ended {
		return ErrBatchEnded
	}
	b.count.Tasks++
	t.Batch, t.Header = &b.count, b.header
	d.open[t.Batch] = b
	return nil
}

// leaveBatch takes a task that could not be pushed out of its batch; d.mu is
// held.
func (d *Dispatcher) leaveBatch(t *taskqueue.Task) {
	if t.Batch != nil {
		t.Batch.Tasks--
		d.checkBatch(t.Batch)
	}
}

// sendNotice sends the sink how far a batch is, through a worker; d.mu is held.
func (d *Dispatcher) sendNotice(b *Batch, notice *wire.Batch) {
	t := &taskqueue.Task{
		ID: newID(), Control: true, Lease: d.cfg.BatchLease,
		Header: wire.AppendTaskHeader(nil, wire.TaskHeader{Batch: notice}),
	}
	d.notices[t.ID] = b
	d.queue.Add(t)
	d.dispatch()
}

// noticeDelivered notes that the sink has a notice; d.mu is held.
func (d *Dispatcher) noticeDelivered(t *taskqueue.Task) {
	b := d.notices[t.ID]
	delete(d.notices, t.ID)
	if b.complete {
		close(b.done)
		return
	}
	b.announced = true
	d.checkBatch(&b.count)
}

// checkBatch sends the second notice of a batch if all its tasks are finished
// and the sink has the first one; d.mu is held.
func (d *Dispatcher) checkBatch(count *taskqueue.Batch) {
	b := d.open[count]
	if b == nil || !b.announced || !count.Complete() {
		return
	}
	delete(d.open, count)
	b.complete = true
	notice := &wire.Batch{ID: count.ID, Name: count.Name, Ended: true, Tasks: count.Tasks, Complete: true, Failed: count.Failed}
	for _, f := range count.Failures {
		code, text := d.cfg.Status(f.Reason)
		notice.Failures = append(notice.Failures, wire.BatchFailure{
			Task: []byte(f.ID), Procedure: f.Procedure, Attempts: f.Attempts, Code: code, Message: text,
		})
	}
	d.sendNotice(b, notice)
}
