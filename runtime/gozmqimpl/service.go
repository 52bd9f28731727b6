package gozmqimpl

import (
	"context"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/internal/bridge"
)

// A Service is what a generated Register function hands to a gozmq.Registrar.
type Service = bridge.Service[gozmq.Method]

// A Handler serves one method. Handle makes it.
type Handler = bridge.Handler[gozmq.Method]

// Call makes one call through c.
func Call[Resp any, R message[Resp]](ctx context.Context, c gozmq.Caller, m *gozmq.Method, req proto.Message, opts ...gozmq.CallOption) (R, error) {
	reply := R(new(Resp))
	if err := c.Call(ctx, m, req, reply, opts...); err != nil {
		return nil, err
	}
	return reply, nil
}

// Handle ties a method to the function that serves it.
func Handle[Req, Resp any, P message[Req], R message[Resp]](m *gozmq.Method, serve func(context.Context, P) (R, error)) Handler {
	return Handler{
		Method: m,
		Output: R(nil).ProtoReflect().Descriptor().FullName(),
		New:    fresh[Req, P],
		Serve: func(ctx context.Context, req proto.Message) (proto.Message, error) {
			resp, err := serve(ctx, req.(P))
			if err != nil {
				return nil, err
			}
			return resp, nil
		},
	}
}

// Register hands a service to r. handlers is a function so that a nil
// implementation, or one that embeds its Unimplemented type as a nil pointer, is
// reported here and not by a panic in a call.
func Register(r gozmq.Registrar, name string, desc protoreflect.ServiceDescriptor, handlers func() []Handler) error {
	list, err := collect(name, handlers)
	if err != nil {
		return err
	}
	return r.RegisterService(Service{Name: name, Descriptor: desc, Handlers: list})
}

// Unimplemented returns the error of a method that nobody implemented.
func Unimplemented(m *gozmq.Method) error {
	return &gozmq.Error{Code: gozmq.CodeUnimplemented, Message: m.Procedure + " is not implemented"}
}
