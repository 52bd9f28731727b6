package gozmq

import (
	"context"

	"google.golang.org/protobuf/proto"
)

// CallInfo says what an interceptor stands around.
type CallInfo struct {
	// Method is the method that is called.
	Method *Method
	// Client is true on the calling side.
	Client bool
	// Peer is the caller's address; "" on the calling side.
	Peer string
}

// Next makes the call, or calls the next interceptor.
type Next func(ctx context.Context, req proto.Message) (proto.Message, error)

// An Interceptor stands around each call, on either side. It may look at the
// request and the reply, change the context, answer by itself, or return an
// error. It is called from many goroutines at once.
type Interceptor func(ctx context.Context, call *CallInfo, req proto.Message, next Next) (proto.Message, error)

type interceptorOption []Interceptor

func (o interceptorOption) applyDial(c *dialConfig)     { c.interceptor = chain(c.interceptor, o) }
func (o interceptorOption) applyServer(c *serverConfig) { c.interceptor = chain(c.interceptor, o) }

// WithInterceptors puts interceptors around each call, the first one outermost.
func WithInterceptors(interceptors ...Interceptor) interface {
	DialOption
	ServerOption
} {
	return interceptorOption(interceptors)
}

// chain makes one interceptor of several; first may be nil.
func chain(first Interceptor, rest []Interceptor) Interceptor {
	for _, second := range rest {
		if first == nil {
			first = second
			continue
		}
		outer := first
		first = func(ctx context.Context, call *CallInfo, req proto.Message, next Next) (proto.Message, error) {
			return outer(ctx, call, req, func(ctx context.Context, req proto.Message) (proto.Message, error) {
				return second(ctx, call, req, next)
			})
		}
	}
	return first
}
