package gozmq

import (
	"context"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/internal/guarded"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A loopStep is the way of one message through the interceptors to the body of a
// loop.
type loopStep struct {
	body    func(context.Context, proto.Message) (more bool)
	method  *Method
	message proto.Message
	yielded bool // next was called, or it is too late for that
	inside  bool // the body runs, or has panicked
	more    bool // the loop goes on
}

// next has the body handle the message (Next). It may be called once.
func (s *loopStep) next(ctx context.Context, m proto.Message) (proto.Message, error) {
	if s.yielded {
		return nil, Errorf(CodeFailedPrecondition, "an interceptor called next a second time, or too late: a loop gets a message once")
	}
	if err := sameType(s.method, s.message, m); err != nil {
		return nil, err
	}
	s.yielded, s.inside = true, true
	s.more = s.body(ctx, m)
	s.inside = false
	return nil, nil
}

// run calls the interceptors. yielded says whether the body has had the message,
// and more whether the loop goes on then. A panic of the body goes on; one of an
// interceptor is reported to o and becomes the error.
func (s *loopStep) run(ctx context.Context, o *observer, t zmtp.SocketType, call *CallInfo, m proto.Message, intercept Interceptor) (err error) {
	s.more, s.method, s.message = true, call.Method, m
	through := func() {
		if _, err = intercept(ctx, call, m, s.next); err != nil {
			err = asError(err)
		}
	}
	guarded.CallAround(through, &s.inside, func(p *guarded.PanicError) {
		if p != nil {
			err = Errorf(CodeInternal, "%s: %w", call.Method.Procedure, o.panicked(t, "an interceptor", call.Method.Procedure, p))
		}
	})
	return err
}
