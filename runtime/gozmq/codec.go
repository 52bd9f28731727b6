package gozmq

import "google.golang.org/protobuf/proto"

// A Codec encodes and decodes the messages of a socket in place of
// google.golang.org/protobuf: faster, or with other checks. It must write
// protobuf's wire format, because peers do not know of it. Its methods are
// called from many goroutines at once. They should not panic, whatever bytes a
// peer sent: a panic fails that message, and EventPanic reports it.
type Codec interface {
	// Size returns how many bytes MarshalAppend will append for m.
	Size(m proto.Message) int
	// MarshalAppend appends m to b; size is what Size has just returned. It
	// returns an error when a required field is not set.
	MarshalAppend(b []byte, m proto.Message, size int) ([]byte, error)
	// Unmarshal replaces the content of m by the message that b encodes; it
	// must not keep b. It returns an error when b is malformed or a required
	// field is not set.
	Unmarshal(b []byte, m proto.Message) error
}

type codecOption struct{ codec Codec }

func (o codecOption) apply(c *socketConfig) { c.codec = &o.codec }

// An EndOption is an option of every constructor but NewProxy; a proxy never
// looks into messages.
type EndOption interface {
	DialOption
	ServerOption
	PublisherOption
	SubscriberOption
	VentilatorOption
	WorkerOption
	SinkOption
}

// WithCodec makes c encode and decode the messages. Module codecs/gozmqvt has a
// codec for messages with vtprotobuf's methods. Default:
// google.golang.org/protobuf.
func WithCodec(c Codec) EndOption { return codecOption{c} }

// nameOf returns a message's full name, for error texts.
func nameOf(m proto.Message) string {
	if m == nil {
		return "nil message"
	}
	return string(m.ProtoReflect().Descriptor().FullName())
}
