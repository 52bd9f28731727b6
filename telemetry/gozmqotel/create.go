package gozmqotel

import (
	"context"

	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// Create begins the span of a task that is made now and sent later by another
// program, such as one that is enqueued in a transaction (gozmqpostgres). The
// metadata of the context that it returns has the span, so that the worker's span
// is below it. The span should end when the task was stored, or was not:
//
//	ctx, span := gozmqotel.Create(ctx, imagev1gozmq.PrintsRenderProcedure)
//	defer span.End()
//	task, err := imagev1gozmq.NewPrintsRenderTask(ctx, picture)
//	...
//	err = queue.EnqueueTx(ctx, tx, task)
//
// Only the options for providers, the propagator and attributes have an effect.
func Create(ctx context.Context, procedure string, opts ...Option) (context.Context, trace.Span) {
	t := &telemetry{config: newConfig(opts)}
	o := newOperation(operationKey{procedure: procedure},
		verb{"create", semconv.MessagingOperationTypeCreate, trace.SpanKindProducer, true}, t.attributes)
	ctx, span := tracerOf(t.tracers).Start(ctx, o.spanName, o.start...) //nolint:spancheck // the caller ends it
	return t.send(ctx), span                                            //nolint:spancheck // the caller ends it
}
