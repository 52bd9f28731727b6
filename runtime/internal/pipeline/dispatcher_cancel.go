package pipeline

import (
	"context"
	"fmt"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/taskqueue"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// Cancel gives a task up, whether it waits or runs, and returns once the store
// knows it. The task's batch counts it as given up, because of ErrCanceled. Every
// worker that has it is told, if it knows the word; what it reports of the task
// later is ignored. Cancel wins over every end of the task that was not read
// before. Its errors are ErrNoTask, ErrNotOwner, link.ErrClosed, and ctx's, after
// which the task is canceled, and the store may not know it yet.
func (d *Dispatcher) Cancel(ctx context.Context, id string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.waitOwner(ctx, func() bool { return true }); err != nil {
		return err
	}
	t := d.queue.Cancel(taskqueue.ID(id), ErrCanceled)
	if t == nil {
		return ErrNoTask
	}
	for p, c := range d.conns {
		if p.Cancels && p.Has(t.ID) {
			socket.SendForced(c, wire.Cancel(id))
		}
	}
	d.cfg.TaskDead(DeadTask{ID: id, Procedure: t.Procedure, Attempts: t.Attempts, Reason: t.Reason, Ended: time.Now()})
	d.forget(t)
	d.changed.Notify()
	d.dispatch()
	return d.awaitStored(ctx)
}

// awaitStored returns nil once the store has what it was told until now,
// ErrNotOwner if it will not have it, and ctx's error. It is called with d.mu held, which it
// releases while it waits.
func (d *Dispatcher) awaitStored(ctx context.Context) error {
	if d.store == nil {
		return nil
	}
	stored, ended := make(chan struct{}), d.store.done
	d.store.then(func() { close(stored) })
	d.mu.Unlock()
	defer d.mu.Lock()
	select {
	case <-stored:
		return nil
	case <-ended:
	case <-ctx.Done():
		return fmt.Errorf("%w: it is done, but the task store has not taken that yet", ctx.Err())
	}
	select {
	case <-stored:
		return nil
	default:
		return ErrNotOwner
	}
}
