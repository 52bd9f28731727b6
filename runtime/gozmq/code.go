package gozmq

import (
	"context"
	"errors"
	"fmt"
)

// A Code classifies an error. The values are those of google.rpc.Code and
// gRPC. There is no code for success: a call that went well has no error.
type Code int32

const (
	CodeCanceled           Code = 1  // the caller gave up
	CodeUnknown            Code = 2  // an error that has no code
	CodeInvalidArgument    Code = 3  // the request is wrong, whatever the state of the system
	CodeDeadlineExceeded   Code = 4  // the time was up; the call may have been carried out
	CodeNotFound           Code = 5  // something that was asked for does not exist
	CodeAlreadyExists      Code = 6  // something that was to be made exists
	CodePermissionDenied   Code = 7  // the caller is known and may not do this
	CodeResourceExhausted  Code = 8  // too many calls, too large a message
	CodeFailedPrecondition Code = 9  // the system is not in the state that this needs
	CodeAborted            Code = 10 // a conflict: trying again at a higher level may help
	CodeOutOfRange         Code = 11 // past the valid range in the present state
	CodeUnimplemented      Code = 12 // no such method here
	CodeInternal           Code = 13 // something is broken
	CodeUnavailable        Code = 14 // no server, or it went: trying again may help
	CodeDataLoss           Code = 15 // data is lost or corrupt
	CodeUnauthenticated    Code = 16 // the caller is not known
)

// String returns the code's canonical name in lower case.
func (c Code) String() string {
	names := [...]string{
		"ok", "canceled", "unknown", "invalid_argument", "deadline_exceeded", "not_found",
		"already_exists", "permission_denied", "resource_exhausted", "failed_precondition",
		"aborted", "out_of_range", "unimplemented", "internal", "unavailable", "data_loss",
		"unauthenticated",
	}
	if c < 0 || int(c) >= len(names) {
		return fmt.Sprintf("code(%d)", int32(c))
	}
	return names[c]
}

// CodeOf returns the code of err: that of the first *Error in its tree,
// CodeCanceled or CodeDeadlineExceeded for a context's error, else CodeUnknown.
// It returns 0 for nil.
func CodeOf(err error) Code {
	var e *Error
	switch {
	case err == nil:
		return 0
	case errors.As(err, &e) && e != nil:
		return e.Code
	case errors.Is(err, context.Canceled):
		return CodeCanceled
	case errors.Is(err, context.DeadlineExceeded):
		return CodeDeadlineExceeded
	}
	return CodeUnknown
}
