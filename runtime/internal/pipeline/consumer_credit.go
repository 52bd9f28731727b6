package pipeline

import (
	"slices"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// A ventilator is a connection that a Consumer gets tasks from. The Consumer's
// lock guards it.
type ventilator struct {
	conn       *link.Conn
	holds      int         // tasks whose end is reported on the connection
	handled    int         // of these, the ones whose results wait for a sink
	unreported []*Delivery // those of them that the ventilator considers running
	granted    int         // the credit that it has
	limit      int         // the largest credit that it had, which it may not know has shrunk

	ahead int // how many of its tasks are read ahead
	pace  pace

	corked int // ends of tasks that are held back; 0: the connection is not corked for that
}

// grant sets a ventilator's credit.
func (v *ventilator) grant(credit int) {
	v.granted = min(credit, wire.MaxCredit)
	v.limit = max(v.limit, v.granted)
	socket.SendForced(v.conn, wire.WorkerCommand{Verb: wire.VerbCredit, Credit: v.granted, Cancels: v.conn.Gozmq()})
}

// adjust has a ventilator's credit follow the number of its tasks that were
// handled, which take none of the places for tasks that run or are read ahead.
// So that few commands are needed, the credit may lack half of those read ahead.
// c.mu is held.
func (c *Consumer) adjust(v *ventilator) {
	if !c.started || c.draining {
		return
	}
	own, slack := c.lanes+v.ahead, (v.ahead+1)/2
	want := min(own+v.handled, wire.MaxCredit)
	switch {
	case v.granted > want:
		v.grant(max(own, want-slack/2))
	case v.granted < want-slack:
		v.raise(want - slack/2)
	}
}

// raise raises a ventilator's credit, once it knows which of its tasks were
// handled.
func (v *ventilator) raise(credit int) {
	v.forgetEnded()
	for _, d := range v.unreported {
		d.extend()
	}
	clear(v.unreported)
	v.unreported = v.unreported[:0]
	v.grant(credit)
}

// forgetEnded drops from unreported the tasks that have ended or moved to another
// connection.
func (v *ventilator) forgetEnded() {
	v.unreported = slices.DeleteFunc(v.unreported, func(d *Delivery) bool {
		return d.to != v || !d.held
	})
}

// Handled says that the handler of a task has returned and that its result was
// sent to a sink: until Finish the task takes none of the credit. It has no
// effect after Finish.
func (d *Delivery) Handled() {
	c := d.consumer
	c.mu.Lock()
	defer c.mu.Unlock()
	if d.handled || !d.held {
		return
	}
	d.handled = true
	if v := d.to; v != nil {
		v.handled++
		c.learn(v, d)
		if len(v.unreported) > 2*v.handled {
			v.forgetEnded()
		}
		v.unreported = append(v.unreported, d)
		c.adjust(v)
	}
}

// attach makes v the ventilator to which the task's end is reported; the consumer's
// lock is held.
func (d *Delivery) attach(v *ventilator) {
	d.to = v
	v.holds++
	if d.handled {
		v.handled++
	}
}

// detach undoes attach. The place of a task that was handled goes before its end
// is reported, so that it is not filled. The consumer's lock is held.
func (d *Delivery) detach() {
	v := d.to
	if v == nil {
		return
	}
	v.holds--
	if d.handled {
		v.handled--
		d.consumer.adjust(v)
	}
}
