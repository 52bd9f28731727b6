package gozmq

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	gozmqv1 "github.com/gozmq/gozmq/proto/gozmq/v1"
)

// An Error is an error with a code. Handlers return one to choose what the
// caller sees; clients get one for every call that failed.
type Error struct {
	Code    Code
	Message string
	// Details are further messages that travel with the error.
	Details []*anypb.Any

	cause error // this side's reason; it does not travel
}

// Errorf returns an error with a code. As with fmt.Errorf, an operand of %w
// can be found with errors.Is and errors.As, on this side of the wire.
func Errorf(code Code, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Code: code, Message: err.Error(), cause: err}
}

// Error returns "code: message".
func (e *Error) Error() string {
	if e == nil {
		return "nil *gozmq.Error" // in an error that is not nil
	}
	if e.Message == "" {
		return e.Code.String()
	}
	return e.Code.String() + ": " + e.Message
}

// Unwrap returns what Errorf was given, nil for an error from the wire.
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

// maxStatusMessage is how many bytes of an error's message travel.
const maxStatusMessage = 16 << 10

// appendStatus appends err in its wire form, a gozmq.v1.Status. An error that
// has no code or a wrong one travels as CodeUnknown; a long message is cut, and
// details that would make the status larger than limit stay behind.
func appendStatus(b []byte, err error, limit int) []byte {
	e := asError(err)
	code := e.Code
	if code < CodeCanceled || code > CodeUnauthenticated {
		code = CodeUnknown
	}
	text := e.Message[:min(len(e.Message), maxStatusMessage, limit/2)]
	s := &gozmqv1.Status{Code: int32(code), Message: validUTF8(text), Details: e.Details}
	if proto.Size(s) > limit {
		s.Details = nil
	}
	out, err := proto.MarshalOptions{}.MarshalAppend(b, s)
	if err != nil { // a detail that is no message: the rest is worth more
		s.Details = nil
		out, _ = proto.MarshalOptions{}.MarshalAppend(b, s)
	}
	return out
}

// parseStatus decodes an error from the wire.
func parseStatus(b []byte) *Error {
	var s gozmqv1.Status
	if err := proto.Unmarshal(b, &s); err != nil {
		return Errorf(CodeInternal, "decode status of %d bytes: %w", len(b), err)
	}
	code := Code(s.GetCode())
	if code < CodeCanceled || code > CodeUnauthenticated {
		return &Error{Code: CodeUnknown, Message: fmt.Sprintf("status with code %d: %s", code, s.GetMessage()), Details: s.GetDetails()}
	}
	return &Error{Code: code, Message: s.GetMessage(), Details: s.GetDetails()}
}

// asError returns the *Error in err's tree, or makes one of it.
func asError(err error) *Error {
	var e *Error
	if errors.As(err, &e) && e != nil {
		return e
	}
	// Sprint, unlike err.Error(), bears an error that is a nil pointer.
	return &Error{Code: CodeOf(err), Message: fmt.Sprint(err), cause: err}
}

func validUTF8(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// WithDetails adds messages that travel with the error and returns it. A
// message that cannot be encoded is left out.
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
