package gozmq

import "fmt"

// Progress counts the tasks or results of a ventilator, a worker or a sink.
// Numbers that this end cannot know are 0.
type Progress struct {
	// Queued is how many tasks wait; at a sink, how many results have come and do.
	Queued int
	// InFlight is how many tasks a worker holds or a handler runs; at a sink,
	// how many results the bodies of loops process.
	InFlight int
	// Done is how many tasks were done. A ventilator with DeliveryAtMostOnce
	// counts the tasks that it has put into the queue of a worker's connection.
	Done uint64
	// Failed is how many tasks a ventilator gave up; at a worker, how many
	// attempts failed.
	Failed uint64
	// Redelivered is how many attempts were not the first one; at a sink, how
	// many results were duplicates and dropped.
	Redelivered uint64
	// Results is how many results wait at a worker: for a sink or, with
	// DeliveryAtLeastOnce, for its acknowledgement.
	Results int
	// Standby says that another ventilator owns the task store's queue, or nobody
	// can: this one hands out nothing.
	Standby bool
}

// String returns the numbers that are not 0, as text.
func (p Progress) String() string {
	text := fmt.Sprintf("%d done", p.Done)
	add := func(n uint64, what string) {
		if n > 0 {
			text += fmt.Sprintf(", %d %s", n, what)
		}
	}
	add(uint64(p.InFlight), "in flight")
	add(uint64(p.Queued), "queued")
	add(p.Failed, "failed")
	add(p.Redelivered, "redelivered")
	add(uint64(p.Results), "results waiting")
	if p.Standby {
		text += ", standing by"
	}
	return text
}
