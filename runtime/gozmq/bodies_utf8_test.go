package gozmq

import (
	"context"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/testproto"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// TestInvalidUTF8NamesItsField looks for the field in every kind of place.
func TestInvalidUTF8NamesItsField(t *testing.T) {
	const bad = "a\xff"
	for _, tt := range []struct {
		field string
		m     proto.Message
	}{
		{"google.protobuf.StringValue.value", wrapperspb.String(bad)},
		{"gozmq.test.modern.Reading.note", &testproto.Reading{Station: "ok", Note: proto.String(bad)}},
		{"gozmq.test.modern.Reading.sensor", &testproto.Reading{Source: &testproto.Reading_Sensor{Sensor: bad}}},
		{"google.protobuf.Value.string_value", &structpb.ListValue{Values: []*structpb.Value{structpb.NewNumberValue(1), structpb.NewStringValue(bad)}}},
		{"google.protobuf.Struct.fields", &structpb.Struct{Fields: map[string]*structpb.Value{bad: structpb.NewNullValue()}}},
		{"google.protobuf.Value.string_value", &structpb.Struct{Fields: map[string]*structpb.Value{"k": structpb.NewStringValue(bad)}}},
	} {
		b := bodies{limit: 1 << 20}
		_, err := b.encode(tt.m)
		wantCode(t, err, CodeInvalidArgument, tt.field)
	}
}

// TestInvalidUTF8OnEveryPattern sends such a string each way.
func TestInvalidUTF8OnEveryPattern(t *testing.T) {
	bad := wrapperspb.String("a\xff")
	const field = "google.protobuf.StringValue.value"
	s := inproc()
	say := &Method{Procedure: "test.Service/Say"}
	_, c := s.pair(t, []Handler{Handle(say, func(_ context.Context, m *wrapperspb.StringValue) (*wrapperspb.StringValue, error) {
		return bad, nil
	})}, nil, nil)
	_, err := Call[wrapperspb.StringValue](testkit.Within(t), c, say, bad)
	wantCode(t, err, CodeInvalidArgument, field)
	_, err = Call[wrapperspb.StringValue](testkit.Within(t), c, say, wrapperspb.String("ok"))
	wantCode(t, err, CodeInternal, field) // the handler's fault

	loose := &Method{Procedure: say.Procedure}
	raw := wrapperspb.Bytes([]byte("a\xff")) // the same on the wire
	_, err = Call[wrapperspb.StringValue](testkit.Within(t), c, loose, raw)
	wantCode(t, err, CodeInvalidArgument, field)

	p, _, sub := inproc().feed(t, nil, nil)
	messages := listen(t, p, sub)
	err = Publish(testkit.Within(t), p, &temperature, at("ams", "a\xff"))
	wantCode(t, err, CodeInvalidArgument, "gozmq.test.modern.Reading.note")
	publish(t, p, at("ams", "ok"))
	if got := messages.next(t); got.GetNote() != "ok" {
		t.Errorf("got %v", got)
	}
	for _, m := range []*Method{{Procedure: "test.T/Plain"}, {Procedure: "test.T/Sure", Delivery: DeliveryAtLeastOnce}} {
		v := ventilator(t, m.Delivery, Bind(endpoints()["inproc"]))
		if m.Delivery == DeliveryAtMostOnce {
			dialRaw(t, v.Addrs()[0], zmtp.Pull) // a push waits for someone
		}
		wantCode(t, v.Push(testkit.Within(t), m, bad), CodeInvalidArgument, field)
	}
}
