package pipeline

// Progress counts tasks or, at a sink, results. Numbers that an engine cannot
// know are 0.
type Progress struct {
	Queued      int // waiting
	InFlight    int // with a worker, in a handler or in the body of a sink's loop
	Done        uint64
	Failed      uint64
	Redelivered uint64 // attempts after the first; at a sink: duplicates that were dropped
	Results     int    // at a worker: not acknowledged by a sink
	Standby     bool   // another ventilator owns the store
}
