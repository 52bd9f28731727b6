package gozmq

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/internal/answer"
)

// CallInfo describes the operation that an interceptor wraps, or the call that a
// handler serves.
type CallInfo struct {
	// Operation says what is wrapped.
	Operation Operation
	// Method is the method that is called or whose task it is; for a publication it
	// has the Procedure of the topic, and says whether its framing is bare.
	Method *Method
	// Peer is where the message came from, with the identity that our
	// authenticator gave it (Peer.Identity); nil where a message is sent.
	Peer *Peer
	// Metadata is the metadata that came with the message; nil where one is sent.
	// It must not be changed.
	Metadata Metadata
	// Publication describes the publication: of one that is published, the topic
	// only. Nil for other operations.
	Publication *PublicationInfo
	// Task describes the task or the result: of a task that is pushed, the batch
	// only. Nil for other operations.
	Task *TaskInfo

	reply     *answer.Context // nil on the calling side
	onMessage []func(m proto.Message, sent bool) error
	onAttempt []func(a *Attempt)
}

// OnMessage has f called for each message of a stream: before one is sent, and
// when one was received. An error fails that Send; for a message that was
// received it ends the call. The request of a call in which the client sends no
// stream, and the reply of one in which the server sends none, are those that
// the interceptor gets and next returns, and no messages of a stream. An
// interceptor calls OnMessage before next. f may be called from many goroutines
// at once.
func (c *CallInfo) OnMessage(f func(m proto.Message, sent bool) error) {
	c.onMessage = append(c.onMessage, f)
}

// message calls the functions for a message.
func (c *CallInfo) message(m proto.Message, sent bool) error {
	for _, f := range c.onMessage {
		if err := f(m, sent); err != nil {
			return asError(err)
		}
	}
	return nil
}

// AddReplyHeader adds a header to the reply of the call, or to its error. It may be
// called from any goroutine. It returns an error with CodeFailedPrecondition when
// the header will not be sent: the handler has returned; the first message of a
// stream, with which its headers go, was sent; or this is the calling side.
func (c *CallInfo) AddReplyHeader(key, value string) error {
	if c.reply == nil {
		return c.notServed()
	}
	return c.replyError(c.reply.AddHeader(key, value))
}

// AddReplyTrailer adds a trailer to the reply of the call, or to its error, as
// AddReplyHeader does; trailers go with the end of a stream.
func (c *CallInfo) AddReplyTrailer(key, value string) error {
	if c.reply == nil {
		return c.notServed()
	}
	return c.replyError(c.reply.AddTrailer(key, value))
}

func (c *CallInfo) notServed() error {
	return Errorf(CodeFailedPrecondition, "%s: metadata of the reply is added by the server", c.Method.Procedure)
}

func (c *CallInfo) replyError(err error) error {
	if err == nil {
		return nil
	}
	return Errorf(CodeOf(fromStatus(err)), "%s: %s", c.Method.Procedure, fromStatus(err).(*Error).Message)
}

// Next calls the next interceptor; the last one carries the operation out.
type Next func(ctx context.Context, req proto.Message) (proto.Message, error)

// An Interceptor wraps each operation of a socket (CallInfo.Operation). It may
// inspect the request and the reply, change the context, answer without calling
// next, or return an error. It is called from many goroutines at once. A panic
// fails the operation with CodeInternal, and is reported as EventPanic.
//
// Of a call it may call next several times, and gets another reply each time. The
// metadata that it adds to the context (AppendMetadata) travels with what is sent.
//
// Of a publication, a task or a result, req is the message. There is no reply,
// except the result that the handler of a task returns. Where the message goes to
// a loop, next yields it and returns when the loop's body has come to its end,
// with a nil error; without next the message is skipped, or the loop yields the
// interceptor's error in its place. An error that the interceptor returns after
// that is reported as an event, and the message counts as handled.
//
// A stream is a call like any other: next returns when it is over, with its error,
// and may be called once only. req is nil when the client sends a stream, and the
// reply is nil when the server does. CallInfo.OnMessage shows the messages.
type Interceptor func(ctx context.Context, call *CallInfo, req proto.Message, next Next) (proto.Message, error)

type interceptorOption []Interceptor

// WithInterceptors wraps each operation of the socket (Operation) in
// interceptors; the first one is the outermost.
func WithInterceptors(interceptors ...Interceptor) EndOption {
	return interceptorOption(interceptors)
}

func (o interceptorOption) applyWorker(c *workerConfig) {
	c.interceptors = append(c.interceptors, o...)
}

func (o interceptorOption) check() error {
	for i := range o {
		if o[i] == nil {
			return fmt.Errorf("WithInterceptors: interceptor %d is nil", i)
		}
	}
	return nil
}

// chain makes one interceptor of several; nil when there is none.
func (o interceptorOption) chain() Interceptor {
	if len(o) < 2 {
		if len(o) == 0 {
			return nil
		}
		return o[0]
	}
	outer, inner := o[0], o[1:].chain()
	return func(ctx context.Context, call *CallInfo, req proto.Message, next Next) (proto.Message, error) {
		return outer(ctx, call, req, func(ctx context.Context, req proto.Message) (proto.Message, error) {
			return inner(ctx, call, req, next)
		})
	}
}
