package transport

import (
	"sync"
	"time"
)

// A deadline wakes the waiters of a condition at a given time. The condition's lock
// guards it. The zero value never wakes them.
type deadline struct {
	at     time.Time // zero: none, or passed
	passed bool
	timer  *time.Timer // made once and reset
}

// set replaces the deadline. The zero time removes it, a past time wakes the
// waiters at once. The caller holds the lock.
func (d *deadline) set(c *sync.Cond, t time.Time) {
	d.stop()
	d.passed = false
	if t.IsZero() {
		return
	}
	left := time.Until(t)
	if left <= 0 {
		d.pass(c)
		return
	}
	d.at = time.Now().Add(left) // on the monotonic clock, even if t is not
	if d.timer == nil {
		d.timer = time.AfterFunc(left, func() { d.fire(c) })
		return
	}
	d.timer.Reset(left)
}

// stop ends the timer. The caller holds the lock.
func (d *deadline) stop() {
	d.at = time.Time{}
	if d.timer != nil {
		d.timer.Stop()
	}
}

// fire runs when the timer does, which may be just after set or stop.
func (d *deadline) fire(c *sync.Cond) {
	c.L.Lock()
	defer c.L.Unlock()
	if !d.at.IsZero() && time.Until(d.at) <= 0 {
		d.pass(c)
	}
}

func (d *deadline) pass(c *sync.Cond) {
	d.at = time.Time{}
	d.passed = true
	c.Broadcast()
}
