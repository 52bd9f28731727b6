package wire

import (
	"math"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	gozmqv1 "github.com/gozmq/gozmq/proto/gozmq/v1"
)

// wire returns the header as the generated message.
func (h *PublicationHeader) wire() *gozmqv1.PublicationHeader {
	return &gozmqv1.PublicationHeader{Publisher: h.Publisher, Position: h.Position, Previous: h.Previous, Sequence: h.Sequence, TimeUs: h.TimeUs, Retained: h.Retained, Replayed: h.Replayed}
}

// TestPublicationHeader holds the codec to the generated one, both ways.
func TestPublicationHeader(t *testing.T) {
	const most = math.MaxUint64
	for _, h := range []PublicationHeader{
		{Publisher: 1, Position: 1},
		{Publisher: 0x0123456789abcdef, Position: 7, Previous: 5, Sequence: 3, TimeUs: 1_700_000_000_000_000},
		{Publisher: most, Position: most, Previous: most, Sequence: most, TimeUs: most, Retained: true, Replayed: true},
	} {
		b := h.Append(nil)
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
		var got PublicationHeader
		if !got.Parse(encoded) || got != h {
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
			var h PublicationHeader
			if ok := h.Parse(tt.bytes); ok != tt.ok || ok && h.Numbered() != tt.numbered {
				t.Errorf("parsed %v as %+v, numbered %v", ok, h, h.Numbered())
			}
			if tt.numbered && (h.Publisher != 1 || h.Position != 1) {
				t.Errorf("got %+v", h)
			}
		})
	}
}

func TestPublicationHeaderTime(t *testing.T) {
	now := time.UnixMicro(1_700_000_000_123_456)
	h := PublicationHeader{Publisher: 5, Position: 1}
	h.SetTime(now)
	if got := h.Time(); !got.Equal(now) {
		t.Errorf("got %v, want %v", got, now)
	}
	if h.SetTime(time.Time{}); h.TimeUs != 0 || !h.Time().IsZero() {
		t.Errorf("no time is %d, %v", h.TimeUs, h.Time())
	}
	if h.TimeUs = math.MaxUint64; !h.Time().IsZero() {
		t.Errorf("a time out of range is %v", h.Time())
	}
}

// FuzzPublicationHeader reads what the generated code reads, and takes from it
// what that takes.
func FuzzPublicationHeader(f *testing.F) {
	h := PublicationHeader{Publisher: 1, Position: 300, Previous: 2, Sequence: 3, TimeUs: 4, Retained: true, Replayed: true}
	f.Add(h.Append(nil))
	f.Add([]byte{0x09, 1, 0, 0, 0, 0, 0, 0, 0, 0x10, 1, 0x7a, 2, 'h', 'i'})
	f.Add([]byte(" 0%0000")) // a sequence, and one of another type
	f.Fuzz(func(t *testing.T, b []byte) {
		var m gozmqv1.PublicationHeader
		if proto.Unmarshal(b, &m) != nil {
			return
		}
		m.ProtoReflect().SetUnknown(nil)
		var got PublicationHeader
		if !got.Parse(b) || !proto.Equal(got.wire(), &m) {
			t.Errorf("% x is %+v, want %v", b, got, &m)
		}
	})
}
