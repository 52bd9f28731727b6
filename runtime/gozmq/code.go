package gozmq

import (
	"context"
	"errors"

	"github.com/gozmq/gozmq/runtime/internal/status"
)

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
