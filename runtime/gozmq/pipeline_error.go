package gozmq

import (
	"errors"
	"fmt"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/pipeline"
	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/worker"
)

// pipelineError gives an error of a pipeline its code. what names the
// operation.
func pipelineError(err error, what string) error {
	var store *pipeline.StoreError
	switch {
	case errors.As(err, new(*Error)):
		return err
	case errors.Is(err, link.ErrClosed):
		return Errorf(CodeCanceled, "%s: closed", what)
	case errors.Is(err, pipeline.ErrBatchEnded):
		return Errorf(CodeFailedPrecondition, "%w", err)
	case errors.As(err, new(*pipeline.LimitError)), errors.As(err, new(*link.LimitError)):
		return Errorf(CodeResourceExhausted, "%s: %w", what, err)
	case errors.As(err, &store), errors.Is(err, pipeline.ErrQueueLost), err == pipeline.ErrNotOwner:
		return Errorf(CodeUnavailable, "%s: %w", what, err)
	case errors.Is(err, pipeline.ErrNoTask):
		return Errorf(CodeNotFound, "%s: %w", what, err)
	case errors.Is(err, pipeline.ErrLetterBusy), errors.Is(err, pipeline.ErrTaskRuns):
		return Errorf(CodeFailedPrecondition, "%s: %w", what, err)
	}
	return Errorf(CodeOf(err), "%s: %w", what, err)
}

// taskFailure returns why a task was given up.
func taskFailure(reason error) *Error { return newError(pipeline.Failure(reason)) }

// unsentResult returns the error of a task whose result could not be sent.
func (d Delivery) unsentResult(m *worker.Method, err error, refused bool) error {
	switch {
	case d == DeliveryAtMostOnce:
		return pipelineError(err, m.Procedure)
	case refused:
		failed := taskFailure(err)
		return Errorf(failed.Code, "%s: result: %w", m.Procedure, failed)
	}
	return fmt.Errorf("no sink has acknowledged the result: %w", err)
}

// errNotRun is the error of a task for which a worker's drain timeout was too
// short.
var errNotRun = Errorf(CodeUnavailable, "the worker stopped before it could run the task, which it had received")

// unknownTask is the error for a task that nobody here can do; another worker
// may be able to.
func unknownTask(procedure []byte) error {
	return Errorf(CodeUnimplemented, "method %q is not known here", wire.Excerpt(procedure))
}
