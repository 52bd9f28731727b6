// Package status has the error type of the engines of calls and streams: a code, a
// text and details, as in the wire's status. Package gozmq converts it to and from
// its own error.
package status

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/protobuf/types/known/anypb"

	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// A Code classifies an error. The values are those of google.rpc.Code.
type Code int32

// The codes that the engines use.
const (
	Canceled           Code = 1
	Unknown            Code = 2
	InvalidArgument    Code = 3
	DeadlineExceeded   Code = 4
	ResourceExhausted  Code = 8
	FailedPrecondition Code = 9
	Aborted            Code = 10
	Unimplemented      Code = 12
	Internal           Code = 13
	Unavailable        Code = 14
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

// An Error is an error with a code.
type Error struct {
	Code    Code
	Message string
	Details []*anypb.Any
	Cause   error // this side's reason; it is not sent
	Remote  bool  // a peer has chosen Message
}

// Errorf returns an error with a code; an operand of %w becomes its cause.
func Errorf(code Code, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Code: code, Message: err.Error(), Cause: err}
}

// Error returns "code: message".
func (e *Error) Error() string {
	if e.Message == "" {
		return e.Code.String()
	}
	return e.Code.String() + ": " + e.Message
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Is reports whether target is the context error that the code stands for.
func (e *Error) Is(target error) bool {
	switch target {
	case context.Canceled:
		return e.Code == Canceled
	case context.DeadlineExceeded:
		return e.Code == DeadlineExceeded
	}
	return false
}

// CodeOf returns the code of the first *Error in err's tree, otherwise the code of
// a context's error, otherwise Unknown; 0 for nil.
func CodeOf(err error) Code {
	if err == nil {
		return 0
	}
	var e *Error // allocated here, only if it is needed
	switch {
	case errors.As(err, &e):
		return e.Code
	case errors.Is(err, context.Canceled):
		return Canceled
	case errors.Is(err, context.DeadlineExceeded):
		return DeadlineExceeded
	}
	return Unknown
}

// Of returns err as an *Error.
func Of(err error) *Error {
	if e, ok := err.(*Error); ok {
		return e
	}
	return &Error{Code: CodeOf(err), Message: err.Error(), Cause: err}
}

// Input adds a code to an error of package wire about a request, which is malformed
// or too large. An error that already has a code keeps it.
func Input(err error) error {
	switch {
	case err == nil, errors.As(err, new(*Error)):
		return err
	case errors.As(err, new(*wire.LimitError)):
		return Errorf(ResourceExhausted, "%w", err)
	}
	return Errorf(InvalidArgument, "%w", err)
}

// Encode returns err in its wire form, in at most about limit bytes.
func Encode(err error, limit int) []byte {
	e := Of(err)
	return wire.AppendStatus(nil, wire.Status{Code: int32(e.Code), Message: e.Message, Details: e.Details}, limit)
}

// Parse decodes an error from the wire.
func Parse(b []byte) *Error {
	s, err := wire.ParseStatus(b)
	if err != nil {
		return Errorf(Internal, "%w", err)
	}
	return &Error{Code: Code(s.Code), Message: s.Message, Details: s.Details, Remote: true}
}
