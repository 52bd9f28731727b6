package gozmqotel

import (
	"context"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/gozmq"
)

// scope names this package where spans and metrics go.
const scope = "github.com/gozmq/gozmq/telemetry/gozmqotel"

// New returns an interceptor that traces and measures all operations. One is enough
// for all roles of a program. Put it before other interceptors, so that it covers
// them. New fails when the meter provider refuses a metric.
func New(opts ...Option) (gozmq.Interceptor, error) {
	t := &telemetry{config: newConfig(opts)}
	var err error
	t.instruments, err = newInstruments(t.meters.Meter(scope,
		metric.WithInstrumentationVersion(gozmq.Version), metric.WithSchemaURL(semconv.SchemaURL)))
	if err != nil {
		return nil, fmt.Errorf("gozmqotel: %w", err)
	}
	t.tracer = tracerOf(t.tracers)
	t.operations.more = t.attributes
	return t.intercept, nil
}

func tracerOf(p trace.TracerProvider) trace.Tracer {
	return p.Tracer(scope, trace.WithInstrumentationVersion(gozmq.Version), trace.WithSchemaURL(semconv.SchemaURL))
}

// telemetry is the state of an interceptor.
type telemetry struct {
	config
	instruments

	tracer     trace.Tracer
	operations operations
}

// intercept is the gozmq.Interceptor.
func (t *telemetry) intercept(ctx context.Context, call *gozmq.CallInfo, req proto.Message, next gozmq.Next) (reply proto.Message, err error) {
	o := t.operations.of(call)
	if o == nil || t.filter != nil && !t.filter(call) {
		return next(ctx, req)
	}
	begun, code := time.Now(), panicked
	ctx, span := t.begin(ctx, o, call)
	s := t.followSettlement(ctx, o, call)
	defer func() { // a panic of a loop's body passes through
		e := o.ending(code)
		end(span, e, err)
		ended := time.Now()
		t.measure(ctx, o, e, ended.Sub(begun))
		if s != nil {
			s.begun = ended
		}
	}()
	reply, err = next(ctx, req)
	code = codeOf(err)
	return reply, err
}

// begin begins a span, whose context is in ctx and, when something is sent, in
// ctx's metadata.
func (t *telemetry) begin(ctx context.Context, o *operation, call *gozmq.CallInfo) (context.Context, trace.Span) {
	var span trace.Span
	if o.sends {
		ctx, span = t.tracer.Start(ctx, o.spanName, o.start...)
		if !call.Method.Bare { // which has no place for metadata
			ctx = t.send(ctx)
		}
	} else {
		ctx, span = t.receive(ctx, o, call)
		if o.of == gozmq.OperationRun && call.Task != nil && !call.Method.Bare {
			t.inject(ctx, func(pairs []string) { // the result goes on from here
				for i := 0; i < len(pairs); i += 2 {
					call.Task.AddResultMetadata(pairs[i], pairs[i+1])
				}
			})
		}
	}
	if span.IsRecording() {
		describe(span, call)
		if o.of == gozmq.OperationCall {
			t.followAttempts(ctx, o, span, call)
		}
		if t.messages {
			recordMessages(span, call)
		}
	}
	return ctx, span
}

// send returns ctx with its span in its outgoing metadata.
func (t *telemetry) send(ctx context.Context) context.Context {
	sent := ctx
	t.inject(ctx, func(pairs []string) { sent = gozmq.AppendMetadata(ctx, pairs...) })
	return sent
}

// receive begins the span of a received message.
func (t *telemetry) receive(ctx context.Context, o *operation, call *gozmq.CallInfo) (context.Context, trace.Span) {
	ctx, links := t.origin(ctx, o, call)
	start := append(o.start[:len(o.start):len(o.start)], links...)
	if o.receives != nil && call.Waited > 0 {
		if ctx = t.received(ctx, o.receives, call, links); t.receives {
			start = append(start, trace.WithSpanKind(trace.SpanKindInternal)) // the other one is the consumer
		}
	}
	return t.tracer.Start(ctx, o.spanName, start...)
}

// origin returns ctx with the parent span for a received message, and the span's
// links.
func (t *telemetry) origin(ctx context.Context, o *operation, call *gozmq.CallInfo) (context.Context, []trace.SpanStartOption) {
	ambient := trace.SpanFromContext(ctx)
	ctx, remote := t.extract(ctx, call)
	if !remote.IsValid() {
		return ctx, nil
	}
	serves := o.of == gozmq.OperationServe
	if t.apart || !serves && ambient.SpanContext().IsValid() {
		ctx = trace.ContextWithSpan(ctx, ambient)
	} else if serves {
		return ctx, nil
	}
	return ctx, []trace.SpanStartOption{trace.WithLinks(trace.Link{SpanContext: remote})}
}

// extract returns ctx with the values that the propagator reads from the metadata,
// and the span in it, invalid when there is none. A result's span is its worker's,
// otherwise the task's.
func (t *telemetry) extract(ctx context.Context, call *gozmq.CallInfo) (context.Context, trace.SpanContext) {
	if call.Task != nil && len(call.Task.ResultMetadata) > 0 {
		if from, remote := t.read(ctx, call.Task.ResultMetadata); remote.IsValid() {
			return from, remote
		}
	}
	return t.read(ctx, call.Metadata)
}

// read is extract for one kind of metadata.
func (t *telemetry) read(ctx context.Context, m gozmq.Metadata) (context.Context, trace.SpanContext) {
	if len(m) == 0 {
		return ctx, trace.SpanContext{}
	}
	before := trace.SpanContextFromContext(ctx)
	ctx = t.propagator.Extract(ctx, incoming(m))
	if after := trace.SpanContextFromContext(ctx); after.IsRemote() && !after.Equal(before) {
		return ctx, after
	}
	return ctx, trace.SpanContext{}
}
