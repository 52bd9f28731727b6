// Package gozmqvt is a codec for gozmq that calls the methods which vtprotobuf
// generates beside a message, in place of the reflection of
// google.golang.org/protobuf:
//
//	protoc --go_out=. --go-vtproto_out=. --go-vtproto_opt=features=marshal+unmarshal+size …
//
//	conn, err := gozmq.Dial(gozmq.WithCodec(gozmqvt.New()), …)
//
// Each end chooses for itself: on the wire it is protobuf either way. Messages
// without the methods, or of a kind that vtprotobuf does not carry or cannot
// decode safely, are left to google.golang.org/protobuf: those that contain
// themselves, because the generated decoder puts no limit on how deep a peer
// nests them and would exhaust the stack, and those with extensions, which the
// generated methods lose, or groups. A message counts as such when any message
// in it, at whatever depth, does; google.protobuf.Struct is one that contains
// itself.
//
// What is different for the others:
//
//   - Strings are not checked: one that is not UTF-8 is sent, and taken from a
//     peer. Check those that matter before they go further.
//   - A field whose wire type is not the one of the schema is an error; it is
//     not kept among the unknown fields. Within the entry of a map it goes
//     unnoticed.
//   - Unknown fields within the types of google/protobuf, as Timestamp, are
//     dropped.
//   - errors.Is does not recognize errors as proto.Error. A required
//     field that is not set is an error as ever, which gives the field's name
//     without its message's.
//
// A message is emptied before it is decoded into, as proto.Unmarshal does and
// UnmarshalVT by itself does not. The generated pools (ResetVT, FromVTPool) are
// not used, nor is UnmarshalVTUnsafe: a message owns its memory.
package gozmqvt

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// A Codec is a gozmq.Codec. Its methods may be called from any goroutine. The
// zero value is ready.
type Codec struct{ fit sync.Map } // protoreflect.MessageDescriptor to bool

// New returns a Codec. One may serve any number of sockets.
func New() *Codec { return new(Codec) }

// message is what vtprotobuf generates with the features marshal, unmarshal and
// size.
type message interface {
	proto.Message
	SizeVT() int
	MarshalToSizedBufferVT(b []byte) (int, error)
	UnmarshalVT(b []byte) error
}

// generated returns m as a message whose generated methods are to be used.
func (c *Codec) generated(m proto.Message) (message, bool) {
	v, ok := m.(message)
	if !ok {
		return nil, false
	}
	d := m.ProtoReflect().Descriptor()
	fit, known := c.fit.Load(d)
	if !known {
		fit = fits(d, nil)
		c.fit.Store(d, fit)
	}
	return v, fit.(bool)
}

// fits reports whether the generated methods are right for messages of that
// kind, which stand within messages of the kinds above.
func fits(d protoreflect.MessageDescriptor, above []protoreflect.FullName) bool {
	if slices.Contains(above, d.FullName()) || d.ExtensionRanges().Len() > 0 {
		return false
	}
	above = append(above, d.FullName())
	fields := d.Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		if f.Kind() == protoreflect.GroupKind {
			return false
		}
		if inner := f.Message(); inner != nil && !fits(inner, above) {
			return false
		}
	}
	return true
}

// Size returns how many bytes MarshalAppend will append for m.
func (c *Codec) Size(m proto.Message) int {
	if v, ok := c.generated(m); ok {
		return v.SizeVT()
	}
	return proto.Size(m)
}

var errChanged = errors.New("the message was changed while it was encoded")

// MarshalAppend appends m to b; size is what Size has just returned. After an
// error b is as it was.
func (c *Codec) MarshalAppend(b []byte, m proto.Message, size int) (out []byte, err error) {
	v, ok := c.generated(m)
	if !ok {
		return proto.MarshalOptions{UseCachedSize: true}.MarshalAppend(b, m)
	}
	defer func() {
		if r := recover(); r != nil { // the generated method trusts the size
			out, err = b, fmt.Errorf("%w (%v)", errChanged, r)
		}
	}()
	start := len(b)
	out = slices.Grow(b, size)[:start+size]
	n, err := v.MarshalToSizedBufferVT(out[start:])
	if err == nil && n != size {
		err = errChanged
	}
	if err != nil {
		return b, err
	}
	return out, nil
}

// Unmarshal replaces the content of m by the message that b encodes; it does not
// keep b.
func (c *Codec) Unmarshal(b []byte, m proto.Message) (err error) {
	v, ok := c.generated(m)
	if !ok {
		return proto.Unmarshal(b, m)
	}
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("generated decoder panicked: %v", r)
		}
	}()
	proto.Reset(v)
	return v.UnmarshalVT(b)
}
