package gozmq

import (
	"github.com/gozmq/gozmq/runtime/internal/pipeline"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// BatchStatus is what a sink knows of a batch.
type BatchStatus struct {
	// ID names the batch among those of all ventilators; not printable. Name is
	// what its ventilator calls it.
	ID, Name string
	// Tasks is how many tasks the batch has.
	Tasks uint64
	// Results is how many results of the batch this sink has dealt with.
	Results uint64
	// Complete says that no more results will come. With DeliveryAtLeastOnce
	// every task was done or given up, and one of the sinks has acknowledged
	// every result. With DeliveryAtMostOnce as many results have come to this
	// sink as the batch has tasks; if one is lost, the batch is never complete.
	Complete bool
	// Failed is how many tasks were given up, and Failures the first of them.
	Failed   uint64
	Failures []BatchFailure
}

// A BatchFailure is a task of a batch that was given up.
type BatchFailure struct {
	ID        string // the task's
	Procedure string
	Attempts  int
	Reason    error // an *Error
}

// WithBatchHandler has f called when a sink learns how many tasks a batch has,
// and when the batch is complete. f is called for one batch at a time, in the
// goroutine of a connection, which is not read meanwhile. f must neither wait
// for results nor close the sink.
func WithBatchHandler(f func(BatchStatus)) SinkOption {
	return sinkOption(func(c *sinkConfig) { c.onBatch = f })
}

// batchReporter returns f as a function for an engine, nil for nil. A panic of f is
// reported to o.
func batchReporter(f func(BatchStatus), t zmtp.SocketType, o *observer) func(pipeline.BatchStatus) {
	if f == nil {
		return nil
	}
	return func(s pipeline.BatchStatus) {
		status := BatchStatus{ID: s.ID, Name: s.Name, Tasks: s.Tasks, Results: s.Results, Complete: s.Complete, Failed: s.Failed}
		for _, f := range s.Failures {
			reason := &Error{Code: Code(f.Code), Message: f.Message}
			status.Failures = append(status.Failures, BatchFailure{string(f.Task), f.Procedure, f.Attempts, reason})
		}
		_ = o.guardApart(t, "the batch handler", "", func() { f(status) })
	}
}
