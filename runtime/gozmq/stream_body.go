package gozmq

import (
	"sync"

	"google.golang.org/protobuf/proto"
)

// A streamBody is a message on its way to the wire (wire.Body).
type streamBody struct {
	bodies *bodies
	m      proto.Message
}

var streamBodies = sync.Pool{New: func() any { return new(streamBody) }}

func newStreamBody(c *bodies, m proto.Message) *streamBody {
	b := streamBodies.Get().(*streamBody)
	b.bodies, b.m = c, m
	return b
}

// AppendBody appends the message as one frame.
func (b *streamBody) AppendBody(to []byte, flags byte) ([]byte, error) {
	out, err := b.bodies.append(to, flags, b.m)
	return out, toStatus(err)
}

func (b *streamBody) free() {
	*b = streamBody{}
	streamBodies.Put(b)
}
