package pipeline

import (
	"time"

	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/taskqueue"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// When the owner of a queue is gone, its workers report their running tasks to the
// other ventilators (EXTEND with "again"). A dispatcher that takes over leaves
// these tasks with their workers.

// A claim is a worker's EXTEND for a task, received while the dispatcher stood by.
type claim struct {
	id      string
	attempt int
	handled bool
}

const (
	// maxClaims is how many claims a dispatcher remembers while it stands by.
	maxClaims = 1 << 16
	// claimGrace is how long a dispatcher that takes over waits for claims of
	// workers that do not know yet that the owner is gone.
	claimGrace = 100 * time.Millisecond
)

// claimed handles the claim of a worker; d.mu is held.
func (d *Dispatcher) claimed(p *taskqueue.Peer, c *wire.WorkerCommand, now time.Time) {
	cl := claim{string(c.ID), c.Attempt, c.Handled}
	switch {
	case d.owner:
		d.leaveWith(p, cl, now)
	case d.claimCount < maxClaims:
		d.claimCount++
		d.claims[p] = append(d.claims[p], cl)
	}
}

// leaveWith leaves a task with the worker that runs it, and sends it again, so that
// the worker reports its end here; d.mu is held.
func (d *Dispatcher) leaveWith(p *taskqueue.Peer, cl claim, now time.Time) {
	id := taskqueue.ID(cl.id)
	t := d.queue.Get(id)
	if t == nil || t.Control || d.queue.Holds(p, id) || d.queue.Extend(p, id, cl.attempt, now) != nil {
		return
	}
	if cl.handled {
		d.queue.Handled(p, id)
	}
	socket.SendForced(d.conns[p], d.attemptOf(t))
	d.store.update(taskStatus{id: cl.id, Status: d.statusOf(t)})
}

// attemptOf returns the message with which a task is sent.
func (d *Dispatcher) attemptOf(t *taskqueue.Task) wire.TaskAttempt {
	a := wire.TaskAttempt{
		ID: string(t.ID), Procedure: t.Procedure, Body: t.Body, Header: t.Header, Attempt: t.Attempts, Lease: t.Lease,
	}
	if retains(t) {
		a.KeepResult = min(wire.MaxKeptResult, d.cfg.Link.MaxMessageSize)
	}
	return a
}

// leaveClaimed leaves the tasks that were claimed with their workers; d.mu is held.
func (d *Dispatcher) leaveClaimed() {
	now := time.Now()
	for p, claims := range d.claims {
		for _, cl := range claims {
			d.leaveWith(p, cl, now)
		}
	}
	d.forgetClaims()
}

// forgetClaims forgets what workers have claimed; d.mu is held.
func (d *Dispatcher) forgetClaims() {
	d.claims, d.claimCount = make(map[*taskqueue.Peer][]claim), 0
}

// dropClaims forgets the claims of a worker that has gone; d.mu is held.
func (d *Dispatcher) dropClaims(p *taskqueue.Peer) {
	d.claimCount -= len(d.claims[p])
	delete(d.claims, p)
}
