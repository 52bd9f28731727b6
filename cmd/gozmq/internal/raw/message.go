// Package raw carries messages through the runtime as bytes. A Message holds an
// encoded message of any type, and Codec passes its bytes on, so that the roles of
// package gozmq run without generated code. With a descriptor the bytes can be
// decoded; otherwise they are printed.
package raw

import (
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/gozmq/gozmq/runtime/gozmq"
)

// A Message is an encoded message. A socket that sends or receives one needs
// the option Codec.
type Message struct {
	Body []byte
	// Values are the values of the topic's fields, only used when the message is
	// published.
	Values []string
}

// New returns a message with a body, which it keeps.
func New(body []byte) *Message { return &Message{Body: body} }

// Reset removes the body.
func (m *Message) Reset() { *m = Message{} }

// ProtoReflect makes a *Message a proto.Message for the runtime, which asks it
// for its name and whether it is nil. It has no fields.
func (m *Message) ProtoReflect() protoreflect.Message {
	if m == nil {
		return (*emptypb.Empty)(nil).ProtoReflect()
	}
	return new(emptypb.Empty).ProtoReflect()
}

// Codec is the option of every socket that carries a Message.
func Codec() gozmq.EndOption { return gozmq.WithCodec(codec{}) }

// A codec passes the bodies of Messages on, and encodes other messages as
// google.golang.org/protobuf does, so that generated clients work on the same
// socket.
type codec struct{}

func (codec) Size(m proto.Message) int {
	if m, ok := m.(*Message); ok {
		return len(m.Body)
	}
	return proto.Size(m)
}

func (codec) MarshalAppend(b []byte, m proto.Message, _ int) ([]byte, error) {
	if m, ok := m.(*Message); ok {
		return append(b, m.Body...), nil
	}
	return proto.MarshalOptions{UseCachedSize: true}.MarshalAppend(b, m)
}

func (codec) Unmarshal(b []byte, m proto.Message) error {
	if m, ok := m.(*Message); ok {
		m.Body = append([]byte{}, b...)
		return nil
	}
	if err := proto.Unmarshal(b, m); err != nil {
		return fmt.Errorf("decode: %w", err)
	}
	return nil
}
