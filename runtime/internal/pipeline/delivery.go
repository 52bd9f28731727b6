package pipeline

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/list"
	"github.com/gozmq/gozmq/runtime/internal/socket"
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
	// KeepResult is of how many bytes the ventilator keeps the result (Done); 0:
	// none.
	KeepResult int

	consumer *Consumer
	task     wire.Task
	memory   []byte        // of task
	id       string        // the task's
	lease    time.Duration // 0: without end

	decoded bool // nobody keeps its bytes, or the delivery after Finish

	// The consumer's lock guards the following fields.
	held     bool // in the consumer's ledger
	running  bool
	handled  bool                    // the handler has returned, and a sink was sent the result
	place    list.Element[*Delivery] // in the ledger
	to       *ventilator             // to which its end is reported; nil: lost
	lost     *link.Conn              // its connection, once that is lost
	from     *link.Conn              // where it came from, once it runs
	came     moment                  // when it was received, and then when it began to run
	received moment
	due      moment    // when to extend the lease or, if it still waits, to return it
	last     moment    // no extension after; 0: without end
	begun    bool      // in the consumer's list of those
	handler  *handling // nil: it waits
}

// A handling is what the handler of a task may keep for longer than the consumer
// has the task: its context, and where it says how far it is.
type handling struct {
	scope
	consumer *Consumer
	progress atomic.Pointer[reportedProgress] // nil: none was reported
}

func newDelivery(c *Consumer, task wire.Task) *Delivery {
	h, d := wire.ParseTaskHeader(task.Header), c.spare.take(task.Size())
	d.consumer, d.task, d.id, d.lease = c, task.CloneIn(d.memory), string(task.ID), h.Lease
	d.Attempt, d.Batch, d.Metadata, d.KeepResult = h.Attempt, h.BatchName(), h.Metadata, h.KeepResult
	return d
}

// Task returns the task, whose bytes belong to the delivery.
func (d *Delivery) Task() *wire.Task { return &d.task }

// Decoded says that nobody keeps the task's bytes, or the delivery: after Finish
// both become another one. The goroutine that Next has given the delivery may call
// it before Finish.
func (d *Delivery) Decoded() { d.decoded = true }

// ID returns the task's id.
func (d *Delivery) ID() string { return d.id }

// Context returns the context of the attempt, below ctx. It ends when the
// ventilator cancels the task, with the cause that the configuration has, and with
// Finish. It must be called once, by the goroutine that Next has given the
// delivery.
func (d *Delivery) Context(ctx context.Context) context.Context {
	d.handler.above = ctx
	return d.handler
}

// Progress returns what takes how far the task is. It may be used after Finish.
func (d *Delivery) Progress() interface {
	ReportProgress(done float64, text string)
} {
	return d.handler
}

// From returns the connection that the task came from.
func (d *Delivery) From() *link.Conn { return d.from }

// begin records that a task runs, and restarts its lease. It reports that to the
// ventilator at once: only a task that was begun counts as an attempt when its
// worker is lost. The consumer's lock is held.
func (d *Delivery) begin(h *handling, limit time.Duration) {
	now := d.consumer.now()
	d.handler, d.running, d.from, d.came, d.due = h, true, d.to.conn, now, 0
	d.consumer.announce(d)
	if d.lease == 0 {
		return
	}
	if limit > 0 {
		d.last = now.add(limit)
	}
	d.due = now.add(max(d.lease/3, minExtend))
	d.consumer.wakeAt(d.due)
}

// extend reports to the ventilator that the task runs, or was handled; the
// consumer's lock is held.
func (d *Delivery) extend() {
	if d.to != nil {
		socket.SendForced(d.to.conn, d.extension())
	}
}

// extension returns the EXTEND, which is valid until the consumer's next command.
func (d *Delivery) extension() *wire.WorkerCommand {
	c := &d.consumer.command
	*c = wire.WorkerCommand{Verb: wire.VerbExtend, ID: d.task.ID, Attempt: d.Attempt, Handled: d.handled, Progress: d.takeProgress()}
	return c
}

