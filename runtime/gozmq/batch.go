package gozmq

import (
	"context"

	"github.com/gozmq/gozmq/runtime/internal/pipeline"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A Batch is a group of a ventilator's tasks. The sink learns through
// WithBatchHandler how many there are, and when all of them have been done or
// given up. With a task store, an ended batch outlives its ventilator: the next
// one that has the store goes on with it. The sink learns when a batch is lost
// with its ventilator (BatchStatus.Err). Its methods may be called from any
// goroutine.
type Batch struct {
	ventilator taskSender
	name       string
	tasks      batchTasks
}

// batchTasks are the tasks of a batch, with one of the guarantees.
type batchTasks interface {
	End(ctx context.Context) error
	Wait(ctx context.Context) error
}

type batchKey struct{}

// Context returns a context; tasks that are pushed with it belong to the batch.
func (b *Batch) Context(ctx context.Context) context.Context {
	return context.WithValue(ctx, batchKey{}, b)
}

// Name returns the name that StartBatch was given.
func (b *Batch) Name() string { return b.name }

// End ends the batch: no more tasks belong to it, and the sink learns how many
// there are. With a task store it waits until the store knows that, or ctx ends.
// With DeliveryAtMostOnce it waits for tasks of the batch that are
// being pushed, and for a worker that can take the message, until ctx ends.
func (b *Batch) End(ctx context.Context) error {
	if err := b.tasks.End(ctx); err != nil {
		return pipelineError(err, "batch "+b.name)
	}
	return nil
}

// Wait waits until every task of the batch has been done or given up and the
// sink has been notified, or ctx ends. With DeliveryAtMostOnce it returns an
// error with CodeFailedPrecondition, because the outcome is unknown.
func (b *Batch) Wait(ctx context.Context) error {
	if err := b.tasks.Wait(ctx); err != nil {
		return pipelineError(err, "batch "+b.name)
	}
	return nil
}

// batchOf returns the batch that tasks pushed with ctx belong to, as the engine of
// s has it, nil for none.
func batchOf[T batchTasks](ctx context.Context, s taskSender) (tasks T, err error) {
	b, _ := ctx.Value(batchKey{}).(*Batch)
	if b == nil {
		return tasks, nil
	}
	if b.ventilator != s {
		return tasks, Errorf(CodeFailedPrecondition, "the context belongs to a batch of another ventilator")
	}
	return b.tasks.(T), nil
}

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
	// with CodeUnavailable when the sink has received nothing from the batch's
	// ventilator for a minute; the batch goes on if something comes again. With
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
// for each. A sink that has got neither a result nor a notice of a batch does not
// know of it. WithBatchHandler calls f for one batch at a time, in the
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
			status.Err = Errorf(CodeUnavailable, "batch %s: nothing was received from its ventilator for %v: without a task store the batch is lost; with one, or if only the connections are, it may go on", s.Name, s.Silence)
		}
		_ = o.guardApart(t, "the batch handler", "", func() { f(status) })
	}
}
