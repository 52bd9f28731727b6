package pipeline

import (
	"time"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// A sink has no connection to ventilators. While there are batches that are not
// over, a dispatcher says at intervals that it is there, to every worker, and
// these say so to their sinks: a sink that gets nothing reports to its program that
// a batch may be lost. Nothing of it is acknowledged.

// maxOver is how many batches that are over a dispatcher names: sinks other than
// the one that knows that a batch is complete no longer wait for news of it.
const maxOver = 256

// alivePerLease is how often a sink gets a sign of life of a dispatcher before it
// misses it.
const alivePerLease = 3

// armAlive has sayAlive called at intervals while there are batches; d.mu is
// held.
func (d *Dispatcher) armAlive() {
	if d.alive != nil || d.cfg.BatchSilence == 0 || d.closed {
		return
	}
	every := max(d.cfg.BatchSilence/alivePerLease, time.Millisecond)
	d.alive = time.AfterFunc(every, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.alive = nil
		if len(d.live) > 0 && !d.closed {
			d.sayAlive()
			d.armAlive()
		}
	})
}

// stopAlive ends what armAlive began, once the dispatcher is closed.
func (d *Dispatcher) stopAlive() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.alive != nil {
		d.alive.Stop()
	}
}

// sayAlive tells every worker that knows ALIVE that the dispatcher is there;
// d.mu is held.
func (d *Dispatcher) sayAlive() {
	if d.cfg.BatchSilence == 0 {
		return
	}
	m := d.aliveMessage()
	for c := range d.peers {
		if c.Gozmq() {
			_ = socket.SendTo(c, m) // or it gets the next one
		}
	}
}

// greet tells a new worker that the dispatcher is there, if a sink may wait for
// that; d.mu is held.
func (d *Dispatcher) greet(c *link.Conn) {
	if c.Gozmq() && len(d.live) > 0 && d.cfg.BatchSilence > 0 {
		_ = socket.SendTo(c, d.aliveMessage())
	}
}

func (d *Dispatcher) aliveMessage() wire.Alive {
	return wire.VentilatorState{Ventilator: d.ventilator, Lease: d.cfg.BatchSilence, Over: d.over}.Encode()
}
