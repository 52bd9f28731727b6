package gozmq

import (
	"github.com/gozmq/gozmq/runtime/internal/pipeline"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// BatchStatus is the state of a batch, as far as a sink knows it.
type BatchStatus struct {
	// ID identifies the batch among those of all ventilators; it is not
	// printable. Name is the name that its ventilator gave it.
	ID, Name string
	// Tasks is how many tasks the batch has.
	Tasks uint64
	// Results is how many results of the batch this sink has processed.
	Results uint64
	// Complete says that no more results will come. With DeliveryAtLeastOnce
	// every task was done or given up, and one of the sinks has acknowledged
	// every result. With DeliveryAtMostOnce as many results have come to this
	// sink as the batch has tasks; if one is lost, the batch is never complete.
	Complete bool
	// Failed is how many tasks were given up, and Failures the first of them.
	Failed   uint64
	Failures []BatchFailure
	// Err says that the batch may never be complete; nil: it may. It is an *Error
	// with CodeUnavailable when the sink has heard nothing of the batch's
	// ventilator for a minute; the batch goes on if it hears of it again. With
	// CodeAborted the ventilator restarted before End was called, and no more
	// results will come.
	Err error
}

// A BatchFailure is a task of a batch that was given up.
type BatchFailure struct {
	ID        string // the task's
	Procedure string
	Attempts  int
	Reason    error // an *Error
}

// WithBatchHandler calls f when a sink learns how many tasks a batch has, when the
// batch is complete, and with DeliveryAtLeastOnce when it may never be (Err), once
// for each. A sink that has got neither a result nor word of a batch does not know
// it. WithBatchHandler calls f for one batch at a time, in the
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
		switch {
		case s.Error != nil:
			status.Err = &Error{Code: Code(s.Error.Code), Message: s.Error.Message}
		case s.Silence > 0:
			status.Err = Errorf(CodeUnavailable, "batch %s: nothing was heard of its ventilator for %v: without a task store the batch is lost; with one, or if only the connections are, it may go on", s.Name, s.Silence)
		}
		_ = o.guardApart(t, "the batch handler", "", func() { f(status) })
	}
}
