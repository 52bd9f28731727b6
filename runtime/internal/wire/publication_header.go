package wire

import (
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A PublicationHeader is the header frame of a publication, a
// gozmq.v1.PublicationHeader. It is written and read by hand for speed, because
// every message may have one.
type PublicationHeader struct {
	Publisher uint64
	Position  uint64
	Previous  uint64
	Sequence  uint64 // 0: the topic is not sequenced
	TimeUs    uint64
	Retained  bool // the topic is retained
	Replayed  bool // the message answers a later subscription
	// Metadata is the message's metadata, as EncodeMetadata writes it. After Parse
	// it points into the bytes that were parsed.
	Metadata EncodedMetadata
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
	fieldMetadata
)

// maxPublicationHeader is the largest size of a header without metadata: a fixed
// field, four varints and two bools.
const maxPublicationHeader = 9 + 4*11 + 2*2

// AppendFrame appends the header as a publication's last frame.
func (h *PublicationHeader) AppendFrame(b []byte) []byte {
	var body [maxPublicationHeader]byte
	fields := h.appendFields(body[:0])
	if len(h.Metadata) == 0 {
		return zmtp.AppendFrame(b, 0, fields)
	}
	b = append(zmtp.AppendHeader(b, 0, len(fields)+len(h.Metadata)), fields...)
	return append(b, h.Metadata...)
}

// Append appends the header.
func (h *PublicationHeader) Append(b []byte) []byte { return append(h.appendFields(b), h.Metadata...) }

// appendFields appends all fields except the metadata.
func (h *PublicationHeader) appendFields(b []byte) []byte {
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
	var metadata span
	for at := 0; at < len(b); {
		n, isMetadata := h.parseField(b[at:])
		if n < 0 {
			*h = PublicationHeader{}
			return false
		}
		if isMetadata {
			metadata.add(b, at, at+n)
		}
		at += n
	}
	h.Metadata = metadata.joined
	return true
}

// A span joins parts of a byte slice. It copies nothing as long as they are
// contiguous, as the entries of most headers are.
type span struct {
	joined     []byte
	start, end int // of the joined parts; end is -1 when they were copied
}

func (s *span) add(b []byte, start, end int) {
	switch {
	case s.joined == nil:
		s.start, s.end = start, end
	case s.end == start:
		s.end = end
	default:
		s.joined, s.end = append(s.joined, b[start:end]...), -1
		return
	}
	s.joined = b[s.start:s.end:s.end]
}

// parseField reads one field and returns its length, less than 0 if it is
// malformed, and whether it is an entry of the metadata.
func (h *PublicationHeader) parseField(b []byte) (length int, metadata bool) {
	number, kind, tag := protowire.ConsumeTag(b)
	if tag < 0 {
		return tag, false
	}
	var value uint64
	var n int
	switch kind {
	case protowire.Fixed64Type:
		value, n = protowire.ConsumeFixed64(b[tag:])
	case protowire.VarintType:
		value, n = protowire.ConsumeVarint(b[tag:])
	case protowire.BytesType:
		_, n = protowire.ConsumeBytes(b[tag:])
		metadata = number == fieldMetadata
	default:
		n = protowire.ConsumeFieldValue(number, kind, b[tag:])
	}
	if n < 0 {
		return n, false
	}
	h.set(number, kind, value)
	return tag + n, metadata
}

// set stores a field if it is known and has the right type.
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

// Numbered reports whether the header has the message's position among its
// publisher's messages.
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
