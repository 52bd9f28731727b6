package gozmq

import "context"

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
	end(ctx context.Context) error
	wait(ctx context.Context) error
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
	if err := b.tasks.end(ctx); err != nil {
		return pipelineError(err, "batch "+b.name)
	}
	return nil
}

// Wait waits until every task of the batch has been done or given up and the
// sink has been notified, or ctx ends. With DeliveryAtMostOnce it returns an
// error with CodeFailedPrecondition, because the outcome is unknown.
func (b *Batch) Wait(ctx context.Context) error {
	if err := b.tasks.wait(ctx); err != nil {
		return pipelineError(err, "batch "+b.name)
	}
	return nil
}

// batchOf returns the batch that tasks pushed with ctx belong to, nil for none.
func batchOf(ctx context.Context, s taskSender) (*Batch, error) {
	b, _ := ctx.Value(batchKey{}).(*Batch)
	if b != nil && b.ventilator != s {
		return nil, Errorf(CodeFailedPrecondition, "the context belongs to a batch of another ventilator")
	}
	return b, nil
}
