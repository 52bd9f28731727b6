package goldens

import (
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqstore"
	"github.com/gozmq/gozmq/testdata/golden/delivery"
	"github.com/gozmq/gozmq/testdata/golden/delivery/deliverygozmq"
)

// A task for a store has what a pushed one has: its method's limits, the message
// and the metadata, and an id of its own. Metadata that is not allowed is an error.
func TestNewTask(t *testing.T) {
	ctx := gozmq.AppendMetadata(t.Context(), "tenant", "acme")
	order := &delivery.Order{Id: "7"}
	first, err := deliverygozmq.NewOrdersShipTask(ctx, order)
	if err != nil {
		t.Fatal(err)
	}
	second, err := deliverygozmq.NewOrdersShipTask(t.Context(), order)
	if err != nil {
		t.Fatal(err)
	}
	got := new(delivery.Order)
	if err := proto.Unmarshal(first.Body, got); err != nil || !proto.Equal(got, order) {
		t.Errorf("the body is %v, %v", got, err)
	}
	if first.ID == "" || first.ID == second.ID || len(first.Header) == 0 || len(second.Header) > 0 {
		t.Errorf("got %+v and %+v", first, second)
	}
	if first.Procedure != deliverygozmq.OrdersShipProcedure || first.MaxAttempts != 5 || first.Lease != 2500*time.Millisecond ||
		first.State != gozmqstore.StateWaiting || time.Since(first.Enqueued) > time.Minute {
		t.Errorf("got %+v", first)
	}
	report, err := deliverygozmq.NewOrdersReportTask(t.Context(), order)
	if err != nil || report.Retain != 24*time.Hour || first.Retain != 0 {
		t.Errorf("kept for %v and %v, %v; want the 24 h of the annotation and 0", report.Retain, first.Retain, err)
	}
	if report, err = deliverygozmq.NewOrdersReportTask(gozmq.PushOptions{Retain: time.Minute}.Context(t.Context()), order); err != nil || report.Retain != time.Minute {
		t.Errorf("kept for %v, %v; want the minute of the push", report.Retain, err)
	}
	if task, err := deliverygozmq.NewOrderTask(gozmq.AppendMetadata(t.Context(), "Tenant"), order); err == nil {
		t.Errorf("got %+v", task)
	}
}
