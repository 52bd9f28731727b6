package gozmq

import (
	"math"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	gozmqv1 "github.com/gozmq/gozmq/proto/gozmq/v1"
	"github.com/gozmq/gozmq/runtime/internal/socket"
)

// wire returns the header as the generated message.
func (h *publicationHeader) wire() *gozmqv1.PublicationHeader {
	return &gozmqv1.PublicationHeader{Publisher: h.publisher, Position: h.position, Previous: h.previous, Sequence: h.sequence, TimeUs: h.timeUs, Retained: h.retained != 0, Replayed: h.replayed != 0}
}

// TestPublicationHeader holds the codec to the generated one, both ways.
func TestPublicationHeader(t *testing.T) {
	const most = math.MaxUint64
	for _, h := range []publicationHeader{
		{publisher: 1, position: 1},
		{publisher: 0x0123456789abcdef, position: 7, previous: 5, sequence: 3, timeUs: 1_700_000_000_000_000},
		{publisher: most, position: most, previous: most, sequence: most, timeUs: most, retained: 1, replayed: 1},
	} {
		b := h.append(nil)
		var m gozmqv1.PublicationHeader
		if err := proto.Unmarshal(b, &m); err != nil || !proto.Equal(&m, h.wire()) {
			t.Errorf("%+v is read as %v, %v", h, &m, err)
		}
		if len(b) > maxPublicationHeader {
			t.Errorf("%+v has %d bytes, more than %d", h, len(b), maxPublicationHeader)
		}
		encoded, err := proto.Marshal(&m)
		if err != nil {
			t.Fatal(err)
		}
		var got publicationHeader
		if !got.parse(encoded) || got != h {
			t.Errorf("%v is read as %+v, want %+v", &m, got, h)
		}
	}
}

// TestPublicationHeaderForeign reads headers that our end would not write.
func TestPublicationHeaderForeign(t *testing.T) {
	tests := []struct {
		name     string
		bytes    []byte
		ok       bool
		numbered bool
	}{
		{"empty", nil, true, false},
		{"text", []byte("not a header"), false, false},
		{"cut short", []byte{0x09, 1, 2, 3}, false, false},
		{"no end of a varint", []byte{0x10, 0xff}, false, false},
		{"publisher as a varint", []byte{0x08, 1, 0x10, 1}, true, false},
		{"position as a fixed64", []byte{0x09, 1, 0, 0, 0, 0, 0, 0, 0, 0x11, 1, 0, 0, 0, 0, 0, 0, 0}, true, false},
		{"no position", []byte{0x09, 1, 0, 0, 0, 0, 0, 0, 0}, true, false},
		{"unknown fields", []byte{0x7a, 2, 'h', 'i', 0x09, 1, 0, 0, 0, 0, 0, 0, 0, 0x10, 1, 0x80, 1, 5, 0x7d, 1, 2, 3, 4}, true, true},
		{"twice: the last counts", []byte{0x10, 9, 0x09, 1, 0, 0, 0, 0, 0, 0, 0, 0x10, 1}, true, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var h publicationHeader
			if ok := h.parse(tt.bytes); ok != tt.ok || ok && h.numbered() != tt.numbered {
				t.Errorf("parsed %v as %+v, numbered %v", ok, h, h.numbered())
			}
			if tt.numbered && (h.publisher != 1 || h.position != 1) {
				t.Errorf("got %+v", h)
			}
		})
	}
}

func TestPublicationHeaderTime(t *testing.T) {
	now := time.UnixMicro(1_700_000_000_123_456)
	h := headerOf(5, socket.Stamp{Position: 1, Time: now})
	if got := h.time(); !got.Equal(now) {
		t.Errorf("got %v, want %v", got, now)
	}
	if h = headerOf(5, socket.Stamp{}); h.timeUs != 0 || !h.time().IsZero() {
		t.Errorf("no time is %d, %v", h.timeUs, h.time())
	}
	if h.timeUs = math.MaxUint64; !h.time().IsZero() {
		t.Errorf("a time out of range is %v", h.time())
	}
}

// FuzzPublicationHeader reads what the generated code reads, and takes from it
// what that takes.
func FuzzPublicationHeader(f *testing.F) {
	h := publicationHeader{publisher: 1, position: 300, previous: 2, sequence: 3, timeUs: 4, retained: 1, replayed: 1}
	f.Add(h.append(nil))
	f.Add([]byte{0x09, 1, 0, 0, 0, 0, 0, 0, 0, 0x10, 1, 0x7a, 2, 'h', 'i'})
	f.Add([]byte(" 0%0000")) // a sequence, and one of another type
	f.Fuzz(func(t *testing.T, b []byte) {
		var m gozmqv1.PublicationHeader
		if proto.Unmarshal(b, &m) != nil {
			return
		}
		m.ProtoReflect().SetUnknown(nil)
		var got publicationHeader
		if !got.parse(b) || !proto.Equal(got.wire(), &m) {
			t.Errorf("% x is %+v, want %v", b, got, &m)
		}
	})
}
