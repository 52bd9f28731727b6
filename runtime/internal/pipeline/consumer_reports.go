package pipeline

import (
	"time"

	"github.com/gozmq/gozmq/runtime/internal/link"
)

// While the tasks of a ventilator take next to no time, a consumer holds back what it
// says of them, so that one write has many ends of tasks: until there are maxReports,
// or nothing waits any more, and for reportAfter at most. A task that takes longer
// than that is announced then.
const (
	quickTask   = 50 * time.Microsecond
	reportAfter = time.Millisecond
	maxReports  = 64
)

// quick reports whether the consumer holds back what it says of v's tasks; c.mu is
// held.
func (c *Consumer) quick(v *ventilator) bool {
	return v.pace.took > 0 && v.pace.took < quickTask && !c.draining
}

// holdBack has the commands to v wait for the next flush, of which the caller adds one
// that says how a task ended; c.mu is held.
func (c *Consumer) holdBack(v *ventilator) {
	if v.corked == 0 {
		v.conn.Cork()
		c.reportLater()
	}
	v.corked++
}

// reportLater has reportHeldBack called after reportAfter at the latest; c.mu is held.
func (c *Consumer) reportLater() {
	if !c.reporting {
		c.reporting = true
		c.report.Reset(reportAfter)
	}
}

// heldEnough returns v's connection if enough was held back for it, whose Uncork the caller
// then calls without c.mu; else nil. c.mu is held.
func (c *Consumer) heldEnough(v *ventilator) *link.Conn {
	if v.corked == 0 || v.corked < min(maxReports, (c.lanes+v.ahead)/4) {
		return nil
	}
	v.corked = 0
	return v.conn
}

// heldBack returns the connections of all ventilators for which something was held
// back, as heldEnough does.
func (c *Consumer) heldBack() (conns []*link.Conn) {
	for _, v := range c.ventilators {
		if v.corked > 0 {
			v.corked = 0
			conns = append(conns, v.conn)
		}
	}
	return conns
}

// reportHeldBack writes what was held back, and announces the tasks that run.
func (c *Consumer) reportHeldBack() {
	c.mu.Lock()
	c.reporting = false
	conns := append(c.appendBegun(), c.heldBack()...)
	c.mu.Unlock()
	uncork(conns)
}

func uncork(conns []*link.Conn) {
	for _, conn := range conns {
		conn.Uncork()
	}
}
