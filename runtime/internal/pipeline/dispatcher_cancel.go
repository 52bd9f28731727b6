package pipeline

import (
	"context"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/taskqueue"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// Cancel gives a task up, whether it waits or runs, and returns once the store
// knows it. The task's batch counts it as given up, because of ErrCanceled. Every
// worker that has it gets a CANCEL, if it knows that; what it reports of the task
// later is ignored. Cancel wins over every end of the task that was not read
// before. Its errors are ErrNoTask, ErrNotOwner, link.ErrClosed, and ctx's, after
// which the task is canceled, and the store may not know it yet.
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

// maxCanceled is how many tasks that were canceled a dispatcher remembers, to tell
// workers that had lost their connection.
const maxCanceled = 4096

// tellCanceled tells a worker that claims a task that it was canceled, once the
// worker has said whether it knows the word; d.mu is held.
func (d *Dispatcher) tellCanceled(p *taskqueue.Peer, id taskqueue.ID) {
	switch {
	case d.queue.Holds(p, id) || !d.canceled.Has(id, time.Time{}):
	case p.Cancels:
		socket.SendForced(d.conns[p], wire.Cancel(id))
	case !p.Works() && len(p.Claims) < maxCanceled:
		p.Claims = append(p.Claims, id)
	}
}

// tellClaims is tellCanceled for what a worker has claimed before its first CREDIT;
// d.mu is held.
func (d *Dispatcher) tellClaims(p *taskqueue.Peer) {
	claims := p.Claims
	p.Claims = nil
	for _, id := range claims {
		d.tellCanceled(p, id)
	}
}
