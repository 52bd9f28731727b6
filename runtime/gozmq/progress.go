package gozmq

import "fmt"

// Progress says how far a ventilator, a worker or a sink is. Numbers that this
// end cannot know are 0.
type Progress struct {
	// Queued is how many tasks, or at a sink results, wait.
	Queued int
	// InFlight is how many are with a worker, being done, or in the body of a
	// sink's loop.
	InFlight int
	// Done is how many were done. A ventilator that delivers at most once
	// counts what it has given to a worker's connection.
	Done uint64
	// Failed is how many failed: at a ventilator for good, at a worker attempts.
	Failed uint64
	// Redelivered is how many attempts were not the first one; at a sink, how
	// many results came again and were dropped.
	Redelivered uint64
}

// String writes the numbers that are not 0.
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
	return text
}
