package bridge

import (
	"context"
	"errors"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// A Service is what a generated Register function hands to a gozmq.Registrar. M
// is gozmq.Method.
type Service[M any] struct {
	// Name is the full name, as "greet.v1.Greeter".
	Name string
	// Descriptor describes the service.
	Descriptor protoreflect.ServiceDescriptor
	// Handlers has one entry per method.
	Handlers []Handler[M]
}

// A Handler serves one method.
type Handler[M any] struct {
	Method *M
	New    func() proto.Message
	Serve  func(context.Context, proto.Message) (proto.Message, error)
	// Stream serves a method with streams, in place of Serve. req is nil when the
	// client streams. It returns the reply when only the client streams.
	Stream func(ctx context.Context, req proto.Message, s ServerStream) (proto.Message, error)
	// Output is the full name of the reply's message.
	Output protoreflect.FullName
}

// A ServerStream is a stream as its handler sees it, without types.
type ServerStream interface {
	// Send sends a message (gozmq.Sender).
	Send(ctx context.Context, m proto.Message) error
	// Receive waits for the next message and decodes it into m. more is false when
	// the client has ended its messages, and after an error.
	Receive(m proto.Message) (more bool, err error)
}

// A TaskHandler runs the tasks of one method.
type TaskHandler[M any] struct {
	Method *M
	New    func() proto.Message
	Run    func(context.Context, proto.Message) (proto.Message, error)
	// Result says that Run returns one.
	Result bool
}

// ErrUnhandled is in the error of a topic's handler that gets no more messages.
var ErrUnhandled = errors.New("its subscription is given up")
