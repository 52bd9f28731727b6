package gozmq

import (
	"errors"
	"fmt"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/pipeline"
	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/worker"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
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
	case errors.As(err, &store):
		return Errorf(CodeUnavailable, "%s: %w", what, err)
	}
	return Errorf(CodeOf(err), "%s: %w", what, err)
}

// taskFailure returns why a task was given up, as an *Error.
func taskFailure(reason error) *Error {
	var failed *pipeline.FailedError
	switch {
	case errors.As(reason, new(*pipeline.LimitError)), errors.As(reason, new(*link.LimitError)):
		return Errorf(CodeResourceExhausted, "%w", reason)
	case !errors.As(reason, &failed):
		return Errorf(CodeUnavailable, "%w", reason) // lost or expired
	case len(failed.Status) == 0:
		return Errorf(CodeUnknown, "the worker gave no reason")
	}
	return parseStatus(failed.Status)
}

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

// tooLargeTask returns the encoded status of a task that was passed over.
func tooLargeTask(procedure []byte, size *zmtp.SizeError) []byte {
	return encodeStatus(Errorf(CodeResourceExhausted, "%stask of at least %d bytes exceeds the worker's limit of %d (send less, or raise it with WithMaxMessageSize)", prefixOf(procedure), size.Size, size.Limit), maxStatus)
}

// tooLargeResult returns the encoded status of a result that was passed over.
func tooLargeResult(procedure []byte, size *zmtp.SizeError) []byte {
	return encodeStatus(Errorf(CodeResourceExhausted, "%sresult of at least %d bytes exceeds the sink's limit of %d (send less, or raise it with WithMaxMessageSize of NewSink)", prefixOf(procedure), size.Size, size.Limit), maxStatus)
}

// prefixOf returns a method as the beginning of a text, "" for none.
func prefixOf(procedure []byte) string {
	if len(procedure) == 0 {
		return ""
	}
	return string(wire.Excerpt(procedure)) + ": "
}
