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
}

// Field numbers of gozmq.v1.PublicationHeader.
const (
	fieldPublisher protowire.Number = 1 + iota
	fieldPosition
	fieldPrevious
	fieldSequence
	fieldTime
)

// maxPublicationHeader is how many bytes a header has at most: a fixed field
// and four varints.
const maxPublicationHeader = 9 + 4*11

// headerOf returns the header of a message with that stamp.
func headerOf(publisher uint64, s socket.Stamp) publicationHeader {
	return publicationHeader{
		publisher: publisher,
		position:  s.Position, previous: s.Previous, sequence: s.Sequence,
		timeUs: uint64(max(s.Time.UnixMicro(), 0)),
	}
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
	} {
		if f.value != 0 {
			b = protowire.AppendTag(b, f.number, protowire.VarintType)
			b = protowire.AppendVarint(b, f.value)
		}
	}
	return b
}

// parse reads a header frame; false if it is none. Unknown fields are passed
// over, and so is a header without a publisher or a position, which says
// nothing.
func (h *publicationHeader) parse(b []byte) bool {
	*h = publicationHeader{}
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return false
		}
		b = b[n:]
		var value uint64
		switch kind {
		case protowire.Fixed64Type:
			value, n = protowire.ConsumeFixed64(b)
		case protowire.VarintType:
			value, n = protowire.ConsumeVarint(b)
		default:
			n = protowire.ConsumeFieldValue(number, kind, b)
		}
		if n < 0 {
			return false
		}
		b = b[n:]
		h.set(number, kind, value)
	}
	return true
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
	}
	if to != nil && kind == want {
		*to = value
	}
}

// publisherOf returns the publisher that a header frame names; 0 if there is
// none.
func publisherOf(b []byte) uint64 {
	var h publicationHeader
	if len(b) == 0 || !h.parse(b) {
		return 0
	}
	return h.publisher
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