// Malformed reports a task that made no sense to its connection.
func (d *Delivery) Malformed(err error) {
	d.consumer.mu.Lock()
	to := d.to
	d.consumer.mu.Unlock()
	if to != nil {
		to.conn.Malformed("task: %w", err)
	}
}

// KeepLease extends the task's lease without end from now on. A worker calls it
// when the handler has returned and the result waits for a sink.
func (d *Delivery) KeepLease() {
	d.consumer.mu.Lock()
	defer d.consumer.mu.Unlock()
	d.last = 0
}

// Finish reports how the task ended, with an encoded status or nil. It returns
// false if no ventilator is left to receive the report. A task that was done is not
// run again here.
func (d *Delivery) Finish(verb wire.Verb, status []byte) (reported bool) {
	return d.finish(wire.WorkerCommand{Verb: verb, Status: status})
}

// Done is Finish for a task that was done and whose ventilator keeps the result,
// which must not be changed any more.
func (d *Delivery) Done(result []byte) (reported bool) {
	return d.finish(wire.WorkerCommand{Verb: wire.VerbDone, Result: result})
}

func (d *Delivery) finish(end wire.WorkerCommand) (reported bool) {
	c := d.consumer
	c.mu.Lock()
	d.handler.end(context.Canceled)
	if end.Verb == wire.VerbDone && d.held && d.handler.progress.Load().unsent() {
		d.extend()
	}
	to := d.to
	reported = d.release(end)
	var full *link.Conn
	if to != nil {
		full = c.heldEnough(to)
	}
	c.mu.Unlock()
	if full != nil {
		full.Uncork()
	}
	return reported
}

// release reports the end of a task and forgets it (Finish); the consumer's lock is
// held.
func (d *Delivery) release(end wire.WorkerCommand) (reported bool) {
	c, v, held := d.consumer, d.to, d.held
	switch {
	case end.Verb == wire.VerbDone:
		if c.ledger.finish(d) {
			c.results.add(d.id, end.Result)
		}
	case held:
		c.ledger.remove(d)
	}
	if !held || v == nil {
		return false
	}
	if d.running && !d.handled {
		c.learn(v, d)
	}
	d.detach()
	if c.quick(v) {
		c.holdBack(v)
	}
	end.ID = d.task.ID
	c.command = end
	socket.SendForced(v.conn, &c.command)
	if d.decoded && !d.begun {
		c.spare.give(d)
	}
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
		timer.Reset(c.extendDue())
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
func (c *Consumer) extendDue() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	var due []*Delivery
	c.ledger.each(func(d *Delivery) {
		if d.due != 0 && d.due <= now {
			due = append(due, d)
		}
	})
	for _, d := range due {
		if d.held {
			d.handleDue(now)
		}
	}
	next := time.Hour
	c.ledger.each(func(d *Delivery) {
		if d.due != 0 {
			next = min(next, d.due.sub(now))
		}
		next = min(next, d.progressDue(now))
	})
	next = max(next, time.Millisecond)
	c.wake = now.add(next)
	return next
}

// wakeAt has the extender look at the tasks at a time, if that is sooner than it
// would. c.mu is held.
func (c *Consumer) wakeAt(due moment) {
	if due != 0 && due < c.wake {
		c.wake = due
		c.sooner.Set()
	}
}

// handleDue returns a task that waits, and extends the lease of a task that
// runs and still has time; the consumer's lock is held.
func (d *Delivery) handleDue(now moment) {
	if !d.running {
		d.waited(now)
		return
	}
	if d.last != 0 && now > d.last {
		d.due = 0
		return
	}
	if d.to != nil {
		_ = socket.SendTo(d.to.conn, d.extension())
	}
	d.due = now.add(max(d.lease/3, minExtend))
}
