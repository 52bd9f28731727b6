package pipeline

import (
	"errors"

	"github.com/gozmq/gozmq/runtime/internal/taskqueue"
)

// Why an attempt failed that no worker reported. Every other reason is a
// *FailedError.
var (
	// ErrLost says that the connection to the worker was lost.
	ErrLost = taskqueue.ErrLost
	// ErrExpired says that the worker held the task for longer than its lease.
	ErrExpired = taskqueue.ErrExpired
)

// A LimitError says that a task is larger than every worker takes.
type LimitError = taskqueue.LimitError

// ErrBatchEnded says that a task was pushed into a batch that has ended.
var ErrBatchEnded = errors.New("the batch has ended: start another one")

// ErrNoOutcome says that nobody waits for the outcome of a PlainBatch.
var ErrNoOutcome = errors.New("with DeliveryAtMostOnce a ventilator does not learn the outcome of its tasks: watch the sink, or use DeliveryAtLeastOnce")

// ErrBatchCut says that a batch can never be complete.
var ErrBatchCut = errors.New("its ventilator ended, and was started again, before the batch was ended: how many tasks it was to have is not known")

// A FailedError says that a worker reported the failure of a task.
type FailedError struct {
	Status []byte // an encoded gozmq.v1.Status; nil: the worker gave no reason
}

// Error returns a text without the status, which callers decode.
func (e *FailedError) Error() string { return "the worker reported that the task failed" }

// A StoreError says that the store did not accept a task.
type StoreError struct{ Err error }

// Error returns the store's error with its consequence.
func (e *StoreError) Error() string { return "the store did not accept the task: " + e.Err.Error() }

// Unwrap returns the store's error.
func (e *StoreError) Unwrap() error { return e.Err }

// ErrMayNotStop says that a ventilator that has dialed wanted to end the worker.
var ErrMayNotStop = errors.New("a ventilator that has connected here may not stop this worker (allow it with WithRemoteStop)")
