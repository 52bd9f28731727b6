package wire

import (
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A PublicationHeader is the header frame of a publication, a
// gozmq.v1.PublicationHeader. It is written and read by hand because every
// message may have one.
type PublicationHeader struct {
	Publisher uint64
	Position  uint64
	Previous  uint64
	Sequence  uint64 // 0: the topic is not sequenced
	TimeUs    uint64
	Retained  bool // the topic is retained
	Replayed  bool // the message is sent because of a later subscription
}

// Field numbers of gozmq.v1.PublicationHeader.
const (
	fieldPublisher protowire.Number = 1 + iota
	fieldPosition
	fieldPrevious
	fieldSequence
	fieldTime
	fieldRetained
	fieldReplayed
)

// maxPublicationHeader is how many bytes a header has at most: a fixed field,
// four varints and two bools.
const maxPublicationHeader = 9 + 4*11 + 2*2

// AppendFrame appends the header as a publication's last frame.
func (h *PublicationHeader) AppendFrame(b []byte) []byte {
	var body [maxPublicationHeader]byte
	return zmtp.AppendFrame(b, 0, h.Append(body[:0]))
}

// Append appends the header.
func (h *PublicationHeader) Append(b []byte) []byte {
	b = protowire.AppendTag(b, fieldPublisher, protowire.Fixed64Type)
	b = protowire.AppendFixed64(b, h.Publisher)
	b = appendUint(b, fieldPosition, h.Position)
	b = appendUint(b, fieldPrevious, h.Previous)
	b = appendUint(b, fieldSequence, h.Sequence)
	b = appendUint(b, fieldTime, h.TimeUs)
	b = appendUint(b, fieldRetained, protowire.EncodeBool(h.Retained))
	return appendUint(b, fieldReplayed, protowire.EncodeBool(h.Replayed))
}

// appendUint appends a varint field, unless it is 0.
func appendUint(b []byte, number protowire.Number, value uint64) []byte {
	if value == 0 {
		return b
	}
	return protowire.AppendVarint(protowire.AppendTag(b, number, protowire.VarintType), value)
}

// Parse reads a header and skips unknown fields. If b is malformed, it returns
// false and h is zero.
func (h *PublicationHeader) Parse(b []byte) bool {
	*h = PublicationHeader{}
	for len(b) > 0 {
		n := h.parseField(b)
		if n < 0 {
			*h = PublicationHeader{}
			return false
		}
		b = b[n:]
	}
	return true
}

// parseField reads one field and returns its length, less than 0 if it is
// malformed.
func (h *PublicationHeader) parseField(b []byte) int {
	number, kind, tag := protowire.ConsumeTag(b)
	if tag < 0 {
		return tag
	}
	var value uint64
	var n int
	switch kind {
	case protowire.Fixed64Type:
		value, n = protowire.ConsumeFixed64(b[tag:])
	case protowire.VarintType:
		value, n = protowire.ConsumeVarint(b[tag:])
	default:
		n = protowire.ConsumeFieldValue(number, kind, b[tag:])
	}
	if n < 0 {
		return n
	}
	h.set(number, kind, value)
	return tag + n
}

// set notes a field if it is known and has the right type.
func (h *PublicationHeader) set(number protowire.Number, kind protowire.Type, value uint64) {
	want := protowire.VarintType
	if number == fieldPublisher {
		want = protowire.Fixed64Type
	}
	if kind != want {
		return
	}
	switch number {
	case fieldPublisher:
		h.Publisher = value
	case fieldPosition:
		h.Position = value
	case fieldPrevious:
		h.Previous = value
	case fieldSequence:
		h.Sequence = value
	case fieldTime:
		h.TimeUs = value
	case fieldRetained:
		h.Retained = value != 0
	case fieldReplayed:
		h.Replayed = value != 0
	}
}

// Numbered reports whether the header says which place the message has among
// those of its publisher.
func (h *PublicationHeader) Numbered() bool { return h.Publisher != 0 && h.Position != 0 }

// SetTime sets when the message was published; a time before 1970 counts as 0,
// which is none.
func (h *PublicationHeader) SetTime(t time.Time) { h.TimeUs = uint64(max(t.UnixMicro(), 0)) }

// Time returns when the message was published, the zero time if the header does
// not say so.
func (h *PublicationHeader) Time() time.Time {
	if h.TimeUs == 0 || h.TimeUs > 1<<62 {
		return time.Time{}
	}
	return time.UnixMicro(int64(h.TimeUs))
}
