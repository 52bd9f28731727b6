package pipeline

import (
	"context"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/taskqueue"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// Cancel gives up a waiting or running task, and returns once the store has
// recorded it. The task's batch counts it as given up, because of ErrCanceled. A
// worker that has the task gets a CANCEL, if it knows that command; its later
// reports on the task are ignored. Cancel takes precedence over an end of the task
// that was not read before. Its errors are ErrNoTask, ErrNotOwner, link.ErrClosed,
// and ctx's; after ctx's the task is canceled, but the store may not have recorded
// it yet.
func (d *Dispatcher) Cancel(ctx context.Context, id string) error {
	stored, err := d.cancel(ctx, id)
	if err != nil {
		return err
	}
	return stored.wait(ctx, "the task is canceled")
}

// cancel cancels a task here.
func (d *Dispatcher) cancel(ctx context.Context, id string) (storing, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.waitOwner(ctx, func() bool { return true }); err != nil {
		return storing{}, err
	}
	t := d.queue.Cancel(taskqueue.ID(id), ErrCanceled)
	if t == nil {
		return storing{}, ErrNoTask
	}
	for p, c := range d.conns {
		if p.Cancels && d.queue.Holds(p, t.ID) {
			socket.SendForced(c, wire.Cancel(id))
		}
	}
	d.canceled.Add(t.ID, time.Time{})
	d.cfg.TaskDead(DeadTask{ID: id, Procedure: t.Procedure, Attempts: t.Attempts, Reason: t.Reason, Ended: time.Now()})
	d.forget(t)
	stored := d.storing()
	d.changed.Notify()
	d.dispatch()
	return stored, nil
}

// maxCanceled is how many canceled tasks a dispatcher remembers, for workers that
// were disconnected.
const maxCanceled = 4096

// sendCancel sends CANCEL to a worker that claims a canceled task, once the
// worker's CREDIT has shown that it knows the command; d.mu is held.
func (d *Dispatcher) sendCancel(p *taskqueue.Peer, id taskqueue.ID) {
	switch {
	case d.queue.Holds(p, id) || !d.canceled.Has(id, time.Time{}):
	case p.Cancels:
		socket.SendForced(d.conns[p], wire.Cancel(id))
	case !p.Works() && len(p.Claims) < maxCanceled:
		p.Claims = append(p.Claims, id)
	}
}

// sendCancels is sendCancel for tasks that a worker claimed before its first
// CREDIT; d.mu is held.
func (d *Dispatcher) sendCancels(p *taskqueue.Peer) {
	claims := p.Claims
	p.Claims = nil
	for _, id := range claims {
		d.sendCancel(p, id)
	}
}
