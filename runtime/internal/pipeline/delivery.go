package pipeline

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/taskqueue"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// A Delivery is one attempt of a task, with its lease, at a Consumer. Finish
// must be called for each that Next returns.
type Delivery struct {
	// Attempt is how often the task was handed out, this time included; 0 when
	// the ventilator did not say so.
	Attempt int
	// Batch is the name of the task's batch, or empty.
	Batch string
	// Metadata is the task's, nil for none.
	Metadata wire.Metadata

	consumer *Consumer
	task     wire.Task
	id       string        // the task's
	lease    time.Duration // 0: without end

	// The consumer's lock guards the following fields.
	conn     *link.Conn // on which its end is reported; nil: lost
	lostAt   string     // the endpoint of that connection, once it is lost
	from     *link.Conn // where it came from, once it runs
	running  bool
	came     time.Time // when it was received, and then when it began to run
	received time.Time
	handled  bool      // the handler has returned, and a sink was sent the result
	due      time.Time // when to extend the lease or, if it still waits, to return it; zero: never
	last     time.Time // no extension after; zero: without end
	scope    scope
	progress atomic.Pointer[reportedProgress] // nil: none was reported
	command  wire.WorkerCommand               // the last one on the task, while it is being written
}

func newDelivery(c *Consumer, task wire.Task) *Delivery {
	h := wire.ParseTaskHeader(task.Header)
	return &Delivery{
		consumer: c, task: task.Clone(), id: string(task.ID), lease: h.Lease, Attempt: h.Attempt, Batch: h.BatchName(), Metadata: h.Metadata,
	}
}

// Task returns the task, whose bytes belong to the delivery.
func (d *Delivery) Task() *wire.Task { return &d.task }

// ID returns the task's id.
func (d *Delivery) ID() string { return d.id }

// Context returns the context of the attempt, below ctx. It ends when the
// ventilator cancels the task, with the cause that the configuration has, and with
// Finish. It must be called once, by the goroutine that Next has given the
// delivery.
func (d *Delivery) Context(ctx context.Context) context.Context {
	d.scope.above = ctx
	return &d.scope
}

// From returns the connection that the task came from.
func (d *Delivery) From() *link.Conn { return d.from }

// begin records that a task runs, and restarts its lease. It reports that to the
// ventilator at once: only a task that was begun counts as an attempt when its
// worker is lost. The consumer's lock is held.
func (d *Delivery) begin(limit time.Duration) {
	now := time.Now()
	d.running, d.from, d.came, d.due = true, d.conn, now, time.Time{}
	d.consumer.announce(d)
	if d.lease == 0 {
		return
	}
	if limit > 0 {
		d.last = now.Add(limit)
	}
	d.due = now.Add(max(d.lease/3, minExtend))
	d.consumer.sooner.Set()
}

// extend reports to the ventilator that the task runs, or was handled; the
// consumer's lock is held.
func (d *Delivery) extend() {
	if d.conn != nil {
		socket.SendForced(d.conn, d.extension())
	}
}

// extension returns the EXTEND, which is valid until the next command on the task.
func (d *Delivery) extension() *wire.WorkerCommand {
	d.command = wire.WorkerCommand{Verb: wire.VerbExtend, ID: d.task.ID, Attempt: d.Attempt, Handled: d.handled, Progress: d.takeProgress()}
	return &d.command
}

// Malformed reports a task that made no sense to its connection.
func (d *Delivery) Malformed(err error) {
	d.consumer.mu.Lock()
	conn := d.conn
	d.consumer.mu.Unlock()
	if conn != nil {
		conn.Malformed("task: %w", err)
	}
}

// KeepLease extends the task's lease without end from now on. A worker calls it
// when the handler has returned and the result waits for a sink.
func (d *Delivery) KeepLease() {
	d.consumer.mu.Lock()
	defer d.consumer.mu.Unlock()
	d.last = time.Time{}
}

// Finish reports how the task ended, with an encoded status or nil. It returns
// false if no ventilator is left to receive the report. A task that was done is not
// run again here.
func (d *Delivery) Finish(verb wire.Verb, status []byte) (reported bool) {
	c := d.consumer
	c.mu.Lock()
	defer c.mu.Unlock()
	if id := taskqueue.ID(d.id); verb == wire.VerbDone && !c.done.Has(id, time.Time{}) {
		c.done.Add(id, time.Time{})
	}
	d.scope.end(context.Canceled)
	if verb == wire.VerbDone && c.held[d.id] == d && d.progress.Load().unsent() {
		d.extend()
	}
	return d.release(verb, status)
}

// release reports the end of a task and forgets it (Finish); the consumer's lock is
// held.
func (d *Delivery) release(verb wire.Verb, status []byte) (reported bool) {
	c := d.consumer
	if c.held[d.id] != d {
		return false
	}
	delete(c.held, d.id)
	if d.conn == nil {
		return false
	}
	if v := c.ventilators[d.conn]; v != nil && d.running && !d.handled {
		c.learn(v, d)
	}
	d.detach()
	d.command = wire.WorkerCommand{Verb: verb, ID: d.task.ID, Status: status}
	socket.SendForced(d.conn, &d.command)
	return true
}

// report sends a ventilator the end of a task.
func report(conn *link.Conn, verb wire.Verb, id, status []byte) {
	socket.SendForced(conn, wire.WorkerCommand{Verb: verb, ID: id, Status: status})
}

// extendLeases extends the leases of running tasks, and returns tasks that wait
// for too long, until Shutdown.
func (c *Consumer) extendLeases() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		timer.Reset(c.extendDue(time.Now()))
		select {
		case <-c.sooner:
		case <-timer.C:
		case <-c.ended:
			return
		}
	}
}

// extendDue extends the leases that are due, and returns how long to wait for the
// next.
func (c *Consumer) extendDue(now time.Time) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	next := time.Hour
	for _, d := range c.held {
		if !d.due.IsZero() && !d.due.After(now) {
			d.handleDue(now)
		}
		if !d.due.IsZero() && c.held[d.id] == d {
			next = min(next, d.due.Sub(now))
		}
		next = min(next, d.progressDue(now))
	}
	return max(next, time.Millisecond)
}

// handleDue returns a task that waits, and extends the lease of a task that
// runs and still has time; the consumer's lock is held.
func (d *Delivery) handleDue(now time.Time) {
	if !d.running {
		d.waited(now)
		return
	}
	if !d.last.IsZero() && now.After(d.last) {
		d.due = time.Time{}
		return
	}
	if d.conn != nil {
		_ = socket.SendTo(d.conn, d.extension())
	}
	d.due = now.Add(max(d.lease/3, minExtend))
}
