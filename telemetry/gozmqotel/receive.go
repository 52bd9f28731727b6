package gozmqotel

import (
	"context"
	"time"

	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/gozmq/gozmq/runtime/gozmq"
)

// receiving is the verb of a loop that asks for its next message.
var receiving = verb{"receive", semconv.MessagingOperationTypeReceive, trace.SpanKindConsumer, false}

// received records that a loop has got a message for which it has waited, from
// the context and with the links that the message's span would have. It returns
// the context with the span, if there are spans of receiving.
func (t *telemetry) received(ctx context.Context, o *operation, call *gozmq.CallInfo, links []trace.SpanStartOption) context.Context {
	e := o.ending(0)
	if t.receives {
		ended := time.Now()
		start := append(o.start[:len(o.start):len(o.start)], trace.WithTimestamp(ended.Add(-call.Waited)))
		var span trace.Span
		ctx, span = t.tracer.Start(ctx, o.spanName, append(start, links...)...)
		if span.IsRecording() {
			describe(span, call)
		}
		end(span, e, nil, trace.WithTimestamp(ended))
	}
	t.measure(ctx, o, e, call.Waited)
	return ctx
}
