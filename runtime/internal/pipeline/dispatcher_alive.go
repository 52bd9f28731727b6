package pipeline

import (
	"time"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// A sink has no connection to ventilators. While a dispatcher has unfinished
// batches, it sends every worker an ALIVE at intervals, which the workers pass on
// to their sinks. A sink that gets no ALIVE reports to its program that a batch may
// be lost. ALIVE is not acknowledged.

// maxOver is how many batches that are over a dispatcher names in ALIVE, so that
// sinks that did not get the last notice no longer wait for these batches.
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

// sayAlive sends ALIVE to every worker that knows it; d.mu is held.
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

// greet sends ALIVE to a new worker, if a sink may wait for it; d.mu is held.
func (d *Dispatcher) greet(c *link.Conn) {
	if c.Gozmq() && len(d.live) > 0 && d.cfg.BatchSilence > 0 {
		_ = socket.SendTo(c, d.aliveMessage())
	}
}

func (d *Dispatcher) aliveMessage() wire.Alive {
	return wire.VentilatorState{Ventilator: d.ventilator, Lease: d.cfg.BatchSilence, Over: d.over}.Encode()
}
