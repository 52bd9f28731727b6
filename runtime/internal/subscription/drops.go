package subscription

import (
	"sync/atomic"
	"time"
)

// counters are the counts of all subscriptions of a Hub together.
type counters struct{ dropped, superseded atomic.Uint64 }

// reportInterval is the shortest time between two reports of one queue.
const reportInterval = time.Second

// drops counts the messages that a queue has dropped, and reports them. The
// queue's lock guards the fields that are not atomic.
type drops struct {
	counters   *counters
	report     func(count int) // nil: drops are not reported
	total      atomic.Uint64
	unreported int
	reported   time.Time
}

// add counts one message.
func (d *drops) add() {
	d.total.Add(1)
	d.counters.dropped.Add(1)
	d.unreported++
	if time.Since(d.reported) >= reportInterval {
		d.flush()
	}
}

// flush reports the drops that were not yet reported.
func (d *drops) flush() {
	if d.unreported == 0 || d.report == nil {
		return
	}
	d.report(d.unreported)
	d.unreported, d.reported = 0, time.Now()
}
