package gozmq

import (
	"bufio"
	"errors"
	"io"

	"google.golang.org/protobuf/encoding/protodelim"
	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

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

// appendBody appends m as one frame, encoded straight into place. After an
// error b is as it was. flags are those of the frame.
func appendBody(b []byte, flags byte, m proto.Message, limit int) ([]byte, error) {
	size := proto.Size(m)
	if size > limit {
		return b, Errorf(CodeResourceExhausted, "%s of %d bytes exceeds the limit of %d (raise it with WithMaxMessageSize)", nameOf(m), size, limit)
	}
	start := len(b)
	out := zmtp.AppendHeader(b, flags, size)
	head := len(out)
	out, err := proto.MarshalOptions{UseCachedSize: true}.MarshalAppend(out, m)
	if err != nil {
		return b[:start], Errorf(CodeInvalidArgument, "encode %s: %w", nameOf(m), err)
	}
	if len(out)-head != size {
		return b[:start], Errorf(CodeInternal, "%s was changed while it was sent", nameOf(m))
	}
	return out, nil
}
