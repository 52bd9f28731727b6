// Package gozmqproto encodes and decodes protobuf messages outside of a socket,
// for example in files. Its errors have the codes of package gozmq.
package gozmqproto

import (
	"bufio"
	"errors"
	"io"

	"google.golang.org/protobuf/encoding/protodelim"
	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/gozmq"
)

// Size returns how many bytes Marshal returns for m.
func Size(m proto.Message) int { return proto.Size(m) }

// Marshal returns the binary form of m, which the caller owns. It fails with
// gozmq.CodeInvalidArgument when a required field, which the error names, is
// not set, or a string is not UTF-8.
func Marshal(m proto.Message) ([]byte, error) {
	return MarshalAppend(make([]byte, 0, proto.Size(m)), m)
}

// MarshalAppend is like Marshal, and appends to b.
func MarshalAppend(b []byte, m proto.Message) ([]byte, error) {
	out, err := proto.MarshalOptions{}.MarshalAppend(b, m)
	if err != nil {
		return b, gozmq.Errorf(gozmq.CodeInvalidArgument, "encode %s: %w", m.ProtoReflect().Descriptor().FullName(), err)
	}
	return out, nil
}

// Unmarshal replaces the content of m by the message that b encodes; it does
// not keep b. It fails with gozmq.CodeInvalidArgument when b is malformed, or a
// required field, which the error names, is not set.
func Unmarshal(b []byte, m proto.Message) error {
	if err := proto.Unmarshal(b, m); err != nil {
		return gozmq.Errorf(gozmq.CodeInvalidArgument, "decode %s of %d bytes: %w", m.ProtoReflect().Descriptor().FullName(), len(b), err)
	}
	return nil
}

// MarshalTo writes the size of m as a varint and then m to w, as the
// "delimited" functions of other protobuf libraries do, so that messages can
// follow each other.
func MarshalTo(w io.Writer, m proto.Message) error {
	if _, err := protodelim.MarshalTo(w, m); err != nil {
		return gozmq.Errorf(codeOfStream(err, gozmq.CodeInvalidArgument), "write %s: %w", m.ProtoReflect().Descriptor().FullName(), err)
	}
	return nil
}

// defaultMaxSize is the default of gozmq.WithMaxMessageSize.
const defaultMaxSize = 4 << 20

// UnmarshalFrom reads one message that MarshalTo wrote. It returns io.EOF at
// the end of the stream. It fails with gozmq.CodeResourceExhausted, before it
// allocates memory, when a message is larger than maxSize bytes. maxSize 0
// means 4 MiB, as without gozmq.WithMaxMessageSize.
func UnmarshalFrom(r *bufio.Reader, m proto.Message, maxSize int) error {
	if maxSize == 0 {
		maxSize = defaultMaxSize
	}
	err := protodelim.UnmarshalOptions{MaxSize: int64(maxSize)}.UnmarshalFrom(r, m)
	var tooLarge *protodelim.SizeTooLargeError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		return io.EOF
	case errors.As(err, &tooLarge):
		return gozmq.Errorf(gozmq.CodeResourceExhausted, "read %s: %w", m.ProtoReflect().Descriptor().FullName(), err)
	}
	return gozmq.Errorf(codeOfStream(err, gozmq.CodeInvalidArgument), "read %s: %w", m.ProtoReflect().Descriptor().FullName(), err)
}

// codeOfStream tells an error of the stream from one of the message.
func codeOfStream(err error, message gozmq.Code) gozmq.Code {
	if errors.Is(err, proto.Error) || errors.Is(err, io.ErrUnexpectedEOF) {
		return message
	}
	return gozmq.CodeOf(err)
}
