package gozmqvt

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/gozmq/gozmq/codecs/gozmqvt/internal/testvt"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

var _ gozmq.Codec = New()

func reading() *testvt.Reading {
	return &testvt.Reading{
		Station: "ams", Celsius: proto.Float64(0), Tags: []string{"a", ""}, Counts: map[string]int64{"one": 1},
		Source: &testvt.Reading_Place_{Place: &testvt.Reading_Place{Latitude: 52}},
		Time:   &timestamppb.Timestamp{Seconds: 1e9, Nanos: 1},
		Route:  []*testvt.Reading_Place{{Longitude: 5}, {}},
	}
}

func mapless() *testvt.Reading {
	m := reading()
	m.Counts = nil
	return m
}

func order() *testvt.Order {
	return &testvt.Order{Customer: proto.String("ACME"), Lines: []*testvt.Order_Line{{Article: proto.String("pen")}}}
}

func extended() *testvt.Open {
	m := &testvt.Open{Name: proto.String("name")}
	proto.SetExtension(m, testvt.E_Note, "note")
	return m
}

// samples has a message of every kind. generated: the generated methods are
// used.
var samples = []struct {
	name      string
	message   proto.Message
	generated bool
}{
	{"empty", &testvt.Blob{}, true},
	{"nil", (*testvt.Blob)(nil), true},
	{"bytes", &testvt.Blob{Payload: make([]byte, 300), Seq: 7}, true},
	{"every kind of field", reading(), true},
	{"every kind of field but a map", mapless(), true},
	{"required fields", order(), true},
	{"closed enum", &testvt.Paint{Colour: testvt.Colour_RED.Enum()}, true},
	{"extension", extended(), false},
	{"contains itself", &testvt.Node{Name: "a", Child: &testvt.Node{Name: "b"}}, false},
	{"contains one that contains itself", &testvt.Forest{Roots: []*testvt.Node{{Name: "a"}}}, false},
	{"contains google.protobuf.Struct", &testvt.Note{Data: &structpb.Struct{Fields: map[string]*structpb.Value{"a": structpb.NewBoolValue(true)}}}, false},
	{"group", &testvt.Grouped{Part: &testvt.Grouped_Part{Name: proto.String("a")}}, false},
	{"no generated methods", &emptypb.Empty{}, false},
}

func encode(t testing.TB, c gozmq.Codec, m proto.Message) []byte {
	t.Helper()
	head := []byte("head")
	b, err := c.MarshalAppend(head, m, c.Size(m))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b[:4], head) || len(b)-4 != c.Size(m) {
		t.Fatalf("%d bytes behind %q, Size is %d", len(b)-4, b[:4], c.Size(m))
	}
	return b[4:]
}

// TestRoundTrip checks both directions against google.golang.org/protobuf.
func TestRoundTrip(t *testing.T) {
	for _, s := range samples {
		t.Run(s.name, func(t *testing.T) {
			c := New()
			if _, ok := c.generated(s.message); ok != s.generated {
				t.Errorf("the generated methods are used: %v, want %v", ok, s.generated)
			}
			got := s.message.ProtoReflect().New().Interface()
			if err := proto.Unmarshal(encode(t, c, s.message), got); err != nil {
				t.Fatal(err)
			}
			if s.message.ProtoReflect().IsValid() && !proto.Equal(got, s.message) {
				t.Errorf("encoded %v, want %v", got, s.message)
			}
			b, err := proto.Marshal(s.message)
			if err != nil {
				t.Fatal(err)
			}
			want := got
			got = s.message.ProtoReflect().New().Interface()
			if err := c.Unmarshal(b, got); err != nil {
				t.Fatal(err)
			}
			clear(b) // b is not kept
			if !proto.Equal(got, want) {
				t.Errorf("decoded %v, want %v", got, want)
			}
		})
	}
}

func TestUnmarshalReplaces(t *testing.T) {
	c := New()
	m := reading()
	if err := c.Unmarshal(encode(t, c, &testvt.Reading{Station: "rtm"}), m); err != nil {
		t.Fatal(err)
	}
	if want := (&testvt.Reading{Station: "rtm"}); !proto.Equal(m, want) {
		t.Errorf("what was there before is left: %v", m)
	}
}

func TestRequiredFields(t *testing.T) {
	tests := []struct {
		name  string
		bad   *testvt.Order
		wire  *testvt.LooseOrder
		field string
	}{
		{"own", &testvt.Order{}, &testvt.LooseOrder{}, "customer"},
		{"of a message in it", &testvt.Order{Customer: proto.String("a"), Lines: []*testvt.Order_Line{{}}},
			&testvt.LooseOrder{Customer: proto.String("a"), Lines: []*testvt.LooseOrder_Line{{}}}, "article"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := New()
			b, err := c.MarshalAppend([]byte("head"), test.bad, c.Size(test.bad))
			if err == nil || !strings.Contains(err.Error(), test.field) || string(b) != "head" {
				t.Errorf("encoded to %q, %v", b, err)
			}
			if err := c.Unmarshal(encode(t, c, test.wire), new(testvt.Order)); err == nil || !strings.Contains(err.Error(), test.field) {
				t.Errorf("decoded: %v", err)
			}
		})
	}
}

