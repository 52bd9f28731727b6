package gozmqproto

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/internal/testproto"
)

// order is a proto2 message with every kind of field that it has.
func order() *testproto.Order {
	return &testproto.Order{
		Customer: proto.String("ACME"),
		Priority: proto.Int32(0),
		Gift:     &testproto.Order_Line{Article: proto.String("pen")},
		Lines: []*testproto.Order_Line{{
			Article:  proto.String("paper"),
			Quantity: &testproto.Order_Line_Quantity{Amount: proto.Int64(500), Unit: proto.String("sheet")},
		}},
	}
}

func parcel(label string) *testproto.Parcel {
	return testproto.Parcel_builder{Label: &label, Weight: proto.Int32(3), Tags: []string{"a", "b"}}.Build()
}

var messages = map[string]proto.Message{
	"empty":         &emptypb.Empty{},
	"proto2":        order(),
	"proto3":        &testproto.Reading{Station: "ams", Celsius: proto.Float64(0), Source: &testproto.Reading_OperatorId{OperatorId: 7}, Place: &testproto.Reading_Place{Latitude: 52}},
	"edition 2023":  &testproto.Sample{Label: proto.String(""), Count: proto.Int32(0), Child: &testproto.Sample{Label: proto.String("child")}},
	"opaque API":    parcel("x"),
	"larger than a": wrapperspb.Bytes(make([]byte, 300)),
}

func TestCodecRoundTrip(t *testing.T) {
	for name, m := range messages {
		t.Run(name, func(t *testing.T) {
			b, err := Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			if Size(m) != len(b) || cap(b) != len(b) && len(b) > 0 && cap(b) > 2*len(b) {
				t.Errorf("Size is %d, %d bytes came, in room for %d", Size(m), len(b), cap(b))
			}
			appended, err := MarshalAppend([]byte("head"), m)
			if err != nil || string(appended[:4]) != "head" || len(appended) != 4+Size(m) {
				t.Errorf("MarshalAppend returned %q, %v", appended, err)
			}
			got := m.ProtoReflect().New().Interface()
			if err := Unmarshal(b, got); err != nil {
				t.Fatal(err)
			}
			wantEqual(t, got, m)
			clear(b) // b is not kept
			wantEqual(t, got, m)
		})
	}
}

func TestUnmarshalReplaces(t *testing.T) {
	m := order()
	b, err := Marshal(&testproto.LooseOrder{Customer: proto.String("other")})
	if err != nil {
		t.Fatal(err)
	}
	if err := Unmarshal(b, m); err != nil {
		t.Fatal(err)
	}
	if m.GetCustomer() != "other" || len(m.GetLines()) > 0 || m.Priority != nil {
		t.Errorf("what was there before is left: %v", m)
	}
}

func TestPresence(t *testing.T) {
	m := new(testproto.Order)
	if err := Unmarshal([]byte(encode(t, order())), m); err != nil {
		t.Fatal(err)
	}
	if m.Priority == nil || m.GetPriority() != 0 {
		t.Error("a field that was set to 0 is not there")
	}
	m = new(testproto.Order)
	if err := Unmarshal([]byte(encode(t, &testproto.LooseOrder{Customer: proto.String("")})), m); err != nil {
		t.Fatal(err)
	}
	if m.Priority != nil || m.GetPriority() != 5 || m.Customer == nil {
		t.Error("a field that was not set is there, or lost its default")
	}
	r := new(testproto.Reading)
	if err := Unmarshal([]byte(encode(t, &testproto.Reading{Celsius: proto.Float64(0)})), r); err != nil {
		t.Fatal(err)
	}
	if r.Celsius == nil || r.Note != nil || r.Place != nil || r.Source != nil {
		t.Errorf("presence is wrong in %v", r)
	}
	p := new(testproto.Parcel)
	if err := Unmarshal([]byte(encode(t, testproto.Parcel_builder{Label: proto.String("")}.Build())), p); err != nil {
		t.Fatal(err)
	}
	if !p.HasLabel() || p.HasWeight() {
		t.Errorf("presence is wrong in %v", p)
	}
}

// incomplete messages lack a required field, each with its name.
var incomplete = map[string]struct {
	msg   proto.Message
	bytes []byte // the same on the wire
	field string
}{
	"proto2":         {&testproto.Order{}, nil, "gozmq.test.legacy.Order.customer"},
	"proto2 nested":  {&testproto.Order{Customer: proto.String("c"), Gift: &testproto.Order_Line{}}, []byte("\x0a\x01c\x1a\x00"), "gozmq.test.legacy.Order.Line.article"},
	"proto2 deeper":  {&testproto.Order{Customer: proto.String("c"), Gift: &testproto.Order_Line{Article: proto.String("a"), Quantity: &testproto.Order_Line_Quantity{}}}, []byte("\x0a\x01c\x1a\x05\x0a\x01a\x12\x00"), "gozmq.test.legacy.Order.Line.Quantity.amount"},
	"edition":        {&testproto.Sample{Count: proto.Int32(1)}, []byte("\x10\x01"), "gozmq.test.edition.Sample.label"},
	"edition nested": {&testproto.Sample{Label: proto.String("x"), Child: &testproto.Sample{}}, []byte("\x0a\x01x\x22\x00"), "gozmq.test.edition.Sample.label"},
	"opaque":         {&testproto.Parcel{}, nil, "gozmq.test.opaque.Parcel.label"},
}

