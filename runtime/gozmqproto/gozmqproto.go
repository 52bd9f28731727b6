// Package gozmqproto encodes and decodes protobuf messages outside of a socket, as
// for files and queues. Its errors have the codes of package gozmq.
package gozmqproto

import (
	"bufio"
	"errors"
	"io"

	"google.golang.org/protobuf/encoding/protodelim"
	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/gozmq"
)

// Size returns how many bytes Marshal will make of m.
func Size(m proto.Message) int { return proto.Size(m) }

// Marshal returns the binary form of m, which the caller owns. A required
// field that is not set, which the error names, and a string that is not UTF-8
// are errors with gozmq.CodeInvalidArgument.
func Marshal(m proto.Message) ([]byte, error) {
	return MarshalAppend(make([]byte, 0, proto.Size(m)), m)
}

// MarshalAppend is Marshal that appends to b.
func MarshalAppend(b []byte, m proto.Message) ([]byte, error) {
	out, err := proto.MarshalOptions{}.MarshalAppend(b, m)
	if err != nil {
		return b, gozmq.Errorf(gozmq.CodeInvalidArgument, "encode %s: %w", m.ProtoReflect().Descriptor().FullName(), err)
	}
	return out, nil
}

// Unmarshal replaces what is in m by what b says; b is not kept. Bytes that
// are not such a message, and a required field that is not set, are errors
// with gozmq.CodeInvalidArgument; the latter names the field.
func Unmarshal(b []byte, m proto.Message) error {
	if err := proto.Unmarshal(b, m); err != nil {
		return gozmq.Errorf(gozmq.CodeInvalidArgument, "decode %s of %d bytes: %w", m.ProtoReflect().Descriptor().FullName(), len(b), err)
	}
	return nil
}

// MarshalTo writes m to w behind its size as a varint, as every protobuf
// library's "delimited" functions do, so that several can follow each other.
func MarshalTo(w io.Writer, m proto.Message) error {
	if _, err := protodelim.MarshalTo(w, m); err != nil {
		return gozmq.Errorf(codeOfStream(err, gozmq.CodeInvalidArgument), "write %s: %w", m.ProtoReflect().Descriptor().FullName(), err)
	}
	return nil
}

// UnmarshalFrom reads one message that MarshalTo wrote. It returns io.EOF at
// the end of the stream; a message larger than maxSize bytes is an error with
// gozmq.CodeResourceExhausted that is found before memory is taken for it. maxSize 0
// means gozmq.DefaultMaxMessageSize.
func UnmarshalFrom(r *bufio.Reader, m proto.Message, maxSize int) error {
	if maxSize == 0 {
		maxSize = gozmq.DefaultMaxMessageSize
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
