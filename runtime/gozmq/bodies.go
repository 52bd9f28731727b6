package gozmq

import (
	"slices"
	"sync/atomic"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/internal/guarded"
	"github.com/gozmq/gozmq/runtime/internal/utf8field"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// bodies is how the messages of one socket become frames and come from them.
type bodies struct {
	codec Codec // nil: google.golang.org/protobuf
	limit int   // bytes of one body

	observer *observer // gets the codec's panics
	socket   zmtp.SocketType
}

// bodies returns how a socket with these options encodes and decodes. It reports
// to o, which the caller may also set later.
func (c *socketConfig) bodies(o *observer) bodies {
	b := bodies{limit: c.MaxMessageSize, observer: o, socket: c.SocketType}
	if c.codec != nil {
		b.codec = *c.codec
	}
	return b
}

// size returns how many bytes m takes; more than the limit is an error.
func (c *bodies) size(m proto.Message) (int, error) {
	var size int
	if c.codec == nil {
		size = proto.Size(m)
	} else if err := c.guard("Size", m, func() { size = c.codec.Size(m) }); err != nil {
		return 0, err
	}
	if size > c.limit {
		return 0, Errorf(CodeResourceExhausted, "%s of %d bytes exceeds the limit of %d (raise it with WithMaxMessageSize)", nameOf(m), size, c.limit)
	}
	return size, nil
}

// marshal appends m, whose size is known, to b. After an error b is as it was.
func (c *bodies) marshal(b []byte, m proto.Message, size int) (out []byte, err error) {
	if c.codec == nil {
		out, err = proto.MarshalOptions{UseCachedSize: true}.MarshalAppend(b, m)
	} else if panicked := c.guard("MarshalAppend", m, func() { out, err = c.codec.MarshalAppend(b, m, size) }); panicked != nil {
		return b, panicked
	}
	if err != nil {
		return b, Errorf(CodeInvalidArgument, "encode %s: %w%s", nameOf(m), err, utf8field.Suffix(m, err))
	}
	if len(out)-len(b) != size {
		return b, Errorf(CodeInternal, "%s was changed while it was sent", nameOf(m))
	}
	return out, nil
}

// append appends m as one frame, encoded straight into place. After an error b
// is as it was. flags are those of the frame.
func (c *bodies) append(b []byte, flags byte, m proto.Message) ([]byte, error) {
	size, err := c.size(m)
	if err != nil {
		return b, err
	}
	out, err := c.marshal(zmtp.AppendHeader(b, flags, size), m, size)
	if err != nil {
		return out[:len(b)], err
	}
	return out, nil
}

// encode returns m as a body, which the caller owns.
func (c *bodies) encode(m proto.Message) ([]byte, error) { return c.encodeIn(nil, m) }

// encodeIn is encode into the memory of b, if m takes at least a fourth of it and
// it is enough.
func (c *bodies) encodeIn(b []byte, m proto.Message) ([]byte, error) {
	size, err := c.size(m)
	if err != nil {
		return nil, err
	}
	if size > cap(b) || size < cap(b)/4 {
		b = slices.Grow([]byte(nil), size)
	}
	return c.marshal(b[:0], m, size)
}

// decode replaces the content of m by that of body, which is not kept.
func (c *bodies) decode(body []byte, m proto.Message) error {
	proto.Reset(m) // whoever made it: codecs tend to merge, too
	return c.decodeNew(body, m)
}

// decodeNew is decode for a message without content.
func (c *bodies) decodeNew(body []byte, m proto.Message) error {
	if c.codec == nil {
		err := proto.UnmarshalOptions{Merge: true}.Unmarshal(body, m)
		if err != nil {
			err = utf8field.Named(body, m, err)
		}
		return err
	}
	var err error
	if panicked := c.guard("Unmarshal", m, func() { err = c.codec.Unmarshal(body, m) }); panicked != nil {
		return panicked
	}
	return err
}

// guard calls a method of the codec and reports its panic. The error that it
// returns then may travel, so its text does not have the value.
func (c *bodies) guard(method string, m proto.Message, call func()) (err error) {
	guarded.Call(call, func(p *guarded.PanicError) {
		if p != nil {
			cause := c.observer.panicked(c.socket, "the codec's "+method+" of "+nameOf(m), "", p)
			err = &Error{Code: CodeInternal, Message: "the codec panicked (EventPanic reports the value)", cause: cause}
		}
	})
	return err
}

// decodeInput is decode for what someone asks us to do: the error has
// CodeInvalidArgument.
func (c *bodies) decodeInput(body []byte, m proto.Message) error {
	switch err := c.decode(body, m); {
	case err == nil:
		return nil
	case CodeOf(err) == CodeInternal:
		return err // the fault is the codec's
	default:
		return Errorf(CodeInvalidArgument, "decode %s of %d bytes: %w", nameOf(m), len(body), err)
	}
}

// A streamBody is a message on its way to the wire (wire.Body).
type streamBody struct {
	bodies *bodies
	m      proto.Message
}

// AppendBody appends the message as one frame.
func (b *streamBody) AppendBody(to []byte, flags byte) ([]byte, error) {
	out, err := b.bodies.append(to, flags, b.m)
	return out, toStatus(err)
}

// A spareBody keeps a stream's streamBody between two messages. Goroutines that
// send at once make further ones. The zero value is ready.
type spareBody struct{ b atomic.Pointer[streamBody] }

func (s *spareBody) take(c *bodies, m proto.Message) *streamBody {
	b := s.b.Swap(nil)
	if b == nil {
		b = &streamBody{bodies: c}
	}
	b.m = m
	return b
}

// free keeps b, and not its message.
func (s *spareBody) free(b *streamBody) {
	b.m = nil
	s.b.Store(b)
}
