package gozmq

import (
	"cmp"
	"context"
	"sync/atomic"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A streamChain is the interceptors of one stream of a client. They run in a
// goroutine that lasts as long as the stream.
type streamChain struct {
	stream *clientStream
	info   CallInfo
	first  proto.Message // what the outermost interceptor gets as the request

	begun atomic.Bool
	ready chan struct{} // closed when next was called, or will not be
	ctx   context.Context
	req   proto.Message
	skip  bool // next was not called

	over  chan struct{} // closed when the call has ended, with the next two
	err   error
	reply proto.Message

	done   chan struct{} // closed when the interceptors have returned, with the next two
	result error
	got    proto.Message
}

func newStreamChain(s *clientStream, req proto.Message) *streamChain {
	return &streamChain{
		stream: s, first: req, info: CallInfo{Operation: OperationCall, Method: s.method},
		ready: make(chan struct{}), over: make(chan struct{}), done: make(chan struct{}),
	}
}

// run calls the interceptors.
func (c *streamChain) run() {
	s := c.stream
	defer func() { // also after runtime.Goexit
		if !c.begun.Swap(true) {
			c.skip = true
			close(c.ready)
		}
		close(c.done)
		if c.skip {
			s.finish(c.result)
			return
		}
		s.cancel(cmp.Or[error](c.result, Errorf(CodeCanceled, "%s: the interceptors have returned", s.method.Procedure)))
	}()
	c.result = Errorf(CodeInternal, "%s: an interceptor has ended its goroutine", s.method.Procedure)
	var err error
	panicked := s.conn.observer.guard(zmtp.Dealer, "an interceptor", s.method.Procedure, func() {
		if c.got, err = s.conn.interceptor(s.call, &c.info, c.first, c.next); err != nil {
			err = asError(err)
		}
	})
	if panicked != nil {
		err = Errorf(CodeInternal, "%s: %w", s.method.Procedure, panicked)
	}
	c.result = err
}

// next lets the stream begin, and returns when it is over (Next).
func (c *streamChain) next(ctx context.Context, req proto.Message) (proto.Message, error) {
	if c.begun.Swap(true) {
		return nil, Errorf(CodeFailedPrecondition, "%s: next was called twice for a stream", c.stream.method.Procedure)
	}
	c.ctx, c.req = ctx, req
	close(c.ready)
	<-c.over
	return c.reply, c.err
}

// begin returns the call's context and request as next was given them. When the
// interceptors have answered themselves the call is over.
func (c *streamChain) begin(ctx context.Context) (context.Context, proto.Message, error) {
	select {
	case <-c.ready:
	case <-ctx.Done():
		return nil, nil, contextError(ctx.Err(), c.stream.method)
	}
	if c.skip {
		<-c.done
		c.stream.finish(c.result) // or run has
		return nil, nil, c.stream.whyOver(c.result)
	}
	return c.ctx, c.req, nil
}

// end tells the interceptors how the call has ended.
func (c *streamChain) end(err error, reply proto.Message) {
	c.err, c.reply = err, reply
	close(c.over)
}

// outcome returns the error that the interceptors have returned.
func (c *streamChain) outcome() error {
	<-c.done
	return c.result
}

// replace puts the interceptors' reply into m.
func (c *streamChain) replace(m proto.Message) (more bool, err error) {
	if c.got == nil || c.got == m {
		return true, nil
	}
	if c.got.ProtoReflect().Descriptor() != m.ProtoReflect().Descriptor() {
		return false, Errorf(CodeInternal, "%s: an interceptor answered with %s, want %s", c.stream.method.Procedure, nameOf(c.got), nameOf(m))
	}
	replace(m, c.got)
	return true, nil
}
