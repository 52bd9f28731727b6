package gozmq

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/gozmq/gozmq/runtime/internal/socket"
)

// message is the constraint that ties a message struct to its pointer, which
// is what implements proto.Message.
type message[T any] interface {
	*T
	proto.Message
}

// A Service is what a generated Register function hands to a Registrar.
type Service struct {
	// Name is the full name, as "greet.v1.Greeter".
	Name string
	// Descriptor describes the service.
	Descriptor protoreflect.ServiceDescriptor
	// Handlers has one entry per method.
	Handlers []Handler
}

// A Handler serves one method. Handle makes it.
type Handler struct {
	method *Method
	new    func() proto.Message
	serve  func(context.Context, proto.Message) (proto.Message, error)
	pace   *socket.Pace
	output protoreflect.FullName
}

// A Registrar takes services; a Server is one.
type Registrar interface {
	// RegisterService adds s. It returns an error when s or one of its methods
	// is registered already.
	RegisterService(s Service) error
}

// Handle ties a method to the function that serves it. Calls are served at the
// same time, those of one connection too, in no order. The context that serve
// gets has the caller's deadline; it ends then, when the caller gives up or its
// connection is lost, when a stopping server has waited long enough, and when
// serve has returned. CallInfoFromContext tells more of the call.
func Handle[Req, Resp any, P message[Req], R message[Resp]](m *Method, serve func(context.Context, P) (R, error)) Handler {
	return Handler{
		method: m,
		pace:   new(socket.Pace),
		output: R(nil).ProtoReflect().Descriptor().FullName(),
		new:    func() proto.Message { return P(new(Req)) },
		serve: func(ctx context.Context, req proto.Message) (proto.Message, error) {
			resp, err := serve(ctx, req.(P))
			if err != nil {
				return nil, err
			}
			return resp, nil
		},
	}
}

// Register hands a service to r. Generated code calls it; handlers is a
// function so that a nil implementation, or one that embeds its Unimplemented
// type as a nil pointer, is reported here and not by a crash in a call.
func Register(r Registrar, name string, desc protoreflect.ServiceDescriptor, handlers func() []Handler) error {
	list, err := collect(name, handlers)
	if err != nil {
		return err
	}
	return r.RegisterService(Service{Name: name, Descriptor: desc, Handlers: list})
}

// collect calls handlers, which panics when the implementation is nil.
func collect[H any](name string, handlers func() []H) (list []H, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("register %s: the implementation is nil, or embeds its Unimplemented type as a nil pointer; embed it by value (%v)", name, r)
		}
	}()
	return handlers(), nil
}

// Unimplemented returns the error of a method that nobody implemented.
func Unimplemented(m *Method) error {
	return &Error{Code: CodeUnimplemented, Message: m.Procedure + " is not implemented"}
}
