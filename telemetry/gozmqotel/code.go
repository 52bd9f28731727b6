package gozmqotel

import (
	"strings"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/gozmq/gozmq/runtime/gozmq"
)

// panicked stands for an operation that ended with a panic; it follows the codes.
const panicked = gozmq.CodeUnauthenticated + 1

// codeOf returns how an operation ended: 0 for success. A code that a peer has made
// up is CodeUnknown, so that peers cannot make label sets.
func codeOf(err error) gozmq.Code {
	code := gozmq.CodeOf(err)
	if err != nil && code <= 0 || code >= panicked {
		return gozmq.CodeUnknown
	}
	return code
}

// nameOf returns the name that google.rpc.Code gives a code.
func nameOf(code gozmq.Code) string {
	switch code {
	case gozmq.CodeCanceled:
		return "CANCELLED"
	case panicked:
		return nameOf(gozmq.CodeInternal) // the code that the peer gets
	default:
		return strings.ToUpper(code.String())
	}
}

// errorType returns the attribute error.type of an operation that has failed.
func errorType(code gozmq.Code) attribute.KeyValue {
	if code == panicked {
		return semconv.ErrorTypeKey.String("panic")
	}
	return semconv.ErrorTypeKey.String(nameOf(code))
}

// failed reports whether an operation that ended with code has failed. A server has
// not, as the conventions for gRPC have it, when the error is the caller's.
func failed(o gozmq.Operation, code gozmq.Code) bool {
	if o != gozmq.OperationServe {
		return code != 0
	}
	switch code {
	case gozmq.CodeUnknown, gozmq.CodeDeadlineExceeded, gozmq.CodeUnimplemented,
		gozmq.CodeInternal, gozmq.CodeUnavailable, gozmq.CodeDataLoss, panicked:
		return true
	default:
		return false
	}
}
