package gozmq

import (
	"cmp"
	"context"
	"sync"
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

	once  sync.Once
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
			_ = s.Fail(toStatus(c.result))
			return
		}
		s.Cancel(toStatus(cmp.Or[error](c.result, Errorf(CodeCanceled, "%s: the interceptors have returned", s.method.Procedure))))
	}()
	c.result = Errorf(CodeInternal, "%s: an interceptor has ended its goroutine", s.method.Procedure)
	var err error
	panicked := s.conn.observer.guard(zmtp.Dealer, "an interceptor", s.method.Procedure, func() {
		if c.got, err = s.conn.interceptor(s.Context(), &c.info, c.first, c.next); err != nil {
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
func (c *streamChain) begin(ctx context.Context) (context.Context, error) {
	select {
	case <-c.ready:
	case <-ctx.Done():
		return nil, Errorf(CodeOf(ctx.Err()), "%s: %w", c.stream.method.Procedure, ctx.Err())
	}
	if !c.skip {
		return c.ctx, nil
	}
	<-c.done
	_ = c.stream.Fail(toStatus(c.result)) // or run has
	if c.result != nil {
		return nil, c.result
	}
	return nil, Errorf(CodeFailedPrecondition, "%s: the call is over", c.stream.method.Procedure)
}

// end reports the end of the call to the interceptors, once.
func (c *streamChain) end(err error, reply proto.Message) {
	c.once.Do(func() {
		c.err, c.reply = err, reply
		close(c.over)
	})
}

// outcome returns the error that the interceptors have returned.
func (c *streamChain) outcome() error {
	<-c.done
	return c.result
}
