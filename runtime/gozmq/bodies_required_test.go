package gozmq

import (
	"context"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/internal/testkit"
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

// Both ends of a call check required fields, and name the one that is missing.
func TestRequiredFieldsInCalls(t *testing.T) {
	keep := &Method{Procedure: "test.Service/Keep"}
	drop := &Method{Procedure: "test.Service/Drop"}
	loose := &Method{Procedure: orderMethod.Procedure}
	parcels := &Method{Procedure: "test.Service/Parcel"}
	everywhere(t, func(t *testing.T, s site) {
		_, c := s.pair(t, []Handler{
			Handle(orderMethod, takeOrder),
			Handle(keep, func(_ context.Context, p *testproto.Sample) (*testproto.Sample, error) { return p, nil }),
			Handle(drop, func(context.Context, *testproto.Sample) (*testproto.Sample, error) {
				return &testproto.Sample{}, nil
			}),
			Handle(parcels, func(_ context.Context, p *testproto.Parcel) (*testproto.Parcel, error) { return p, nil }),
		}, nil, nil)
		ctx := testkit.Within(t)
		got, err := Call[testproto.Order](ctx, c, orderMethod, order())
		if err != nil {
			t.Fatal(err)
		}
		wantEqual(t, got, order())
		_, err = Call[testproto.Order](ctx, c, orderMethod, &testproto.Order{})
		wantCode(t, err, CodeInvalidArgument, "encode gozmq.test.legacy.Order", "customer")
		_, err = Call[testproto.LooseOrder](ctx, c, loose, &testproto.LooseOrder{}) // goes past the client's check
		wantCode(t, err, CodeInvalidArgument, "decode gozmq.test.legacy.Order", "customer")
		_, err = Call[testproto.Sample](ctx, c, keep, &testproto.Sample{})
		wantCode(t, err, CodeInvalidArgument, "encode gozmq.test.edition.Sample", "label")
		_, err = Call[testproto.Sample](ctx, c, drop, &testproto.Sample{Label: proto.String("x")})
		wantCode(t, err, CodeInternal, "encode gozmq.test.edition.Sample", "label") // the server's fault
		_, err = Call[testproto.Parcel](ctx, c, parcels, &testproto.Parcel{})
		wantCode(t, err, CodeInvalidArgument, "encode gozmq.test.opaque.Parcel", "label")
		back, err := Call[testproto.Parcel](ctx, c, parcels, parcel("hello"))
		if err != nil {
			t.Fatal(err)
		}
		wantEqual(t, back, parcel("hello"))
	})
}