func TestRequiredFields(t *testing.T) {
	for name, tt := range incomplete {
		t.Run(name, func(t *testing.T) {
			full := string(tt.msg.ProtoReflect().Descriptor().FullName())
			_, err := Marshal(tt.msg)
			wantCode(t, err, gozmq.CodeInvalidArgument, "encode "+full, tt.field)
			b, err := MarshalAppend([]byte("head"), tt.msg)
			wantCode(t, err, gozmq.CodeInvalidArgument, tt.field)
			if string(b) != "head" {
				t.Errorf("after an error MarshalAppend returns %q", b)
			}
			into := tt.msg.ProtoReflect().New().Interface()
			wantCode(t, Unmarshal(tt.bytes, into), gozmq.CodeInvalidArgument, "decode "+full, tt.field)
			wantCode(t, MarshalTo(io.Discard, tt.msg), gozmq.CodeInvalidArgument, "write "+full, tt.field)
			stream := protowire.AppendBytes(nil, tt.bytes)
			wantCode(t, UnmarshalFrom(bufio.NewReader(bytes.NewReader(stream)), into, 0), gozmq.CodeInvalidArgument, "read "+full, tt.field)
		})
	}
}

func TestInvalidUTF8(t *testing.T) {
	bad := &testproto.Reading{Station: "\xff"}
	_, err := Marshal(bad)
	wantCode(t, err, gozmq.CodeInvalidArgument, "encode gozmq.test.modern.Reading", "UTF-8")
	wantCode(t, Unmarshal([]byte("\x0a\x01\xff"), bad), gozmq.CodeInvalidArgument, "decode gozmq.test.modern.Reading", "UTF-8")
	wantCode(t, MarshalTo(io.Discard, &testproto.Reading{Station: "\xff"}), gozmq.CodeInvalidArgument, "UTF-8")
}

func TestUnmarshalErrors(t *testing.T) {
	for name, in := range map[string]string{
		"cut short": "\x0a\x05abc", "no end of a varint": "\xff\xff", "field number 0": "\x02\x00", "group without an end": "\x0b",
	} {
		t.Run(name, func(t *testing.T) {
			wantCode(t, Unmarshal([]byte(in), new(testproto.Reading)), gozmq.CodeInvalidArgument, "decode gozmq.test.modern.Reading of")
		})
	}
}

func TestStream(t *testing.T) {
	var buf bytes.Buffer
	for range 3 {
		for _, name := range []string{"proto2", "empty", "opaque API"} {
			if err := MarshalTo(&buf, messages[name]); err != nil {
				t.Fatal(err)
			}
		}
	}
	whole := buf.Bytes()
	r := bufio.NewReader(&buf)
	for range 3 {
		for _, name := range []string{"proto2", "empty", "opaque API"} {
			got := messages[name].ProtoReflect().New().Interface()
			if err := UnmarshalFrom(r, got, 0); err != nil {
				t.Fatal(err)
			}
			wantEqual(t, got, messages[name])
		}
	}
	for range 2 {
		if err := UnmarshalFrom(r, new(testproto.Reading), 0); err != io.EOF {
			t.Errorf("at the end of the stream: %v, want io.EOF", err)
		}
	}
	// Cut anywhere within the first message, the stream has an error, no message.
	first := 1 + Size(messages["proto2"])
	for n := 1; n < first; n++ {
		err := UnmarshalFrom(bufio.NewReader(bytes.NewReader(whole[:n])), new(testproto.Order), 0)
		wantCode(t, err, gozmq.CodeInvalidArgument, "read gozmq.test.legacy.Order")
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("cut after %d bytes: %v, want io.ErrUnexpectedEOF in it", n, err)
		}
	}
}

func TestStreamLimits(t *testing.T) {
	claim := protowire.AppendVarint(nil, 1<<62)
	read := func(b []byte, limit int) error {
		return UnmarshalFrom(bufio.NewReader(bytes.NewReader(b)), new(wrapperspb.BytesValue), limit)
	}
	wantCode(t, read(claim, 0), gozmq.CodeResourceExhausted, "read google.protobuf.BytesValue")
	wantCode(t, read(protowire.AppendVarint(nil, defaultMaxSize+1), 0), gozmq.CodeResourceExhausted)
	var buf bytes.Buffer
	if err := MarshalTo(&buf, wrapperspb.Bytes(make([]byte, 98))); err != nil { // 100 bytes
		t.Fatal(err)
	}
	wantCode(t, read(buf.Bytes(), 99), gozmq.CodeResourceExhausted)
	if err := read(buf.Bytes(), 100); err != nil {
		t.Error(err)
	}
	wantCode(t, read(bytes.Repeat([]byte{0xff}, 11), 0), gozmq.CodeInvalidArgument)
	wantCode(t, UnmarshalFrom(bufio.NewReader(brokenStream{}), new(wrapperspb.BytesValue), 0), gozmq.CodeUnknown, "broken")
	wantCode(t, MarshalTo(brokenStream{}, wrapperspb.Bytes(nil)), gozmq.CodeUnknown, "broken")
}

// A brokenStream fails.
type brokenStream struct{}

func (brokenStream) Read([]byte) (int, error)  { return 0, errors.New("broken") }
func (brokenStream) Write([]byte) (int, error) { return 0, errors.New("broken") }

func encode(t *testing.T, m proto.Message) string {
	t.Helper()
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func wantCode(t *testing.T, err error, code gozmq.Code, parts ...string) {
	t.Helper()
	if gozmq.CodeOf(err) != code {
		t.Fatalf("got error %.300v (%v), want code %v", err, gozmq.CodeOf(err), code)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Fatalf("got error %.300q, want %q in it", err, part)
		}
	}
}

func wantEqual(t *testing.T, got, want proto.Message) {
	t.Helper()
	if !proto.Equal(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
}
