package wire

import (
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"

	gozmqv1 "github.com/gozmq/gozmq/proto/gozmq/v1"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// The credit that a client has until its server grants more.
const (
	FirstMessages = 64
	FirstBytes    = 64 << 10
)

// A Stream is a gozmq.v1.Stream. The zero value means that there is none: the
// message belongs to no stream, or has only a body.
type Stream struct {
	Present bool
	// Messages and Bytes are the credit that the sender of the header grants,
	// counted from the beginning of the stream. 0 means unchanged, and in the first
	// header without limit.
	Messages, Bytes uint64
	NoMessage       bool   // the body is not a message
	End             bool   // the client sends no further message
	Sent            uint64 // with End: how many messages the client has sent; 0: unknown
}

// Unlimited returns s as the first header of a stream means it: 0 is without limit.
func (s Stream) Unlimited() Stream {
	if s.Messages == 0 {
		s.Messages = math.MaxUint64
	}
	if s.Bytes == 0 {
		s.Bytes = math.MaxUint64
	}
	return s
}

// Field numbers of gozmq.v1.Stream, and the number of the field with it in both
// headers.
const (
	fieldStreamMessages protowire.Number = 1 + iota
	fieldStreamBytes
	fieldStreamNoMessage
	fieldStreamEnd
	fieldStreamSent

	fieldStream protowire.Number = 4
)

// plainStream is a header with an empty Stream, which nearly every message of a
// server has.
const plainStream = "\x22\x00"

// AppendStreamMessage appends a client's message in a stream that has begun, after
// its envelope, and returns the size of its body.
func AppendStreamMessage(b []byte, body Body) (out []byte, size int, err error) {
	return appendStreamBody(b, body, 0)
}

// appendStreamBody appends an empty frame and the body.
func appendStreamBody(b []byte, body Body, flags byte) (out []byte, size int, err error) {
	b = append(b, zmtp.FlagMore, 0)
	start := len(b)
	if out, err = body.AppendBody(b, flags); err != nil {
		return out, 0, err
	}
	return out, len(out) - start - zmtp.HeaderLen(out[start]), nil
}

// AppendStreamControl appends a client's frames without a message, in a stream that
// has begun, after their envelope: credit, the end, or both.
func AppendStreamControl(b []byte, s Stream) []byte {
	s.NoMessage = true
	return s.appendHeader(append(b, zmtp.FlagMore, 0, zmtp.FlagMore, 0))
}

// AppendStreamReply appends a server's message in a stream, after its envelope, and
// returns the size of its body.
func AppendStreamReply(b []byte, body Body) (out []byte, size int, err error) {
	if out, size, err = appendStreamBody(b, body, zmtp.FlagMore); err != nil {
		return out, 0, err
	}
	return zmtp.AppendFrameString(out, 0, plainStream), size, nil
}

// AppendStreamReplyControl appends a server's frames without a message, after their
// envelope: credit, the headers of the reply, or both. Headers must have passed
// Check.
func AppendStreamReplyControl(b []byte, s Stream, headers Metadata) ([]byte, error) {
	s.NoMessage = true
	b = append(b, zmtp.FlagMore, 0, zmtp.FlagMore, 0)
	if len(headers) == 0 {
		return s.appendHeader(b), nil
	}
	return appendMessage(b, &gozmqv1.ReplyHeader{Headers: headers.list(), Stream: s.message()})
}

// message returns s as a protobuf message, for a header with other fields; nil for
// none.
func (s Stream) message() *gozmqv1.Stream {
	if !s.Present {
		return nil
	}
	return &gozmqv1.Stream{MaxMessages: s.Messages, MaxBytes: s.Bytes, NoMessage: s.NoMessage, End: s.End, Sent: s.Sent}
}

// maxStream is the largest size of an encoded Stream: three varints and two bools.
const maxStream = 3*11 + 2*2

// appendHeader appends a header with only s, as the last frame.
func (s Stream) appendHeader(b []byte) []byte {
	var header [maxStream + 2]byte
	return zmtp.AppendFrame(b, 0, s.appendField(header[:0]))
}

// appendField appends s as a header's field.
func (s Stream) appendField(b []byte) []byte {
	var content [maxStream]byte
	c := appendUint(content[:0], fieldStreamMessages, s.Messages)
	c = appendUint(c, fieldStreamBytes, s.Bytes)
	c = appendUint(c, fieldStreamNoMessage, protowire.EncodeBool(s.NoMessage))
	c = appendUint(c, fieldStreamEnd, protowire.EncodeBool(s.End))
	c = appendUint(c, fieldStreamSent, s.Sent)
	return protowire.AppendBytes(protowire.AppendTag(b, fieldStream, protowire.BytesType), c)
}

// streamOf converts a header's field.
func streamOf(m *gozmqv1.Stream) Stream {
	if m == nil {
		return Stream{}
	}
	return Stream{Present: true, Messages: m.GetMaxMessages(), Bytes: m.GetMaxBytes(), NoMessage: m.GetNoMessage(), End: m.GetEnd(), Sent: m.GetSent()}
}

// onlyStream decodes a header with only a Stream, the usual case in a stream. It
// returns false for any other header, and for a Stream with unknown fields.
func onlyStream(b []byte) (s Stream, ok bool) {
	if string(b) == plainStream {
		return Stream{Present: true}, true
	}
	number, typ, n := protowire.ConsumeTag(b)
	if n < 0 || number != fieldStream || typ != protowire.BytesType {
		return s, false
	}
	content, m := protowire.ConsumeBytes(b[n:])
	if m < 0 || n+m != len(b) {
		return s, false
	}
	for len(content) > 0 {
		number, typ, n := protowire.ConsumeTag(content)
		if n < 0 || typ != protowire.VarintType {
			return Stream{}, false
		}
		value, m := protowire.ConsumeVarint(content[n:])
		if m < 0 || !s.set(number, value) {
			return Stream{}, false
		}
		content = content[n+m:]
	}
	s.Present = true
	return s, true
}

// set sets a field; it returns false when it does not know it.
func (s *Stream) set(number protowire.Number, value uint64) bool {
	switch number {
	case fieldStreamMessages:
		s.Messages = value
	case fieldStreamBytes:
		s.Bytes = value
	case fieldStreamNoMessage:
		s.NoMessage = value != 0
	case fieldStreamEnd:
		s.End = value != 0
	case fieldStreamSent:
		s.Sent = value
	default:
		return false
	}
	return true
}

// check reports what is wrong with a message of a stream, if anything.
func (s Stream) check(body []byte) error {
	if s.NoMessage && len(body) > 0 {
		return fmt.Errorf("stream header says no_message beside a body of %d bytes", len(body))
	}
	return nil
}

// Streamed reports whether a request can only belong to a stream that has begun, or
// to a call that is given up: its method is empty.
func Streamed(content [][]byte) bool {
	return len(content) >= 2 && len(content[0]) == 0
}

// InStream reports whether a request that neither begins a stream nor gives one up
// can be a later message of a stream: its header, if there is one, has no field of
// a call.
func (r *Request) InStream() bool {
	h := r.Header
	return h.Stream.Present || h.Timeout == 0 && len(h.Metadata) == 0 && !h.Cancel
}

// MayStream reports whether a request may start a stream, or may belong to one that
// was started; only the open streams can tell for sure. content is the request
// without its envelope.
func MayStream(content [][]byte) (start, later bool) {
	if Streamed(content) {
		return false, len(content) <= 3
	}
	return len(content) == 3 && hasStream(content[2]), false
}

// CancelsStream reports whether a message of a stream gives it up.
func CancelsStream(content [][]byte) bool {
	if len(content) != 3 {
		return false
	}
	h, err := ParseRequestHeader(content[2])
	return err == nil && h.Cancel
}

// GoesOn reports whether a reply is not the last one of its stream. content is the
// reply without its envelope.
func GoesOn(content [][]byte) bool {
	return len(content) == 3 && len(content[0]) == 0 && hasStream(content[2])
}

// hasStream reports whether a header has a Stream, without decoding other fields.
func hasStream(b []byte) bool {
	for len(b) > 0 {
		number, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return false
		}
		if number == fieldStream && typ == protowire.BytesType {
			return true
		}
		m := protowire.ConsumeFieldValue(number, typ, b[n:])
		if m < 0 {
			return false
		}
		b = b[n+m:]
	}
	return false
}

// AppendRoute appends a proxy's route, which stands in front of an envelope.
func AppendRoute(b, route []byte) []byte { return zmtp.AppendFrame(b, zmtp.FlagMore, route) }
