package test

import (
	"testing"
	"time"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	imagev1 "github.com/gozmq/gozmq/example/gen/image/v1"
	"github.com/gozmq/gozmq/example/gen/image/v1/imagev1gozmq"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqtest"
	"github.com/gozmq/gozmq/telemetry/gozmqotel"
)

// A loop's wait for a message has a span between the publisher's and that of the
// body, from the end of the body's last turn on.
func TestReceiveSpans(t *testing.T) {
	r := newRecorder(t, gozmqotel.WithReceiveSpans())
	pub, sub := openFeed(t, r)
	s := subscribe(t, sub)
	publish(t, t.Context(), pub)
	n := 0
	for _, err := range s.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == 2 {
			break
		}
		publish(t, t.Context(), pub)
		time.Sleep(time.Millisecond) // the message waits, and the loop does not ask for it yet
	}
	spans := r.wait(t, 6)
	const received = "receive weather/{station}/temperature"
	one := published + " (producer)\n  " + received + " (consumer)\n    " + processed + " (internal)\n"
	if traces := tracesOf(spans); len(traces) != 2 {
		t.Errorf("the spans are of %d traces, want one for each message:\n%s", len(traces), tree(spans))
	}
	for id := range tracesOf(spans) {
		var trace tracetest.SpanStubs
		for _, span := range spans {
			if span.SpanContext.TraceID() == id {
				trace = append(trace, span)
			}
		}
		if got := treeByParent(trace); got != one {
			t.Errorf("got the tree\n%swant\n%s", got, one)
		}
	}
	var last time.Time // the end of the body's last turn
	for _, span := range spans {
		if span.Name == processed {
			last = span.EndTime
		}
		if span.Name != received {
			continue
		}
		if span.StartTime.Before(last) {
			t.Errorf("the loop asked at %v, when its body ran until %v", span.StartTime, last)
		}
		if len(span.Links) != 1 || span.EndTime.Before(span.StartTime) {
			t.Errorf("%v to %v with links %v", span.StartTime, span.EndTime, span.Links)
		}
		wantAttributes(t, received, attributesOf(span), map[string]string{
			"messaging.system": "gozmq", "messaging.operation.name": "receive", "messaging.operation.type": "receive",
			"messaging.destination.template": "weather/{station}/temperature", "messaging.destination.name": "weather/home/temperature", "error.type": "",
		})
	}
	r.waitMetric(t, "messaging.client.consumed.messages", 2) // once for each, not for receive and process
	wantReceived(t, r, 2)
}

// wantReceived checks that the metric of operations counts n messages that loops
// have asked for.
func wantReceived(t *testing.T, r *recorder, n uint64) {
	t.Helper()
	var got uint64
	for _, point := range pointsOf(t, r.metrics(t)["messaging.client.operation.duration"]) {
		if point.labels["messaging.operation.type"] == "receive" {
			got += point.count
			wantAttributes(t, "the metric", point.labels, map[string]string{"messaging.operation.name": "receive", "messaging.system": "gozmq"})
		}
	}
	if got != n {
		t.Errorf("%d messages were received, want %d", got, n)
	}
}

// treeByParent is tree for spans of which a child may begin before its parent.
func treeByParent(spans tracetest.SpanStubs) string {
	depth := func(s tracetest.SpanStub) (n int) {
		for id := s.Parent.SpanID(); id.IsValid(); n++ {
			next := trace.SpanID{}
			for _, other := range spans {
				if other.SpanContext.SpanID() == id {
					next = other.Parent.SpanID()
				}
			}
			id = next
		}
		return n
	}
	for i := range spans {
		spans[i].StartTime = time.Unix(int64(depth(spans[i])), 0)
	}
	return tree(spans)
}

// Results have the same; a handler, which asks for nothing, has no span and no
// measurement of receiving.
func TestReceiveOfResults(t *testing.T) {
	r := newRecorder(t, gozmqotel.WithReceiveSpans())
	p := openPipeline(t, r, new(printer))
	if err := p.tasks.Render(t.Context(), &imagev1.RenderTask{Name: "cat.png"}); err != nil {
		t.Fatal(err)
	}
	p.collect(t, 1)
	spans := r.wait(t, 6)
	want := "push " + renderPrint + " (producer)\n  run " + renderPrint + " (consumer)\n    ack " + renderPrint + " (client)\n    receive " + renderPrint + " (consumer)\n      collect " + renderPrint + " (internal)\n        ack " + renderPrint + " (client)\n"
	receive := find(t, spans, "receive "+renderPrint, trace.SpanKindConsumer)
	if !linked(receive, find(t, spans, "run "+renderPrint, trace.SpanKindConsumer)) {
		t.Errorf("the links are %v", receive.Links)
	}
	for i := range spans { // the loop has asked before anything was pushed
		if spans[i].Name == receive.Name {
			spans[i].StartTime = spans[i].EndTime
		}
		if spans[i].Name == "ack "+renderPrint && spans[i].Parent.Equal(receive.Parent) {
			spans[i].StartTime = receive.EndTime.Add(-1)
		}
	}
	if got := tree(spans); got != want {
		t.Errorf("got the tree\n%swant\n%s", got, want)
	}
	wantReceived(t, r, 1)
}

// The span of a task that another program sends is in the task's metadata, and is
// the parent of the attempt's span.
func TestCreate(t *testing.T) {
	r := newRecorder(t)
	opts := []gozmqotel.Option{gozmqotel.WithTracerProvider(r.tracers), gozmqotel.WithPropagator(propagation.TraceContext{})}
	ctx, span := gozmqotel.Create(t.Context(), renderPrint, opts...)
	if task, err := imagev1gozmq.NewPrintsRenderTask(ctx, &imagev1.RenderTask{Name: "cat.png"}); err != nil || len(task.Header) == 0 {
		t.Errorf("the task has no metadata, %v", err)
	}
	vent := gozmqtest.Open(gozmq.NewVentilator(gozmq.DeliveryAtLeastOnce, gozmq.Bind(gozmqtest.Endpoint()))).For(t)
	sink := gozmqtest.Open(gozmq.NewSink(gozmq.DeliveryAtLeastOnce, gozmq.Bind(gozmqtest.Endpoint()))).For(t)
	p := &pipeline{vent: vent, sink: sink}
	var err error
	if p.tasks, err = imagev1gozmq.NewPrintsVentilator(vent); err != nil {
		t.Fatal(err)
	}
	if p.prints, err = imagev1gozmq.NewPrintsSink(sink); err != nil {
		t.Fatal(err)
	}
	p.work(t, r, new(printer))
	if err := p.tasks.Render(ctx, &imagev1.RenderTask{Name: "cat.png"}); err != nil {
		t.Fatal(err)
	}
	span.End()
	p.collect(t, 1)
	spans := r.wait(t, 3)
	if got, want := tree(spans), "create "+renderPrint+" (producer)\n  run "+renderPrint+" (consumer)\n    ack "+renderPrint+" (client)\n"; got != want {
		t.Errorf("got the tree\n%swant\n%s", got, want)
	}
	created := find(t, spans, "create "+renderPrint, trace.SpanKindProducer)
	wantAttributes(t, "create", attributesOf(created), map[string]string{
		"messaging.system": "gozmq", "messaging.operation.name": "create", "messaging.operation.type": "create", "messaging.destination.name": renderPrint,
	})
}
