package gozmq

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/gozmq/gozmq/runtime/internal/answer"
	"github.com/gozmq/gozmq/runtime/internal/bridge"
	"github.com/gozmq/gozmq/runtime/internal/socket"
)

// message is the constraint that ties a message struct to its pointer, which
// is what implements proto.Message.
type message[T any] interface {
	*T
	proto.Message
}

// A Registrar takes the services that generated Register functions hand to it;
// a Server is one.
type Registrar interface {
	// RegisterService adds s. It returns an error when s or one of its methods
	// is registered already.
	RegisterService(s bridge.Service[Method]) error
}

// A handler serves one method of a server.
type handler struct {
	server *Server
	method *Method
	new    func() proto.Message
	serve  func(context.Context, proto.Message) (proto.Message, error)
	stream func(context.Context, proto.Message, bridge.ServerStream) (proto.Message, error) // in place of serve
	output protoreflect.FullName
}

func (s *Server) newHandler(h bridge.Handler[Method]) *handler {
	return &handler{server: s, method: h.Method, new: h.New, serve: h.Serve, stream: h.Stream, output: h.Output}
}

// engine returns the handler as the engine of calls sees it.
func (h *handler) engine() *answer.Method {
	return &answer.Method{
		Procedure: h.method.Procedure, Bare: h.method.Bare, ClientStreams: h.method.ClientStreams, ServerStreams: h.method.ServerStreams,
		NewWork: func(p *socket.RouterPeer, metadata map[string][]string) answer.Work { return h.newWork(p, metadata) },
	}
}

// check reports what is wrong with a method that is registered, if anything.
func (h *handler) check() error {
	m := h.method
	switch streams := m.ClientStreams || m.ServerStreams; {
	case streams && m.Bare:
		return fmt.Errorf("%s has streams, which bare framing cannot carry", m.Procedure)
	case streams != (h.stream != nil):
		return fmt.Errorf("%s and its handler do not agree on whether it has streams", m.Procedure)
	}
	return nil
}
