package pipeline

import "time"

// setClock has tick called when the next lease, backoff or retention ends; d.mu is
// held.
func (d *Dispatcher) setClock(now time.Time) {
	when, ok := d.queue.Wake()
	if end, kept := d.done.wake(); kept && (!ok || end.Before(when)) {
		when, ok = end, true
	}
	if !ok || !d.armed.IsZero() && !d.armed.After(when) {
		return
	}
	d.armed = when
	d.clock.Reset(max(when.Sub(now), time.Millisecond))
}

// tick ends leases, backoffs and retentions.
func (d *Dispatcher) tick() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.paused {
		return
	}
	d.armed = time.Time{}
	d.expire()
	d.dispatch()
	d.setClock(time.Now())
}

// expire ends the leases, backoffs and waiting tasks whose time has come; d.mu is
// held.
func (d *Dispatcher) expire() {
	for _, e := range d.queue.Expire(time.Now()) {
		if c := d.conns[e.Peer]; c != nil {
			d.cfg.LeaseExpired(c, e.Task.Procedure)
		}
		if e.Dead {
			d.giveUp(e.Task)
			d.changed.Notify()
		}
	}
	d.expireDone(time.Now())
	d.dropFreed()
}
