package gozmq

import (
	"errors"
	"time"
)

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

// WithMaxStreamAge tells the handler of a stream, through its context, to end it
// after d, or up to a tenth more, so that long streams move to other servers in
// time (ErrDraining). A stream that has not ended by the drain timeout
// (WithDrainTimeout) after that is ended with CodeUnavailable. 0, the default: a
// stream may last for ever.
func WithMaxStreamAge(d time.Duration) ServerOption {
	return serverOption(func(c *serverConfig) { c.maxAge = d })
}
