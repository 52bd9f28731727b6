package gozmq

import (
	"bufio"
	"errors"
	"io"

	"google.golang.org/protobuf/encoding/protodelim"
	"google.golang.org/protobuf/proto"
)

// A Codec encodes and decodes the messages of a socket in place of
// google.golang.org/protobuf: faster, or with other checks. On the wire they
// are protobuf either way, so that peers need not know. Its methods may be
// called from any goroutine, and must not panic whatever bytes came.
type Codec interface {
	// Size returns how many bytes MarshalAppend will append for m.
	Size(m proto.Message) int
	// MarshalAppend appends m to b; size is what Size has just returned. It is
	// an error when a required field is not set.
	MarshalAppend(b []byte, m proto.Message, size int) ([]byte, error)
	// Unmarshal replaces what is in m by what b says; b must not be kept. It is
	// an error when b is no such message or a required field is not set.
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

// WithCodec has bodies encoded and decoded by c. Module codecs/gozmqvt has one
// for messages with vtprotobuf's methods. Default: google.golang.org/protobuf.
func WithCodec(c Codec) interface {
	DialOption
	ServerOption
	PublisherOption
	SubscriberOption
	VentilatorOption
	WorkerOption
	SinkOption
} {
	return codecOption{c}
}

// Size returns how many bytes Marshal will make of m.
func Size(m proto.Message) int { return proto.Size(m) }

// Marshal returns the binary form of m, which the caller owns. A required
// field that is not set, which the error names, and a string that is not UTF-8
// are errors with CodeInvalidArgument.
func Marshal(m proto.Message) ([]byte, error) {
	return MarshalAppend(make([]byte, 0, proto.Size(m)), m)
}

// MarshalAppend is Marshal that appends to b.
func MarshalAppend(b []byte, m proto.Message) ([]byte, error) {
	out, err := proto.MarshalOptions{}.MarshalAppend(b, m)
	if err != nil {
		return b, Errorf(CodeInvalidArgument, "encode %s: %w", nameOf(m), err)
	}
	return out, nil
}

// Unmarshal replaces what is in m by what b says; b is not kept. Bytes that
// are not such a message, and a required field that is not set, are errors
// with CodeInvalidArgument; the latter names the field.
func Unmarshal(b []byte, m proto.Message) error {
	if err := proto.Unmarshal(b, m); err != nil {
		return Errorf(CodeInvalidArgument, "decode %s of %d bytes: %w", nameOf(m), len(b), err)
	}
	return nil
}

// MarshalTo writes m to w behind its size as a varint, as every protobuf
// library's "delimited" functions do, so that several can follow each other.
func MarshalTo(w io.Writer, m proto.Message) error {
	if _, err := protodelim.MarshalTo(w, m); err != nil {
		return Errorf(codeOfStream(err, CodeInvalidArgument), "write %s: %w", nameOf(m), err)
	}
	return nil
}

// UnmarshalFrom reads one message that MarshalTo wrote. It returns io.EOF at
// the end of the stream; a message larger than maxSize bytes is an error with
// CodeResourceExhausted that is found before memory is taken for it. maxSize 0
// means DefaultMaxMessageSize.
func UnmarshalFrom(r *bufio.Reader, m proto.Message, maxSize int) error {
	if maxSize == 0 {
		maxSize = DefaultMaxMessageSize
	}
	err := protodelim.UnmarshalOptions{MaxSize: int64(maxSize)}.UnmarshalFrom(r, m)
	var tooLarge *protodelim.SizeTooLargeError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		return io.EOF
	case errors.As(err, &tooLarge):
		return Errorf(CodeResourceExhausted, "read %s: %w", nameOf(m), err)
	}
	return Errorf(codeOfStream(err, CodeInvalidArgument), "read %s: %w", nameOf(m), err)
}

// codeOfStream tells an error of the stream from one of the message.
func codeOfStream(err error, message Code) Code {
	if errors.Is(err, proto.Error) || errors.Is(err, io.ErrUnexpectedEOF) {
		return message
	}
	return CodeOf(err)
}

func nameOf(m proto.Message) string {
	if m == nil {
		return "nil message"
	}
	return string(m.ProtoReflect().Descriptor().FullName())
}
