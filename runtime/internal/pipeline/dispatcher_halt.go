package pipeline

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/gozmq/gozmq/runtime/gozmqstore"
)

// HaltMethod stops or resumes handing out the tasks of a method, or of all for "",
// and returns once the store has recorded it; tasks at workers go on. It waits
// until the dispatcher owns the queue. Its errors are ErrNotOwner, link.ErrClosed,
// and ctx's, after which the store may not have recorded it yet.
func (d *Dispatcher) HaltMethod(ctx context.Context, procedure string, halted bool) error {
	stored, err := d.haltMethod(ctx, procedure, halted)
	if err != nil {
		return err
	}
	return stored.wait(ctx, "the method is paused or resumed")
}

// haltMethod halts or resumes a method here.
func (d *Dispatcher) haltMethod(ctx context.Context, procedure string, halted bool) (storing, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.waitOwner(ctx, func() bool { return true }); err != nil {
		return storing{}, err
	}
	if halted {
		d.halt(procedure)
	} else {
		d.resume(procedure)
	}
	d.queue.Pause(procedure, halted)
	d.dispatch()
	return d.storing(), nil
}

// halt records that a method is halted; d.mu is held. Each halt has a new record,
// because a store ignores a put of an id that the same change deletes.
func (d *Dispatcher) halt(procedure string) {
	if _, already := d.halted[procedure]; already {
		return
	}
	id := string(newID())
	d.halted[procedure] = id
	if d.store != nil {
		d.store.replace(gozmqstore.Task{
			ID: id, Procedure: procedure, Enqueued: time.Now(), Status: gozmqstore.Status{State: gozmqstore.StatePause},
		}, nil, nil)
	}
}

// resume forgets that a method, or for "" any, is halted; d.mu is held.
func (d *Dispatcher) resume(procedure string) {
	for halted, id := range d.halted {
		if procedure == "" || procedure == halted {
			delete(d.halted, halted)
			d.store.remove(id)
		}
	}
}

// Halted returns the halted methods, "" for all, sorted.
func (d *Dispatcher) Halted() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Sorted(maps.Keys(d.halted))
}
