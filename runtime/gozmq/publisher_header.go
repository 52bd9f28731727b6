package gozmq

import (
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A publicationHeader is the header frame of a publication, a
// gozmq.v1.PublicationHeader. It is written and read by hand: there may be one
// on each message.
type publicationHeader struct {
	publisher uint64
	position  uint64
	previous  uint64
	sequence  uint64 // 0: the topic is not sequenced
	timeUs    uint64
	retained  uint64 // 1: the topic is
	replayed  uint64 // 1: the message is sent for a later subscription
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

// headerOf returns the header of a message with that stamp.
func headerOf(publisher uint64, s socket.Stamp) publicationHeader {
	h := publicationHeader{
		publisher: publisher,
		position:  s.Position, previous: s.Previous,
		timeUs: uint64(max(s.Time.UnixMicro(), 0)),
	}
	if s.Traits&socket.Sequenced != 0 {
		h.sequence = s.Sequence
	}
	if s.Traits&socket.Retained != 0 {
		h.retained = 1
	}
	if s.Replayed {
		h.replayed = 1
	}
	return h
}

// appendFrame appends the header as a message's last frame.
func (h *publicationHeader) appendFrame(b []byte) []byte {
	var body [maxPublicationHeader]byte
	return zmtp.AppendFrame(b, 0, h.append(body[:0]))
}

func (h *publicationHeader) append(b []byte) []byte {
	b = protowire.AppendTag(b, fieldPublisher, protowire.Fixed64Type)
	b = protowire.AppendFixed64(b, h.publisher)
	for _, f := range [...]struct {
		number protowire.Number
		value  uint64
	}{
		{fieldPosition, h.position}, {fieldPrevious, h.previous}, {fieldSequence, h.sequence}, {fieldTime, h.timeUs},
		{fieldRetained, h.retained}, {fieldReplayed, h.replayed},
	} {
		if f.value != 0 {
			b = protowire.AppendTag(b, f.number, protowire.VarintType)
			b = protowire.AppendVarint(b, f.value)
		}
	}
	return b
}

// parse reads a header frame; false, and h is empty, if it is none. Unknown
// fields are passed over.
func (h *publicationHeader) parse(b []byte) bool {
	*h = publicationHeader{}
	for len(b) > 0 {
		n := h.parseField(b)
		if n < 0 {
			*h = publicationHeader{}
			return false
		}
		b = b[n:]
	}
	return true
}

// parseField reads one field and returns its length, less than 0 if it is none.
func (h *publicationHeader) parseField(b []byte) int {
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

// set notes a field that is known and of its type.
func (h *publicationHeader) set(number protowire.Number, kind protowire.Type, value uint64) {
	want, to := protowire.VarintType, (*uint64)(nil)
	switch number {
	case fieldPublisher:
		want, to = protowire.Fixed64Type, &h.publisher
	case fieldPosition:
		to = &h.position
	case fieldPrevious:
		to = &h.previous
	case fieldSequence:
		to = &h.sequence
	case fieldTime:
		to = &h.timeUs
	case fieldRetained:
		value, to = min(value, 1), &h.retained
	case fieldReplayed:
		value, to = min(value, 1), &h.replayed
	}
	if to != nil && kind == want {
		*to = value
	}
}

// numbered reports whether the header says where the message stands.
func (h *publicationHeader) numbered() bool { return h.publisher != 0 && h.position != 0 }

// time returns when the message was published; zero if it is not said.
func (h *publicationHeader) time() time.Time {
	if h.timeUs == 0 || h.timeUs > 1<<62 {
		return time.Time{}
	}
	return time.UnixMicro(int64(h.timeUs))
}
