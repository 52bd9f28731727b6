package pipeline

import (
	"context"
	"time"

	"github.com/gozmq/gozmq/runtime/gozmqstore"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// The state of a batch is a record without a procedure, whose header has the
// batch. The store has it from the first push until the sink has acknowledged that
// the batch is complete. Each new state has a new id, and replaces the last one in
// the same change. It does not count the tasks that are done, which are no longer
// stored.

// stored returns the state of a batch; the dispatcher's lock is held.
func (b *Batch) stored() gozmqstore.Task {
	state := wire.Batch{ID: b.count.ID, Name: b.count.Name, Ended: b.count.Ended && !b.cut, Tasks: b.count.Tasks, Failed: b.count.Failed}
	state.Failures = b.dispatcher.failures(b.count.Failures)
	return gozmqstore.Task{
		ID: b.record, Batch: string(b.count.ID), Header: wire.AppendTaskHeader(nil, wire.TaskHeader{Batch: &state}),
		Enqueued: time.Now(), Status: gozmqstore.Status{State: gozmqstore.StateBatch},
	}
}

// save stores the state of a batch without waiting for the store, and in the same
// change the statuses of tasks; the dispatcher's lock is held.
func (b *Batch) save(statuses ...taskStatus) {
	d := b.dispatcher
	switch {
	case d.store == nil, b.check() != nil:
		return
	case b.over || b.ending:
		b.dirty = true
		for _, s := range statuses {
			d.store.update(s)
		}
		return
	}
	var before []string
	if b.record != "" {
		before = []string{b.record}
	}
	b.record = string(newID())
	d.store.replace(b.stored(), before, statuses)
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
	store := d.store
	d.mu.Unlock()
	err := store.put(ctx, state, before)
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
