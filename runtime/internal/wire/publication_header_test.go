package wire

import (
	"bytes"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	gozmqv1 "github.com/gozmq/gozmq/proto/gozmq/v1"
)

// wire returns the header as the generated message.
func (h *PublicationHeader) wire() *gozmqv1.PublicationHeader {
	m := &gozmqv1.PublicationHeader{Publisher: h.Publisher, Position: h.Position, Previous: h.Previous, Sequence: h.Sequence, TimeUs: h.TimeUs, Retained: h.Retained, Replayed: h.Replayed}
	var entries gozmqv1.PublicationHeader
	if proto.Unmarshal(h.Metadata, &entries) == nil {
		m.Metadata = entries.GetMetadata()
	}
	return m
}

// TestPublicationHeader holds the codec to the generated one, both ways.
func TestPublicationHeader(t *testing.T) {
	const most = math.MaxUint64
	for _, h := range []PublicationHeader{
		{Publisher: 1, Position: 1},
		{Publisher: 0x0123456789abcdef, Position: 7, Previous: 5, Sequence: 3, TimeUs: 1_700_000_000_000_000},
		{Publisher: 1, TimeUs: 5, Metadata: EncodeMetadata(nil, Metadata{"a": {"1", ""}, "b": {"\xff"}})},
		{Publisher: most, Position: most, Previous: most, Sequence: most, TimeUs: most, Retained: true, Replayed: true},
	} {
		b := h.Append(nil)
		var m gozmqv1.PublicationHeader
		if err := proto.Unmarshal(b, &m); err != nil || !proto.Equal(&m, h.wire()) {
			t.Errorf("%+v is read as %v, %v", h, &m, err)
		}
		if len(b)-len(h.Metadata) > maxPublicationHeader {
			t.Errorf("%+v has %d bytes, more than %d", h, len(b), maxPublicationHeader)
		}
		encoded, err := proto.Marshal(&m)
		if err != nil {
			t.Fatal(err)
		}
		var got PublicationHeader
		if !got.Parse(encoded) || !reflect.DeepEqual(got, h) {
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
	h.Metadata = EncodeMetadata(nil, Metadata{"key": {"value", "other"}})
	f.Add(h.Append(h.Append(nil)))
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

// TestPublicationMetadata encodes metadata as the generated code does, and reads it
// back however its entries lie in the header.
func TestPublicationMetadata(t *testing.T) {
	want := Metadata{"trace": {"1", "", "\xff\x00"}, "k": {"v"}}
	encoded := EncodeMetadata(nil, want)
	generated, err := proto.MarshalOptions{Deterministic: true}.Marshal(&gozmqv1.PublicationHeader{Metadata: want.list()})
	if err != nil || !bytes.Equal(encoded, generated) {
		t.Fatalf("encoded as % x, want % x, %v", encoded, generated, err)
	}
	one, two := EncodeMetadata(nil, Metadata{"a": {"1"}}), EncodeMetadata(nil, Metadata{"a": {"2"}, "b": {"3"}})
	for name, tt := range map[string]struct {
		bytes []byte
		want  Metadata
	}{
		"none":                 {[]byte{0x10, 1}, nil},
		"together":             {slices.Concat(encoded, []byte{0x10, 1}), want},
		"around another field": {slices.Concat(one, []byte{0x10, 1}, two, []byte{0x18, 1}, one), Metadata{"a": {"1", "2", "1"}, "b": {"3"}}},
	} {
		var h PublicationHeader
		before := bytes.Clone(tt.bytes)
		if !h.Parse(tt.bytes) || !bytes.Equal(before, tt.bytes) {
			t.Fatalf("%s: cannot be parsed, or was changed", name)
		}
		got, err := h.Metadata.Decode()
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: got %v, %v", name, got, err)
		}
	}
	for name, bad := range map[string]EncodedMetadata{
		"no key":    EncodeMetadata(nil, Metadata{"": {"v"}}),
		"bad key":   EncodeMetadata(nil, Metadata{"Key": {"v"}}),
		"too much":  EncodeMetadata(nil, Metadata{"k": {strings.Repeat("x", MaxMetadata)}}),
		"very much": make(EncodedMetadata, maxEncodedMetadata+1),
		"cut short": encoded[:len(encoded)-1],
	} {
		if m, err := bad.Decode(); err == nil {
			t.Errorf("%s is decoded as %v", name, m)
		}
	}
	most := make(Metadata)
	for i := range MaxMetadata {
		most["k"] = append(most["k"], "")
		if i == MaxMetadata-1 {
			if m, err := EncodeMetadata(nil, most).Decode(); err != nil || len(m["k"]) != MaxMetadata {
				t.Errorf("the most that is allowed fails with %v", err)
			}
		}
	}
}

// A header without metadata costs no allocation to write and to read, and reading
// one that has some allocates nothing either.
func TestPublicationHeaderAllocates(t *testing.T) {
	h := PublicationHeader{Publisher: 1, Position: 7, Metadata: EncodeMetadata(nil, Metadata{"a": {"1"}, "b": {"2"}})}
	b := h.Append(nil)
	memory := make([]byte, 0, 256)
	if n := testing.AllocsPerRun(100, func() {
		h := PublicationHeader{Publisher: 1, Position: 7}
		memory = h.AppendFrame(memory[:0])
		var got PublicationHeader
		if !got.Parse(b) || len(got.Metadata) == 0 {
			t.Fatal("cannot be parsed")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
