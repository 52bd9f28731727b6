package gozmqotel

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/semconv/v1.43.0/messagingconv"
	"go.opentelemetry.io/otel/semconv/v1.43.0/rpcconv"

	"github.com/gozmq/gozmq/runtime/gozmq"
)

// instruments are the metrics of the conventions.
type instruments struct {
	clientCall, serverCall metric.Float64Histogram
	operation, process     metric.Float64Histogram
	sent, consumed         metric.Int64Counter
}

func newInstruments(m metric.Meter) (i instruments, err error) {
	// The metrics of calls come with the same boundaries; package messagingconv has
	// none.
	seconds := metric.WithExplicitBucketBoundaries(.005, .01, .025, .05, .075, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10)
	clientCall, err1 := rpcconv.NewClientCallDuration(m)
	serverCall, err2 := rpcconv.NewServerCallDuration(m)
	operation, err3 := messagingconv.NewClientOperationDuration(m, seconds)
	process, err4 := messagingconv.NewProcessDuration(m, seconds)
	sent, err5 := messagingconv.NewClientSentMessages(m)
	consumed, err6 := messagingconv.NewClientConsumedMessages(m)
	return instruments{
		clientCall: clientCall.Inst(), serverCall: serverCall.Inst(),
		operation: operation.Inst(), process: process.Inst(), sent: sent.Inst(), consumed: consumed.Inst(),
	}, errors.Join(err1, err2, err3, err4, err5, err6)
}

// measure records that an operation has ended. ctx has its span, for exemplars.
func (i *instruments) measure(ctx context.Context, o *operation, e *ending, took time.Duration) {
	duration, count := i.process, i.consumed
	switch {
	case o.of == gozmq.OperationCall:
		duration, count = i.clientCall, nil
	case o.of == gozmq.OperationServe:
		duration, count = i.serverCall, nil
	case o.category == semconv.MessagingOperationTypeSettle, o.category == semconv.MessagingOperationTypeReceive:
		duration, count = i.operation, nil
	case o.sends:
		duration, count = i.operation, i.sent
	default:
	}
	if duration.Enabled(ctx) {
		duration.Record(ctx, took.Seconds(), e.duration...)
	}
	if count != nil && count.Enabled(ctx) {
		count.Add(ctx, 1, e.count...)
	}
}