// TestDifferences has what the package comment says is different.
func TestDifferences(t *testing.T) {
	c := New()
	t.Run("strings are not checked", func(t *testing.T) {
		bad := &testvt.Reading{Station: "\xff"}
		if _, err := proto.Marshal(bad); err == nil {
			t.Error("google.golang.org/protobuf does not check either")
		}
		got := new(testvt.Reading)
		if err := c.Unmarshal(encode(t, c, bad), got); err != nil || got.GetStation() != "\xff" {
			t.Errorf("got %q, %v", got.GetStation(), err)
		}
	})
	t.Run("wire types", func(t *testing.T) {
		b := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 99)
		if err := proto.Unmarshal(b, new(testvt.Blob)); err != nil {
			t.Errorf("google.golang.org/protobuf does not take it either: %v", err)
		}
		if err := c.Unmarshal(b, new(testvt.Blob)); !isWireType(err) {
			t.Errorf("got %v", err)
		}
		entry := []byte{1<<3 | byte(protowire.VarintType), 2, 'x', 0} // a string of 2 bytes, if the type is not looked at
		b = protowire.AppendBytes(protowire.AppendTag(nil, 4, protowire.BytesType), entry)
		got := new(testvt.Reading)
		err := c.Unmarshal(b, got)
		if _, ok := got.GetCounts()["x\x00"]; err != nil || !ok {
			t.Errorf("entry of a map: %v, %v", got, err)
		}
	})
	t.Run("unknown fields of google.protobuf.Timestamp", func(t *testing.T) {
		at := timestamppb.New(time.Unix(1, 0))
		at.ProtoReflect().SetUnknown(protowire.AppendVarint(protowire.AppendTag(nil, 9, protowire.VarintType), 99))
		m := &testvt.Reading{Time: at}
		m.ProtoReflect().SetUnknown(at.ProtoReflect().GetUnknown())
		b, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		got := new(testvt.Reading)
		if err := c.Unmarshal(b, got); err != nil {
			t.Fatal(err)
		}
		if own, inner := got.ProtoReflect().GetUnknown(), got.GetTime().ProtoReflect().GetUnknown(); len(own) == 0 || len(inner) > 0 {
			t.Errorf("kept %d bytes in the message and %d in the time", len(own), len(inner))
		}
	})
	t.Run("errors", func(t *testing.T) {
		if err := c.Unmarshal([]byte{0xff}, new(testvt.Blob)); err == nil || errors.Is(err, proto.Error) {
			t.Errorf("got %v", err)
		}
	})
}

// TestDeepNesting checks that a peer cannot exhaust the stack.
func TestDeepNesting(t *testing.T) {
	c := New()
	node := func(depth int) []byte { // from the inside
		b := make([]byte, 0, depth*6)
		for range depth {
			next := protowire.AppendTag(nil, 2, protowire.BytesType)
			next = protowire.AppendVarint(next, uint64(len(b)))
			b = append(next, b...)
		}
		return b
	}
	if err := c.Unmarshal(node(100), new(testvt.Node)); err != nil {
		t.Error(err)
	}
	deep := node(20000)
	for _, m := range []proto.Message{new(testvt.Node), new(testvt.Forest)} {
		b := deep
		if _, ok := m.(*testvt.Forest); ok {
			b = protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), deep)
		}
		if err := c.Unmarshal(b, m); err == nil {
			t.Errorf("%T nested 20000 deep was decoded", m)
		}
	}
}

// TestDamagedBytes checks that nothing panics, and that what both decoders
// accept is the same message for both.
func TestDamagedBytes(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	for _, s := range samples {
		if !s.message.ProtoReflect().IsValid() {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			c := New()
			whole := encode(t, c, s.message)
			for n := range whole {
				compare(t, c, whole[:n], s.message)
			}
			for range 5000 {
				b := bytes.Clone(whole)
				for range 1 + random.IntN(3) {
					if len(b) > 0 {
						b[random.IntN(len(b))] = byte(random.Uint32())
					}
				}
				compare(t, c, b, s.message)
			}
		})
	}
}

func compare(t *testing.T, c *Codec, b []byte, kind proto.Message) {
	t.Helper()
	got, want := kind.ProtoReflect().New().Interface(), kind.ProtoReflect().New().Interface()
	ours, theirs := c.Unmarshal(b, got), proto.Unmarshal(b, want)
	if r, ok := want.(*testvt.Reading); ok && len(r.GetCounts())+len(got.(*testvt.Reading).GetCounts()) > 0 {
		return // see TestDifferences
	}
	if ours == nil && theirs == nil && !proto.Equal(known(t, got), known(t, want)) {
		t.Fatalf("%x: decoded %v, want %v", b, got, want)
	}
	if theirs == nil && ours != nil && !isWireType(ours) {
		t.Fatalf("%x: refused (%v), and google.golang.org/protobuf takes it for %v", b, ours, want)
	}
}

// known returns what is known of m. Of unknown fields the bytes may differ: tags
// need not have their shortest form.
func known(t *testing.T, m proto.Message) proto.Message {
	t.Helper()
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	out := m.ProtoReflect().New().Interface()
	if err := (proto.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(b, out); err != nil {
		t.Fatal(err)
	}
	return out
}

// isWireType reports whether an error is the one of TestDifferences.
func isWireType(err error) bool { return err != nil && strings.Contains(err.Error(), "wrong wireType") }

// TestChangedMeanwhile checks that a message which is not as large as it was
// said to be is an error.
func TestChangedMeanwhile(t *testing.T) {
	c := New()
	m := &testvt.Blob{Payload: make([]byte, 10)}
	for _, size := range []int{0, 5, c.Size(m) - 1, c.Size(m) + 1} {
		b, err := c.MarshalAppend([]byte("head"), m, size)
		if !errors.Is(err, errChanged) || string(b) != "head" {
			t.Errorf("size %d: got %q, %v", size, b, err)
		}
	}
}
