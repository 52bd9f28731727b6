package pipeline

import (
	"slices"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// A consumer with ConsumerConfig.Grow reads as many tasks of a ventilator ahead
// as it does in aheadTrips round trips: so many are on their way when it is never
// idle, and they wait here no longer than that. So a worker takes no tasks from
// others that would begin them earlier.
const (
	aheadTrips = 2
	// maxAhead and maxAheadBytes bound the tasks that are read ahead from one
	// ventilator.
	maxAhead      = 1024
	maxAheadBytes = 16 << 20
	// Tasks that are quick it reads ahead from a near ventilator, too: as many as
	// it does in aheadTime, up to aheadBytes. Then each read, write and wake-up is
	// for many tasks.
	aheadTime  = time.Millisecond
	aheadBytes = 1 << 20
	// The round trip is measured when measureAfter tasks have run, and then at most
	// once in measureAgain.
	measureAfter = 8
	measureAgain = time.Second
	// A task waits for minPatience, or patienceTrips round trips, until the
	// consumer finds that it does not do as many as it thought. A process that is
	// not scheduled for a moment has no reason to return any.
	minPatience   = 100 * time.Millisecond
	patienceTrips = 4
)

// A pace measures the tasks of a ventilator.
type pace struct {
	took     time.Duration // of one task, on average; 0: not known
	size     int           // of one task, rather too much
	ended    int           // tasks since ahead was changed
	all      int           // tasks, up to measureAfter
	measured moment        // when the round trip was
}

// measure starts a measurement of the round trip, if it may matter, and not too
// often.
func (v *ventilator) measure(now moment) {
	p := &v.pace
	if p.all < measureAfter {
		p.all++
		return
	}
	if p.measured == 0 || now.sub(p.measured) >= measureAgain {
		p.measured = now
		v.conn.Measure()
	}
}

// learn records how long a task has run, and adapts how many are read ahead; c.mu
// is held.
func (c *Consumer) learn(v *ventilator, d *Delivery) {
	now := c.now()
	p, took := &v.pace, max(now.sub(d.came), time.Microsecond)
	if p.took == 0 {
		p.took = took
	}
	p.took += (took - p.took) / 8
	if !c.grow || !c.started || c.draining {
		return
	}
	p.size = max(d.task.Size(), p.size-p.size/64)
	p.ended++
	v.measure(now)
	switch want := c.wanted(v); {
	case want > v.ahead && p.ended >= v.ahead:
		v.ahead, p.ended = min(want, 2*v.ahead), 0
		v.raise(c.lanes + v.ahead + v.handled)
	case want <= v.ahead/2:
		v.ahead, p.ended = want, 0
		c.adjust(v)
	}
}

// wanted returns how many tasks of a ventilator to read ahead.
func (c *Consumer) wanted(v *ventilator) int {
	return max(v.pace.ahead(c.lanes, v.conn.RoundTrip()), c.ahead)
}

// ahead returns how many tasks as these a consumer that runs so many at once does
// in aheadTrips round trips, or in aheadTime if they are quick, within the bounds.
func (p *pace) ahead(lanes int, trip time.Duration) int {
	rate, size := float64(lanes)/float64(p.took), max(p.size, 1)
	n := min(aheadTrips*float64(trip)*rate, float64(maxAheadBytes/size))
	if p.took < quickTask {
		n = max(n, min(float64(aheadTime)*rate, float64(aheadBytes/size)))
	}
	return int(min(n, maxAhead))
}

// setWait sets how long a task may wait here; the consumer's lock is held.
func (d *Delivery) setWait(now moment) {
	d.came, d.received = now, now
	if d.lease > 0 {
		// It is returned then, so that it goes to a worker that has time.
		d.due = now.add(d.lease / 2)
	}
	c := d.consumer
	if v := d.to; c.readsMore(v) {
		end := now.add(max(minPatience, patienceTrips*v.conn.RoundTrip()))
		if d.due == 0 || end < d.due {
			d.due = end
		}
	}
	c.wakeAt(d.due)
}

// readsMore reports whether more of a ventilator's tasks than by default are read
// ahead, also when that was decided before tasks became slower. c.mu is held.
func (c *Consumer) readsMore(v *ventilator) bool {
	return c.grow && (v.ahead > c.ahead || v.holds-v.handled > c.lanes+c.ahead)
}

// waited returns a task that has waited for half of its lease. If a task read ahead
// beyond the default waits for long, tasks have become slower: then fewer are read
// ahead, and the surplus is returned. The consumer's lock is held.
func (d *Delivery) waited(now moment) {
	c := d.consumer
	if v := d.to; v != nil && c.readsMore(v) {
		v.ahead, v.pace.ended = c.ahead, 0
		v.pace.took = max(v.pace.took, now.sub(d.came))
		c.adjust(v)
		c.returnBeyond(v)
	}
	switch end := d.came.add(d.lease / 2); {
	case !d.held:
	case d.lease == 0:
		d.due = 0
	case now < end:
		d.due = end
	default:
		d.giveBack()
	}
}

// giveBack returns a task that waits to its ventilator; the consumer's lock is
// held.
func (d *Delivery) giveBack() {
	c := d.consumer
	c.waiting = slices.DeleteFunc(c.waiting, func(other *Delivery) bool { return other == d })
	d.release(wire.WorkerCommand{Verb: wire.VerbReturn})
}

// returnBeyond returns the waiting tasks of a ventilator beyond the number to read
// ahead; c.mu is held.
func (c *Consumer) returnBeyond(v *ventilator) {
	kept, n := c.waiting[:0], 0
	var back []*Delivery
	for _, d := range c.waiting {
		if d.to == v {
			if n++; n > v.ahead {
				back = append(back, d)
				continue
			}
		}
		kept = append(kept, d)
	}
	clear(c.waiting[len(kept):])
	c.waiting = kept
	for _, d := range back {
		d.release(wire.WorkerCommand{Verb: wire.VerbReturn})
	}
}
