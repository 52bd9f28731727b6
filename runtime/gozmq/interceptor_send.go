package gozmq

import (
	"context"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// sendThrough has the interceptors send a message, whose next is send. what begins
// the error of an interceptor that panicked, which is reported to o.
func sendThrough(ctx context.Context, interceptor Interceptor, o *observer, t zmtp.SocketType, what string, call *CallInfo, m proto.Message, send func(context.Context, proto.Message) error) error {
	var err error
	panicked := o.guard(t, "an interceptor", call.Method.Procedure, func() {
		_, err = interceptor(ctx, call, m, func(ctx context.Context, passed proto.Message) (proto.Message, error) {
			if err := sameType(call.Method, m, passed); err != nil {
				return nil, err
			}
			return nil, send(ctx, passed)
		})
	})
	switch {
	case panicked != nil:
		return Errorf(CodeInternal, "%s: %w", what, panicked)
	case err != nil:
		return asError(err)
	}
	return nil
}

// sameType reports that an interceptor passes on something else than a message of
// m's type.
func sameType(method *Method, m, passed proto.Message) error {
	if passed == nil || passed.ProtoReflect().Descriptor() != m.ProtoReflect().Descriptor() {
		return Errorf(CodeInternal, "%s: an interceptor passed on %s, want %s", method.Procedure, nameOf(passed), nameOf(m))
	}
	return nil
}
