package gozmq

import (
	"errors"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/pipeline"
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
	case errors.Is(err, pipeline.ErrNoLetter):
		return Errorf(CodeNotFound, "%s: %w", what, err)
	case errors.Is(err, pipeline.ErrLetterBusy):
		return Errorf(CodeFailedPrecondition, "%s: %w", what, err)
	}
	return Errorf(CodeOf(err), "%s: %w", what, err)
}

// taskFailure returns why a task was given up, as an *Error.
func taskFailure(reason error) *Error {
	var failed *pipeline.FailedError
	var stored *pipeline.StoredReason
	switch {
	case errors.As(reason, &stored):
		return &Error{Code: Code(stored.Code), Message: stored.Text}
	case errors.As(reason, new(*pipeline.LimitError)), errors.As(reason, new(*link.LimitError)):
		return Errorf(CodeResourceExhausted, "%w", reason)
	case !errors.As(reason, &failed):
		return Errorf(CodeUnavailable, "%w", reason) // lost or expired
	case len(failed.Status) == 0:
		return Errorf(CodeUnknown, "the worker gave no reason")
	}
	return parseStatus(failed.Status)
}
