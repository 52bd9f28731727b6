package pipeline

import (
	"errors"
	"fmt"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/taskqueue"
	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// Join adds a worker, which has no credit yet (socket.PeerHandler).
func (d *Dispatcher) Join(c *link.Conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := d.queue.Join()
	d.queue.Limit(p, c.MaxMessage)
	d.peers[c], d.conns[p] = p, c
	c.CountInFlight(func() int { return d.holds(p) })
	d.greet(c)
}

// holds returns how many tasks a worker has.
func (d *Dispatcher) holds(p *taskqueue.Peer) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return p.Holds()
}

// Leave gives the worker's tasks to others (socket.PeerHandler).
func (d *Dispatcher) Leave(c *link.Conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := d.peers[c]
	if p == nil {
		return // dropped, because the queue was lost
	}
	delete(d.peers, c)
	delete(d.conns, p)
	d.dropClaims(p)
	if p.Works() {
		d.workers--
	}
	if d.closed {
		return // nothing is lost that was not left anyway
	}
	for _, t := range d.queue.Leave(p, time.Now()) {
		d.giveUp(t)
	}
	d.changed.Notify()
	d.dispatch()
}

// Writable hands out tasks that did not fit into the worker's send queue
// (socket.PeerHandler).
func (d *Dispatcher) Writable(c *link.Conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if p := d.peers[c]; p != nil && !d.closed {
		d.queue.Block(p, false)
		d.dispatch()
	}
}

// Receive handles a worker's messages (socket.PeerHandler). The tasks that take the
// place of those that are done go to it in one write.
func (d *Dispatcher) Receive(c *link.Conn, b *link.Batch) {
	c.Cork()
	defer c.Uncork()
	d.mu.Lock()
	defer d.mu.Unlock()
	p := d.peers[c]
	if p == nil {
		return
	}
	now := time.Now()
	for i := range b.Len() {
		if err := d.handle(p, b.Message(i), now); err != nil {
			c.Malformed("message of a worker: %w", err)
		}
	}
	if d.paused {
		d.changed.Notify() // Close waits until no worker has a task
	}
	d.dispatch()
}

// TooLarge handles the beginning of a message that is too large: the verb, and the
// task that it is about (socket.OversizedReceiver).
func (d *Dispatcher) TooLarge(c *link.Conn, frames [][]byte, _ *zmtp.SizeError) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !wire.NamesTask(frames) || d.peers[c] == nil || d.handle(d.peers[c], frames, time.Now()) != nil {
		return // reported already
	}
	d.dispatch()
}

// handle handles one message of a worker and returns its fault, if any; d.mu is
// held.
func (d *Dispatcher) handle(p *taskqueue.Peer, frames [][]byte, now time.Time) error {
	c, err := wire.ParseWorkerCommand(frames)
	if err != nil {
		return err
	}
	if c.Verb == wire.VerbCredit {
		p.Cancels = c.Cancels
		d.grant(p, c.Credit)
		d.sendCancels(p)
		return nil
	}
	if c.Verb == wire.VerbExtend {
		d.sendCancel(p, d.queue.ID(c.ID))
	}
	if c.Verb == wire.VerbExtend && c.Again {
		d.claimed(p, &c, now)
		return nil
	}
	err = d.handleOutcome(p, &c, now)
	if errors.Is(err, taskqueue.ErrUnknown) && d.canceled.Has(taskqueue.ID(c.ID), time.Time{}) {
		return nil // the worker did not know that
	}
	if err != nil {
		return fmt.Errorf("%s %x: %w", c.Verb, c.ID, err)
	}
	return nil
}

// grant sets how many tasks a worker is willing to hold; d.mu is held.
func (d *Dispatcher) grant(p *taskqueue.Peer, credit int) {
	worked := p.Works()
	d.queue.Credit(p, credit)
	if !worked && p.Works() {
		d.workers++
		d.changed.Notify()
	}
}

// stop sends STOP to a worker, and no further task; d.mu is held.
func (d *Dispatcher) stop(c *link.Conn, p *taskqueue.Peer) {
	if p.Works() {
		d.workers--
	}
	d.queue.Stop(p)
	socket.SendForced(c, wire.Stop{})
}

// handleOutcome handles a worker's report on a task; d.mu is held.
func (d *Dispatcher) handleOutcome(p *taskqueue.Peer, c *wire.WorkerCommand, now time.Time) error {
	if c.Verb == wire.VerbDone {
		t, err := d.queue.Done(p, taskqueue.ID(c.ID)) // does not keep the id
		if t != nil {
			d.taskDone(p, t, c.Result)
		}
		return err
	}
	id := d.queue.ID(c.ID)
	switch c.Verb {
	case wire.VerbReturn:
		return d.queue.Return(p, id, now)
	case wire.VerbExtend:
		err := d.queue.Extend(p, id, c.Attempt, now)
		if c.Handled {
			d.queue.Handled(p, id)
		}
		if c.Progress != nil {
			d.queue.Report(p, id, taskqueue.Progress(*c.Progress))
		}
		return err
	}
	// FAIL or REJECT, whose status belongs to the batch that is being received.
	reason := &FailedError{Status: append([]byte(nil), c.Status...)}
	dead, err := d.queue.Fail(p, id, reason, c.Verb == wire.VerbFail, now)
	if dead != nil {
		d.giveUp(dead)
		d.changed.Notify()
	} else if t := d.queue.Get(id); err == nil && t != nil && !t.Control {
		d.store.update(taskStatus{id: string(id), Status: d.statusOf(t)}) // another owner counts on
	}
	return err
}
