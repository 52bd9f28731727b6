package gozmqops

import (
	"math"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/gozmq/gozmq/internal/optionfield"
)

// The annotations of annotations.proto are decoded here field by field: a program
// may have its own Go code for that file, and one program cannot contain two
// packages for one file.

// The numbers of the enums of annotations.proto.
const (
	patternPubSub       = 2
	patternPushPull     = 3
	framingBare         = 2
	deliveryAtLeastOnce = 2
)

// A fields is a message of annotations.proto: its fields by number, the last one
// where there are several.
type fields map[protowire.Number]field

// A field is a number, or the bytes of a text or a message.
type field struct {
	n uint64
	b []byte
}

// annotation returns the annotation of d, nil if there is none.
func annotation(d protoreflect.Descriptor) fields {
	opts := d.Options()
	if opts == nil {
		return nil
	}
	raw, err := proto.MarshalOptions{AllowPartial: true}.Marshal(opts)
	if err != nil {
		return nil
	}
	return parse(raw).message(optionfield.Extension)
}

// parse decodes a message, up to the first malformed field.
func parse(b []byte) fields {
	list := make(fields)
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return list
		}
		b = b[n:]
		var f field
		switch kind {
		case protowire.VarintType:
			f.n, n = protowire.ConsumeVarint(b)
		case protowire.BytesType:
			f.b, n = protowire.ConsumeBytes(b)
			f.b = append(list[number].b, f.b...) // the parts of a message
			f.n = 1
		case protowire.Fixed64Type:
			f.n, n = protowire.ConsumeFixed64(b)
		default:
			n = protowire.ConsumeFieldValue(number, kind, b)
		}
		if n < 0 {
			return list
		}
		b = b[n:]
		list[number] = f
	}
	return list
}

// message returns a field that is a message, nil if it is not set.
func (l fields) message(number protowire.Number) fields {
	if f := l[number]; f.n != 0 {
		return parse(f.b)
	}
	return nil
}

func (l fields) text(number protowire.Number) string { return string(l[number].b) }
func (l fields) flag(number protowire.Number) bool   { return l[number].n != 0 }
func (l fields) int(number protowire.Number) int     { return int(l[number].n) }

// double returns a field that is a floating point number.
func (l fields) double(number protowire.Number) float64 { return math.Float64frombits(l[number].n) }

// duration returns a field that is a google.protobuf.Duration.
func (l fields) duration(number protowire.Number) time.Duration {
	d := l.message(number)
	return time.Duration(d[1].n)*time.Second + time.Duration(int32(d[2].n))
}
