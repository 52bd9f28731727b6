package pipeline

import (
	"time"

	"context"
	"fmt"

	"github.com/gozmq/gozmq/runtime/internal/taskqueue"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// The state of a batch is a StoredTask without a procedure, whose header has the
// batch. It is there from the first push until the sink knows that the batch is
// complete. Each new state has an id of its own, and replaces the one before in
// one change. How many tasks are done is not in it: these are no longer stored.

// stored returns the state of a batch; the dispatcher's lock is held.
func (b *Batch) stored() StoredTask {
	state := wire.Batch{ID: b.count.ID, Name: b.count.Name, Ended: b.count.Ended && !b.cut, Tasks: b.count.Tasks, Failed: b.buried}
	known := min(int(b.buried), len(b.count.Failures))
	state.Failures = b.dispatcher.failures(b.count.Failures[:known])
	return StoredTask{ID: b.record, Header: wire.AppendTaskHeader(nil, wire.TaskHeader{Batch: &state})}
}

// save stores the state of a batch without waiting for the store, and deletes
// other records with that; the dispatcher's lock is held.
func (b *Batch) save(others ...string) {
	d := b.dispatcher
	switch {
	case d.store == nil:
		return
	case b.over || b.ending:
		b.dirty = true
		for _, id := range others {
			d.store.remove(id)
		}
		return
	}
	if b.record != "" {
		others = append(others, b.record)
	}
	b.record = string(newID())
	d.store.replace(b.stored(), others)
}

// storeEnd stores that a batch has ended. It is called with the dispatcher's
// lock held, which it releases while the store is busy.
func (b *Batch) storeEnd(ctx context.Context) error {
	d := b.dispatcher
	if d.store == nil {
		return nil
	}
	before := b.record
	b.record = string(newID())
	state := b.stored()
	b.ending, b.dirty = true, false
	d.mu.Unlock()
	err := d.store.put(ctx, state, before)
	d.mu.Lock()
	b.ending = false
	d.changed.Notify()
	if err != nil {
		b.record = before // if the store takes the new state yet, put deletes that again
		return storeFailure(ctx, err)
	}
	if b.dirty {
		b.save()
	}
	return nil
}

// bury deletes a task whose dead letter was handled; d.mu is held.
func (d *Dispatcher) bury(id string) {
	b := d.dying[id]
	delete(d.dying, id)
	if b == nil {
		d.store.remove(id)
		return
	}
	b.buried++
	b.save(id)
}

// A storedReason is why a task was given up, as a store has it.
type storedReason struct {
	code int32
	text string
}

func (r *storedReason) Error() string { return r.text }

// A restorer collects what a store has, before any of it is queued: the state
// of a batch may come behind its tasks.
type restorer struct {
	dispatcher *Dispatcher
	tasks      []*taskqueue.Task
	batchOf    map[*taskqueue.Task]string // the ids of batches
	ids        map[string]bool
	batches    map[string]*Batch // by id
	order      []*Batch
	stale      []string // ids of records that a later one replaces
}

func newRestorer(d *Dispatcher) *restorer {
	return &restorer{
		dispatcher: d, batchOf: make(map[*taskqueue.Task]string), ids: make(map[string]bool), batches: make(map[string]*Batch),
	}
}

// visit takes one record.
func (r *restorer) visit(s StoredTask) error {
	if s.Err != nil {
		r.dispatcher.cfg.StoreFailed(s.Err)
		return nil
	}
	if s.ID == "" || len(s.ID) > wire.MaxTaskID || r.ids[s.ID] {
		return fmt.Errorf("a task has the id %q, which is empty, too long or taken", s.ID)
	}
	r.ids[s.ID] = true
	h := wire.ParseTaskHeader(s.Header)
	if s.Procedure == "" {
		if wire.BatchOf(s.Header) == nil {
			return fmt.Errorf("task %q has no method", s.ID)
		}
		r.batch(s.ID, h.Batch)
		return nil
	}
	t := &taskqueue.Task{
		ID: taskqueue.ID(s.ID), Procedure: s.Procedure, Body: s.Body, Header: s.Header, Attempts: s.Attempts,
		MaxAttempts: h.Attempt, Lease: h.Lease,
	}
	if h.Batch != nil {
		r.batchOf[t] = string(h.Batch.ID)
	}
	r.tasks = append(r.tasks, t)
	return nil
}

// batch takes the state of a batch.
func (r *restorer) batch(record string, of *wire.Batch) {
	b := r.batches[string(of.ID)]
	if b == nil {
		b = r.dispatcher.newBatch(of.ID, of.Name)
		r.batches[string(of.ID)] = b
		r.order = append(r.order, b)
	} else {
		r.stale = append(r.stale, b.record)
	}
	b.record, b.buried, b.cut = record, of.Failed, !of.Ended
	b.count = taskqueue.Batch{ID: of.ID, Name: of.Name, Ended: true, Failed: of.Failed}
	if of.Ended {
		b.count.Tasks = of.Tasks
	}
	for _, f := range of.Failures {
		b.count.Failures = append(b.count.Failures, taskqueue.Failure{
			ID: taskqueue.ID(f.Task), Procedure: f.Procedure, Attempts: f.Attempts, Reason: &storedReason{f.Code, f.Message},
		})
	}
}

// finish queues the tasks, even if that exceeds the limits, and has the sinks
// hear of the batches again.
func (r *restorer) finish() {
	d := r.dispatcher
	d.mu.Lock()
	defer d.mu.Unlock()
	left, now := make(map[*Batch]uint64), time.Now()
	for _, t := range r.tasks {
		if b := r.batches[r.batchOf[t]]; b != nil {
			own := metadataHeader(wire.ParseTaskHeader(t.Header).Metadata)
			t.Batch, t.Header = &b.count, b.headerOf(own)
			left[b]++
		}
		t.Since = now
		d.queue.Add(t)
	}
	for _, id := range r.stale {
		d.store.remove(id)
	}
	for _, b := range r.order {
		b.count.Tasks = max(b.count.Tasks, left[b])
		b.count.Finished = b.count.Tasks - left[b]
		d.open[&b.count] = b
		d.begin(b)
		if b.cut {
			b.announced = true
			d.checkBatch(&b.count)
		} else {
			d.announce(b)
		}
	}
}
