package bridge

import (
	"context"
	"errors"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// A Service is passed by a generated Register function to a gozmq.Registrar. M is
// gozmq.Method.
type Service[M any] struct {
	// Name is the full name, such as "greet.v1.Greeter".
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

// A ServerStream is the handler's side of a stream, without types.
type ServerStream interface {
	// Send sends a message (gozmq.Sender).
	Send(ctx context.Context, m proto.Message) error
	// Receive waits for the next message and decodes it into m. more is false after
	// the client's half-close, and with an error.
	Receive(m proto.Message) (more bool, err error)
}

// A TaskHandler runs the tasks of one method.
type TaskHandler[M any] struct {
	Method *M
	New    func() proto.Message
	Run    func(context.Context, proto.Message) (proto.Message, error)
	// Result says that Run returns a result.
	Result bool
}

// ErrUnhandled is wrapped by the error of a topic handler that must get no more
// messages.
var ErrUnhandled = errors.New("its subscription is given up")
