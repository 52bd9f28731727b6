package gozmq

import (
	"context"
	"errors"
	"iter"
	"time"

	"google.golang.org/protobuf/proto"
)

// A Stream is one call with several messages in one direction or in both, as
// Caller.Stream returns it; generated clients give it types. Nothing is sent
// before the first Send, CloseSend or Receive. The call ends with its context, so
// a stream that is no longer used leaks nothing.
type Stream interface {
	// Send sends one message. It waits while the server has not granted credit;
	// when ctx ends first, nothing was sent, and the stream goes on. When the
	// call is over it returns the call's error, or CodeFailedPrecondition after
	// one that went well; when m is nil, CodeInternal. Any number of goroutines may
	// call it at once.
	Send(ctx context.Context, m proto.Message) error
	// CloseSend says that no further message will be sent. Send fails from then on.
	CloseSend(ctx context.Context) error
	// Receive waits for the next message and decodes it into m. more is false at
	// the end of the call, with the error that it ended with, if any. When ctx ends
	// first it returns ctx's error and more is true: the stream goes on. One
	// goroutine at a time may call it.
	Receive(ctx context.Context, m proto.Message) (more bool, err error)
	// Close cancels the call if it is not over. It may be called several times.
	Close()
}

// A Sender sends the messages of a stream: a handler's to its client, or as part of
// a ClientStream or BidiStream the client's to the server. Any number of goroutines
// may call it at once, until the handler has returned.
type Sender[M any] interface {
	// Send waits while the client has not granted credit, until ctx ends; then
	// nothing was sent. It returns CodeCanceled when the client has canceled the
	// call, CodeUnavailable when it is gone, and CodeFailedPrecondition when the
	// handler has returned. With the handler's own context it goes on sending after
	// that has ended with ErrDraining: a handler that sends in a loop has to look
	// at its context.
	Send(ctx context.Context, m *M) error
}

// A ClientStream is a call in which the client sends any number of messages and
// the server answers once. It ends with the context that it was made with.
type ClientStream[Req, Resp any] interface {
	// Send sends one message to the server, as Stream.Send says.
	Sender[Req]
	// CloseAndReceive says that no further message will be sent and waits for the
	// reply. The call is canceled when ctx ends first.
	CloseAndReceive(ctx context.Context) (*Resp, error)
}

// A BidiStream is a call in which both sides send any number of messages. It ends
// with the context that it was made with.
type BidiStream[Req, Resp any] interface {
	// Send sends one message to the server, as Stream.Send says.
	Sender[Req]
	// CloseSend says that no further message will be sent; what the server sends
	// can still be received.
	CloseSend(ctx context.Context) error
	// Receive returns the server's messages. The loop ends when the server has
	// ended the call; an error is the last element. Leaving the loop before
	// cancels the call, and so does the end of ctx. It may be ranged over once.
	Receive(ctx context.Context) iter.Seq2[*Resp, error]
}

// ErrDraining is the cause (context.Cause) with which the context of a handler with
// streams ends when the server stops, or when the stream has reached the age of
// WithMaxStreamAge. Until the drain timeout is over the handler may still send, as
// to say goodbye, and Send does not fail with this cause; then the handler should
// return. The caller gets CodeUnavailable if the handler returns the context's
// error, and may open the stream again, at another server.
var ErrDraining = errors.New("the stream is to end: the server is stopping, or the stream is too old")

type idleTimeout time.Duration

func (t idleTimeout) applyCall(o *callOptions)    { o.idle = time.Duration(t) }
func (t idleTimeout) applyServer(c *serverConfig) { c.idle = time.Duration(t) }

// An IdleTimeoutOption is an option of a call and of NewServer.
type IdleTimeoutOption interface {
	CallOption
	ServerOption
}

// WithIdleTimeout ends a stream with CodeDeadlineExceeded when there was no message
// in either direction for d, or a quarter more. Unlike WithTimeout it lets a stream
// last as long as it is in use. Calls without streams have none. 0, the default:
// none. Less than 0: NewServer or the call fails.
func WithIdleTimeout(d time.Duration) IdleTimeoutOption { return idleTimeout(d) }

type messageTimeout time.Duration

func (t messageTimeout) applyCall(o *callOptions) { o.message = time.Duration(t) }

// WithMessageTimeout ends a stream with CodeDeadlineExceeded when its caller has
// waited for one message for d, or a quarter more. 0, the default: no limit;
// less than 0: the call fails with CodeInvalidArgument.
func WithMessageTimeout(d time.Duration) CallOption { return messageTimeout(d) }

// WithMaxStreamAge asks the handler of a stream, through its context, to end it
// after d, or up to a tenth more, so that long streams move to other servers in
// time (ErrDraining). A stream that has not ended by the drain timeout
// (WithDrainTimeout) after that is ended with CodeUnavailable. 0, the default: a
// stream may last forever.
func WithMaxStreamAge(d time.Duration) ServerOption {
	return serverOption(func(c *serverConfig) { c.maxAge = d })
}
