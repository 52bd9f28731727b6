package gozmqvt

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/codecs/gozmqvt/internal/testvt"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

// plain is google.golang.org/protobuf, as the runtime calls it without a codec.
type plain struct{}

func (plain) Size(m proto.Message) int { return proto.Size(m) }

func (plain) MarshalAppend(b []byte, m proto.Message, _ int) ([]byte, error) {
	return proto.MarshalOptions{UseCachedSize: true}.MarshalAppend(b, m)
}

func (plain) Unmarshal(b []byte, m proto.Message) error { return proto.Unmarshal(b, m) }

func each(b *testing.B, run func(b *testing.B, c gozmq.Codec, m proto.Message)) {
	for _, s := range []struct {
		name    string
		message proto.Message
	}{
		{"64B", &testvt.Blob{Payload: make([]byte, 64)}},
		{"1KiB", &testvt.Blob{Payload: make([]byte, 1<<10)}},
		{"every kind of field", reading()},
	} {
		for name, c := range map[string]gozmq.Codec{"vtprotobuf": New(), "protobuf": plain{}} {
			b.Run(s.name+"/"+name, func(b *testing.B) { run(b, c, s.message) })
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	each(b, func(b *testing.B, c gozmq.Codec, m proto.Message) {
		buf := make([]byte, 0, 4<<10)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := c.MarshalAppend(buf, m, c.Size(m)); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	each(b, func(b *testing.B, c gozmq.Codec, m proto.Message) {
		in := encode(b, c, m)
		b.ReportAllocs()
		for b.Loop() {
			if err := c.Unmarshal(in, m.ProtoReflect().New().Interface()); err != nil {
				b.Fatal(err)
			}
		}
	})
}
