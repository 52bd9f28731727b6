package gozmq

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/internal/answer"
	"github.com/gozmq/gozmq/runtime/internal/guarded"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
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
	// Waited is how long the loop that gets the message waited for it, from the
	// end of its body's last turn; 0 where a message comes to no loop.
	Waited time.Duration

	reply *answer.Context // nil on the calling side
	hooks *callHooks      // nil: interceptors have added no function
}

// callHooks are the functions that interceptors have added to a call. Most calls
// have none, and no memory for them.
type callHooks struct {
	onMessage []func(m proto.Message, sent bool) error
	onAttempt []func(a *Attempt)
	onSettle  []func(outcome string, err error)
}

// added returns the functions of the call, for one more.
func (c *CallInfo) added() *callHooks {
	if c.hooks == nil {
		c.hooks = new(callHooks)
	}
	return c.hooks
}

// OnMessage has f called for each message of a stream: before one is sent, and
// when one was received. An error fails that Send; for a message that was
// received it ends the call. The request of a call in which the client sends no
// stream, and the reply of one in which the server sends none, are those that
// the interceptor gets and next returns, and no messages of a stream. An
// interceptor calls OnMessage before next. f may be called from many goroutines
// at once.
func (c *CallInfo) OnMessage(f func(m proto.Message, sent bool) error) {
	h := c.added()
	h.onMessage = append(h.onMessage, f)
}

// message calls the functions for a message.
func (c *CallInfo) message(m proto.Message, sent bool) error {
	if c.hooks == nil {
		return nil
	}
	for _, f := range c.hooks.onMessage {
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
// For a call it may call next several times, and gets another reply each time. The
// metadata that it adds to the context (AppendMetadata) travels with what is sent.
//
// For a publication, a task or a result, req is the message. There is no reply,
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

// An Operation says what an interceptor wraps (CallInfo).
type Operation uint8

const (
	OperationCall    Operation = iota + 1 // a call, or a stream, of a client
	OperationServe                        // the same, on the server
	OperationPublish                      // of a message, by a Publisher
	OperationReceive                      // the handling of a publication by a subscriber
	OperationPush                         // of a task, by a Ventilator
	OperationRun                          // of a task, by a Worker
	OperationResult                       // the handling of a result, or of a task at a puller, by a Sink
)

// String returns the operation in lower case.
func (o Operation) String() string {
	names := [...]string{"none", "call", "serve", "publish", "receive", "push", "run", "result"}
	if int(o) < len(names) {
		return names[o]
	}
	return "operation"
}

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

// A loopPause measures how long a loop asks for its next message (CallInfo.Waited).
type loopPause struct{ asked time.Time }

// begin begins to measure, if there is an interceptor that may want to know.
func (p *loopPause) begin(interceptor Interceptor) {
	if interceptor != nil {
		p.asked = time.Now()
	}
}

// end returns how long it was, at least a nanosecond.
func (p *loopPause) end() time.Duration { return max(1, time.Since(p.asked)) }

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
