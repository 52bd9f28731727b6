package gozmq

import (
	"context"
	"runtime/debug"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/internal/guarded"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// loopOutcome is what became of a message of a loop in the interceptors.
type loopOutcome struct {
	called bool   // the loop's body has had the message
	goOn   bool   // the loop has not ended
	err    *Error // of the interceptors; nil: none
}

// interceptLoop passes a message of a loop through an interceptor, whose next calls
// body; that returns false when the loop has ended. A panic of the interceptor is
// reported to o, and is an error. One of the body passes through, untouched.
func interceptLoop(ctx context.Context, i Interceptor, o *observer, t zmtp.SocketType, info *CallInfo, m proto.Message, body func(context.Context, proto.Message) bool) (out loopOutcome) {
	out.goOn = true
	inBody, returned := false, false
	defer func() {
		if returned || inBody {
			return
		}
		if v := recover(); v != nil {
			p := &guarded.PanicError{Value: v, Stack: debug.Stack()}
			out.err = asError(Errorf(CodeInternal, "%s: %w", info.Method.Procedure, o.panicked(t, "an interceptor", info.Method.Procedure, p)))
		}
	}()
	_, err := i(ctx, info, m, func(ctx context.Context, passed proto.Message) (proto.Message, error) {
		if out.called {
			return nil, Errorf(CodeFailedPrecondition, "%s: next was called twice, and a loop has each message once", info.Method.Procedure)
		}
		if err := sameType(info.Method, m, passed); err != nil {
			return nil, err
		}
		out.called, inBody = true, true
		out.goOn = body(ctx, passed)
		inBody = false
		return nil, nil
	})
	returned = true
	if err != nil {
		out.err = asError(err)
	}
	return out
}
