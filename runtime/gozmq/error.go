package gozmq

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/pipeline"
	"github.com/gozmq/gozmq/runtime/internal/status"
	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/worker"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// An Error is an error with a code. A handler returns one to choose the code that
// the caller sees; a client gets one for every call that failed.
type Error struct {
	Code    Code
	Message string
	// Details are further messages that travel with the error.
	Details []*anypb.Any

	cause  error // this side's reason; it does not travel
	remote bool  // a peer has chosen Message
}

// Errorf returns an error with a code. As with fmt.Errorf, an operand of %w
// can be found with errors.Is and errors.As, on this side of the wire.
func Errorf(code Code, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Code: code, Message: err.Error(), cause: err}
}

// Error returns "code: message". Where the message came from a peer and cannot be
// printed within a line, it is escaped; Message has it as it came.
func (e *Error) Error() string {
	if e == nil {
		return "nil *gozmq.Error" // in an error that is not nil
	}
	if e.Message == "" {
		return e.Code.String()
	}
	text := e.Message
	if e.remote {
		text = zmtp.Line(text)
	}
	return e.Code.String() + ": " + text
}

// Unwrap returns the error that Errorf was given with %w; nil for an error from
// the wire.
func (e *Error) Unwrap() error {
	if e == nil {
		return nil
	}
	return e.cause
}

// Is reports whether target is the context error that the code stands for, so
// that errors.Is(err, context.DeadlineExceeded) holds for a deadline that ended
// on either side.
func (e *Error) Is(target error) bool {
	switch {
	case e == nil:
		return false
	case target == context.Canceled:
		return e.Code == CodeCanceled
	case target == context.DeadlineExceeded:
		return e.Code == CodeDeadlineExceeded
	}
	return false
}

// encodeStatus returns err in its wire form, in at most about limit bytes. An
// error that has no code travels as CodeUnknown.
func encodeStatus(err error, limit int) []byte { return status.Encode(toStatus(asError(err)), limit) }

// parseStatus decodes an error from the wire.
func parseStatus(b []byte) *Error { return newError(status.Parse(b)) }

// toStatus returns err, of this package, as the engines of calls have it.
func toStatus(err error) error {
	if e, ok := err.(*Error); ok && e != nil {
		return &status.Error{Code: status.Code(e.Code), Message: e.Message, Details: e.Details, Cause: e, Remote: e.remote}
	}
	return err
}

// fromStatus returns err, of an engine of calls, as an *Error; one that toStatus
// has made, as it was.
func fromStatus(err error) error {
	if e, ok := err.(*status.Error); ok {
		return newError(e)
	}
	return err
}

// inputError gives a code to what package wire says of a message that is to be
// sent: that it makes no sense, or that it is too large. An error that has one
// keeps it.
func inputError(err error) error { return fromStatus(status.Input(toStatus(err))) }

func newError(e *status.Error) *Error {
	if own, ok := e.Cause.(*Error); ok && own.Code == Code(e.Code) && own.Message == e.Message {
		return own
	}
	return &Error{Code: Code(e.Code), Message: e.Message, Details: e.Details, cause: e.Cause, remote: e.Remote}
}

// asError returns err as an *Error. One that wraps an *Error has its code and
// details, and the text of what wraps it.
func asError(err error) *Error {
	if e, ok := err.(*Error); ok && e != nil {
		return e
	}
	var e *Error
	if errors.As(err, &e) && e != nil {
		text := fmt.Sprint(err) // which, unlike err.Error(), survives a nil *T error
		if e.Message != "" {    // the code travels beside the text
			text = strings.Replace(text, e.Error(), e.Message, 1)
		}
		return &Error{Code: e.Code, Message: text, Details: e.Details, cause: err, remote: e.remote}
	}
	return &Error{Code: CodeOf(err), Message: fmt.Sprint(err), cause: err}
}

// WithDetails adds messages that travel with e, and returns e. A message that
// cannot be encoded is left out.
func (e *Error) WithDetails(details ...proto.Message) *Error {
	for _, m := range details {
		if packed, err := anypb.New(m); err == nil {
			e.Details = append(e.Details, packed)
		}
	}
	return e
}

