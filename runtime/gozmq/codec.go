package gozmq

import "google.golang.org/protobuf/proto"

// A Codec encodes and decodes the messages of a socket in place of
// google.golang.org/protobuf: faster, or with other checks. On the wire they
// are protobuf either way, so that peers need not know. Its methods may be
// called from any goroutine. They should not panic, whatever bytes came: a panic
// fails that message, and is reported as EventPanic.
type Codec interface {
	// Size returns how many bytes MarshalAppend will append for m.
	Size(m proto.Message) int
	// MarshalAppend appends m to b; size is what Size has just returned. It is
	// an error when a required field is not set.
	MarshalAppend(b []byte, m proto.Message, size int) ([]byte, error)
	// Unmarshal replaces the content of m by the message that b encodes; b must not
	// be kept. It is an error when b is no such message or a required field is not
	// set.
	Unmarshal(b []byte, m proto.Message) error
}

type codecOption struct{ codec Codec }

func (o codecOption) apply(c *socketConfig) { c.codec = &o.codec }

func (o codecOption) applyDial(c *dialConfig)             { o.apply(&c.socketConfig) }
func (o codecOption) applyServer(c *serverConfig)         { o.apply(&c.socketConfig) }
func (o codecOption) applyPublisher(c *publisherConfig)   { o.apply(&c.socketConfig) }
func (o codecOption) applySubscriber(c *subscriberConfig) { o.apply(&c.socketConfig) }
func (o codecOption) applyVentilator(c *ventilatorConfig) { o.apply(&c.socketConfig) }
func (o codecOption) applyWorker(c *workerConfig)         { o.apply(&c.socketConfig) }
func (o codecOption) applySink(c *sinkConfig)             { o.apply(&c.socketConfig) }

// An EndOption is an option of every constructor but NewProxy's, which never looks
// into messages.
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
