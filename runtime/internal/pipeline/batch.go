package pipeline

import (
	"context"
	"fmt"
	"slices"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/taskqueue"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// A Batch is tasks of a Dispatcher that belong together. The sink is sent two
// notices, through a worker each: how many tasks there are, and that all of
// them were done or given up. A store keeps its state (batchrecord.go).
type Batch struct {
	dispatcher *Dispatcher
	header     []byte // of its tasks

	// The dispatcher's lock guards the following fields.
	reign     int // of the dispatcher, in which it was begun; 0: not begun, or there is no store
	count     taskqueue.Batch
	announced bool          // the sink knows how many tasks there are
	complete  bool          // the second notice is on its way, or was delivered
	over      bool          // the second notice was delivered
	cut       bool          // its ventilator ended before End was called
	done      chan struct{} // closed when over

	record string // the id of its state in the store; empty: none
	ending bool   // End waits for the store
	dirty  bool   // the state has changed in the meantime
}

// StartBatch starts a batch.
func (d *Dispatcher) StartBatch(name string) *Batch {
	return d.newBatch([]byte(newID()), name)
}

func (d *Dispatcher) newBatch(id []byte, name string) *Batch {
	b := &Batch{dispatcher: d, count: taskqueue.Batch{ID: id, Name: name}, done: make(chan struct{})}
	b.header = wire.AppendTaskHeader(nil, wire.TaskHeader{Batch: b.description()})
	return b
}

// description returns what every message about the batch says.
func (b *Batch) description() *wire.Batch {
	d := b.dispatcher
	return &wire.Batch{ID: b.count.ID, Name: b.count.Name, Ventilator: d.ventilator}
}

// check returns ErrQueueLost if the batch has gone to another dispatcher with the
// store; the dispatcher's lock is held. A nil batch has not.
func (b *Batch) check() error {
	if b != nil && b.reign != 0 && (b.reign != b.dispatcher.reign || !b.dispatcher.owner) {
		return ErrQueueLost
	}
	return nil
}

// End ends the batch: no more tasks belong to it. It waits until the store has
// recorded that, or ctx ends. Its errors are link.ErrClosed if the dispatcher was
// already closed, ErrQueueLost, a *StoreError and the context's.
func (b *Batch) End(ctx context.Context) error {
	d := b.dispatcher
	d.mu.Lock()
	defer d.mu.Unlock()
	err := d.waitOwner(ctx, func() bool { return !b.ending })
	if lost := b.check(); lost != nil {
		return lost
	}
	switch {
	case err != nil:
		return err
	case d.closed:
		return link.ErrClosed
	case b.count.Ended:
		return nil
	}
	b.count.Ended, b.reign = true, d.reign
	d.open[&b.count] = b
	if err := b.storeEnd(ctx); err != nil {
		b.count.Ended = false
		b.save()
		return err
	}
	if err := b.check(); err != nil {
		return nil //nolint:nilerr // the store has it, and so has the next owner
	}
	d.begin(b)
	d.announce(b)
	return nil
}

// announce sends the first notice; d.mu is held.
func (d *Dispatcher) announce(b *Batch) {
	notice := b.description()
	notice.Ended, notice.Tasks = true, b.count.Tasks
	d.sendNotice(b, notice)
}

// Wait waits until every task has been done or given up and the sink knows it.
// Its errors are link.ErrClosed, ErrQueueLost and the context's.
func (b *Batch) Wait(ctx context.Context) error {
	d := b.dispatcher
	d.mu.Lock()
	defer d.mu.Unlock()
	err := d.waitLocked(ctx, func() bool { return b.isDone() || b.check() != nil })
	if err == nil && !b.isDone() {
		err = b.check()
	}
	if err != nil {
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
	if err := b.check(); err != nil {
		return err
	}
	if b.count.Ended {
		return ErrBatchEnded
	}
	b.count.Tasks++
	b.reign = d.reign
	t.Batch, t.Header = &b.count, b.headerOf(t.Header)
	d.open[t.Batch] = b
	d.begin(b)
	return nil
}

// headerOf returns the header of one of its tasks. own is the task's own header,
// which may be empty.
func (b *Batch) headerOf(own []byte) []byte {
	if len(own) == 0 {
		return b.header
	}
	return slices.Concat(b.header, own)
}

// begin records that a batch has tasks or a notice for which a sink may wait; d.mu
// is held.
func (d *Dispatcher) begin(b *Batch) {
	if d.live[b] {
		return
	}
	d.live[b] = true
	if b.record == "" {
		b.save()
	}
	d.sayAlive() // before the first of its tasks
	d.armAlive()
}

// leaveBatch takes a task that could not be pushed out of its batch; d.mu is
// held.
func (d *Dispatcher) leaveBatch(t *taskqueue.Task) {
	b := d.open[t.Batch]
	if t.Batch == nil || b.check() != nil {
		return
	}
	t.Batch.Tasks--
	if b != nil && t.Batch.Ended {
		b.save()
	}
	d.checkBatch(t.Batch)
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

// noticeDelivered records that the sink has acknowledged a notice; d.mu is held.
func (d *Dispatcher) noticeDelivered(t *taskqueue.Task) {
	b := d.notices[t.ID]
	delete(d.notices, t.ID)
	if b.complete {
		d.batchOver(b)
		return
	}
	b.announced = true
	d.checkBatch(&b.count)
}

// batchOver forgets a batch whose sink has acknowledged that it is complete; d.mu
// is held.
func (d *Dispatcher) batchOver(b *Batch) {
	b.over = true
	close(b.done)
	if b.record != "" {
		d.store.remove(b.record)
	}
	delete(d.live, b)
	if len(d.over) == maxOver {
		d.over = d.over[1:]
	}
	d.over = append(d.over, b.count.ID)
	d.sayAlive()
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
	notice := b.description()
	notice.Failed, notice.Failures = count.Failed, d.failures(count.Failures)
	if b.cut {
		cut := Failure(ErrBatchCut)
		notice.Error = &wire.BatchError{Code: int32(cut.Code), Message: cut.Message}
	} else {
		notice.Ended, notice.Tasks, notice.Complete = true, count.Tasks, true
	}
	d.sendNotice(b, notice)
}

// failures returns failures in their form on the wire and are stored.
func (d *Dispatcher) failures(list []taskqueue.Failure) (out []wire.BatchFailure) {
	for _, f := range list {
		code, text := failure(f.Reason)
		out = append(out, wire.BatchFailure{
			Task: []byte(f.ID), Procedure: f.Procedure, Attempts: f.Attempts, Code: code, Message: text,
		})
	}
	return out
}