// DetailOf returns the first detail of err that is a T, as in
// DetailOf[errdetails.RetryInfo](err), and false when there is none. Details
// of types that this program does not know stay in Details.
func DetailOf[T any, P message[T]](err error) (P, bool) {
	var e *Error
	if !errors.As(err, &e) || e == nil {
		return nil, false
	}
	for _, packed := range e.Details {
		if m := P(new(T)); packed.MessageIs(m) && packed.UnmarshalTo(m) == nil {
			return m, true
		}
	}
	return nil, false
}

// A Code classifies an error. The values are those of google.rpc.Code and
// gRPC. There is no code for success: a call that succeeded has no error.
type Code int32

const (
	CodeCanceled           Code = 1  // the caller gave up
	CodeUnknown            Code = 2  // an error without a code
	CodeInvalidArgument    Code = 3  // the request is wrong in any state of the system
	CodeDeadlineExceeded   Code = 4  // the deadline passed; the call may have been carried out
	CodeNotFound           Code = 5  // the entity that the call names does not exist
	CodeAlreadyExists      Code = 6  // the entity that the call would make exists
	CodePermissionDenied   Code = 7  // the caller is known and may not do this
	CodeResourceExhausted  Code = 8  // too many calls, too large a message
	CodeFailedPrecondition Code = 9  // the system is not in the state that this needs
	CodeAborted            Code = 10 // a conflict: trying again at a higher level may help
	CodeOutOfRange         Code = 11 // past the valid range in the present state
	CodeUnimplemented      Code = 12 // no such method here
	CodeInternal           Code = 13 // an invariant is broken: a bug
	CodeUnavailable        Code = 14 // no server, or the connection was lost: trying again may help
	CodeDataLoss           Code = 15 // data is lost or corrupt
	CodeUnauthenticated    Code = 16 // the caller is not known
)

// String returns the code's canonical name in lower case.
func (c Code) String() string { return status.Code(c).String() }

// CodeOf returns the code of the first *Error in err's tree, else CodeCanceled
// or CodeDeadlineExceeded for a context's error, else CodeUnknown. It returns 0
// for nil.
func CodeOf(err error) Code {
	if err == nil {
		return 0
	}
	var e *Error // allocated here, only if it is needed
	switch {
	case errors.As(err, &e) && e != nil:
		return e.Code
	case errors.Is(err, context.Canceled):
		return CodeCanceled
	case errors.Is(err, context.DeadlineExceeded):
		return CodeDeadlineExceeded
	}
	return CodeUnknown
}

// pipelineError gives an error of a pipeline its code. what names the
// operation.
func pipelineError(err error, what string) error {
	var store *pipeline.StoreError
	switch {
	case errors.As(err, new(*Error)):
		return err
	case errors.Is(err, link.ErrClosed):
		return Errorf(CodeCanceled, "%s: closed", what)
	case errors.Is(err, pipeline.ErrBatchEnded), errors.Is(err, pipeline.ErrNoOutcome):
		return Errorf(CodeFailedPrecondition, "%w", err)
	case errors.As(err, new(*pipeline.LimitError)), errors.As(err, new(*link.LimitError)):
		return Errorf(CodeResourceExhausted, "%s: %w", what, err)
	case errors.As(err, &store), errors.Is(err, pipeline.ErrQueueLost), err == pipeline.ErrNotOwner:
		return Errorf(CodeUnavailable, "%s: %w", what, err)
	case errors.As(err, new(*pipeline.DuplicateError)):
		return Errorf(CodeAlreadyExists, "%s: %w", what, err)
	case errors.Is(err, pipeline.ErrTooManyKeys):
		return Errorf(CodeResourceExhausted, "%s: %w", what, err)
	case errors.Is(err, pipeline.ErrNoTask):
		return Errorf(CodeNotFound, "%s: %w", what, err)
	case errors.Is(err, pipeline.ErrLetterBusy), errors.Is(err, pipeline.ErrTaskRuns), errors.Is(err, pipeline.ErrTaskWaits):
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
