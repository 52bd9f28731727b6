package gozmq

import (
	"context"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/internal/call"
)

// A Caller makes calls; generated clients need nothing else. A Conn is one.
type Caller interface {
	// Call sends req, waits for the reply and decodes it into reply.
	Call(ctx context.Context, m *Method, req, reply proto.Message, opts ...CallOption) error
	// Stream returns a call of a method with streams. The methods of the Stream
	// return what is wrong with it.
	Stream(ctx context.Context, m *Method, opts ...CallOption) Stream
}

// A CallOption changes one call.
type CallOption interface{ applyCall(*callOptions) }

type callOptions struct {
	timeout       time.Duration
	replyMetadata *ReplyMetadata
	wait          bool
	hedging       call.Hedging
	idle          time.Duration
	message       time.Duration
}

// callOptionsOf returns the options of a call of m; none, and an error, when one
// is wrong.
func callOptionsOf(m *Method, opts []CallOption) (callOptions, error) {
	if len(opts) == 0 { // without what the loop allocates
		return callOptions{timeout: m.Timeout}, nil
	}
	o := callOptions{timeout: m.Timeout}
	for _, opt := range opts {
		opt.applyCall(&o)
	}
	if err := o.check(m); err != nil {
		return callOptions{}, err
	}
	return o, nil
}

// check reports the first option that is wrong.
func (o *callOptions) check(m *Method) error {
	for _, t := range []struct {
		option string
		d      time.Duration
	}{{"WithTimeout", o.timeout}, {"WithIdleTimeout", o.idle}, {"WithMessageTimeout", o.message}} {
		if t.d < 0 {
			return Errorf(CodeInvalidArgument, "%s: %s: %v, want 0 or more", m.Procedure, t.option, t.d)
		}
	}
	return nil
}

type waitForReady struct{}

func (waitForReady) applyCall(o *callOptions) { o.wait = true }

// WithWaitForReady makes a call wait for a server as long as its context lasts,
// instead of the time of WithReadyTimeout.
func WithWaitForReady() CallOption { return waitForReady{} }

type callTimeout time.Duration

func (t callTimeout) applyCall(o *callOptions) { o.timeout = time.Duration(t) }

// WithTimeout limits one call, in place of the timeout in the method's
// annotation. 0: no limit but the context's; less than 0: the
// call fails with CodeInvalidArgument.
func WithTimeout(d time.Duration) CallOption { return callTimeout(d) }
