package pipeline

import (
	"errors"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/status"
	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// Failure returns why a task was given up, in its form on the wire.
func Failure(reason error) *status.Error {
	var failed *FailedError
	var stored *StoredReason
	switch {
	case errors.As(reason, &stored):
		return &status.Error{Code: status.Code(stored.Code), Message: stored.Text}
	case errors.As(reason, new(*LimitError)), errors.As(reason, new(*link.LimitError)):
		return status.Errorf(status.ResourceExhausted, "%w", reason)
	case errors.Is(reason, ErrTooLate):
		return status.Errorf(status.DeadlineExceeded, "%w", reason)
	case errors.Is(reason, ErrDiscarded), errors.Is(reason, ErrCanceled):
		return status.Errorf(status.Canceled, "%w", reason)
	case errors.Is(reason, ErrBatchCut):
		return status.Errorf(status.Aborted, "%w", reason)
	case !errors.As(reason, &failed):
		return status.Errorf(status.Unavailable, "%w", reason) // lost or expired
	case len(failed.Status) == 0:
		return status.Errorf(status.Unknown, "the worker gave no reason")
	}
	return status.Parse(failed.Status)
}

// MaxStatus is about how many bytes of the failure of a task travel.
const MaxStatus = 16 << 10

// tooLargeTask returns the encoded status of a task that was skipped.
func tooLargeTask(procedure []byte, size *zmtp.SizeError) []byte {
	return status.Encode(status.Errorf(status.ResourceExhausted, "%stask of at least %d bytes exceeds the worker's limit of %d (send less, or raise it with WithMaxMessageSize)", prefixOf(procedure), size.Size, size.Limit), MaxStatus)
}

// tooLargeResult is tooLargeTask for a result.
func tooLargeResult(procedure []byte, size *zmtp.SizeError) []byte {
	return status.Encode(status.Errorf(status.ResourceExhausted, "%sresult of at least %d bytes exceeds the sink's limit of %d (send less, or raise it with WithMaxMessageSize of NewSink)", prefixOf(procedure), size.Size, size.Limit), MaxStatus)
}

// prefixOf returns a method as the beginning of a text, "" for none.
func prefixOf(procedure []byte) string {
	if len(procedure) == 0 {
		return ""
	}
	return string(wire.Excerpt(procedure)) + ": "
}
