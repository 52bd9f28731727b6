package gozmq

import (
	"context"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

func testHeader(attempt int, lease time.Duration) wire.TaskHeader {
	return wire.TaskHeader{Attempt: attempt, Lease: lease}
}

// Options of one guarantee fail with the other, and so do methods.
func TestDeliveryMismatch(t *testing.T) {
	bind := Bind("inproc://" + t.Name())
	for _, o := range []VentilatorOption{WithTaskQueue(1, 1), WithTaskStore(nil), WithDeadLetterHandler(nil), WithRetryBackoff(0, 0), WithMaxTaskTime(0)} {
		_, err := NewVentilator(bind, o)
		wantText(t, err, "DELIVERY_AT_LEAST_ONCE")
	}
	_, err := NewSink(bind, WithDuplicateWindow(1, 1))
	wantText(t, err, "DELIVERY_AT_LEAST_ONCE")
	for _, o := range []VentilatorOption{WithTaskQueue(0, 1), WithRetryBackoff(2, 1), WithMaxTaskTime(-1), Delivery(7)} {
		if _, err := NewVentilator(bind, DeliveryAtLeastOnce, o); err == nil {
			t.Error("no error")
		}
	}
	if _, err := NewSink(bind, DeliveryAtLeastOnce, WithDuplicateWindow(-1, 0)); err == nil {
		t.Error("no error")
	}

	v := ventilator(t, bind)
	wantCode(t, v.Push(testkit.Within(t), sureMethod, wrapperspb.Int64(1)), CodeFailedPrecondition, "at least once")
	sure := ventilator(t, DeliveryAtLeastOnce, Bind("inproc://"+t.Name()+"/sure"))
	wantCode(t, sure.Push(testkit.Within(t), squareMethod, wrapperspb.Int64(1)), CodeFailedPrecondition, "at most once")
	k := sink(t, DeliveryAtLeastOnce, Bind("inproc://"+t.Name()+"/sink"))
	for _, err := range Results[number](testkit.Within(t), k, squareMethod) {
		wantCode(t, err, CodeFailedPrecondition, "at most once")
	}
	both := append(surely(squares), squaring(squares)...)
	err = RunWorker(context.Background(), "test.Tasks", func() []TaskHandler { return both }, From(bind), To(bind))
	wantText(t, err, "run a worker for each")
}
