package test

import (
	"context"
	"errors"
	"maps"
	"sync/atomic"
	"testing"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	imagev1 "github.com/gozmq/gozmq/example/gen/image/v1"
	"github.com/gozmq/gozmq/example/gen/image/v1/imagev1gozmq"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqtest"
	"github.com/gozmq/gozmq/testdata/golden/delivery"
	"github.com/gozmq/gozmq/testdata/golden/delivery/deliverygozmq"
)

const renderPrint = imagev1gozmq.PrintsRenderProcedure

// A printer does the tasks of image.v1.Prints; the first few attempts fail.
type printer struct {
	imagev1gozmq.UnimplementedPrintsWorker

	fails atomic.Int32
}

func (p *printer) Render(_ context.Context, task *imagev1.RenderTask) (*imagev1.RenderResult, error) {
	if p.fails.Add(-1) >= 0 {
		return nil, errors.New("as asked")
	}
	return &imagev1.RenderResult{Name: task.GetName()}, nil
}

// A pipeline has all its roles recorded.
type pipeline struct {
	vent   *gozmq.Ventilator
	tasks  imagev1gozmq.PrintsVentilator
	sink   *gozmq.Sink
	prints imagev1gozmq.PrintsSink
}

// openPipeline starts a pipeline with a worker, for tasks with at-least-once
// delivery.
func openPipeline(t *testing.T, r *recorder, worker *printer) *pipeline {
	t.Helper()
	p := ends(t, r)
	p.work(t, r, worker)
	return p
}

// work runs a worker, which is recorded, until the test ends.
func (p *pipeline) work(t *testing.T, r *recorder, worker *printer) {
	t.Helper()
	gozmqtest.Run(t, func(ctx context.Context) error {
		return imagev1gozmq.RunPrintsWorker(ctx, worker, gozmq.From(gozmq.Connect(p.vent.Addrs()...)), gozmq.To(gozmq.Connect(p.sink.Addrs()...)), r.option())
	})
}

// collect receives n results, waits until their tasks are done, and returns the
// context of the last.
func (p *pipeline) collect(t *testing.T, n int) (last context.Context) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var info gozmq.TaskInfo
	for _, err := range p.prints.Render(gozmq.StoreInfo(ctx, &info)) {
		if err != nil {
			t.Fatal(err)
		}
		last = info.Context()
		if n--; n == 0 {
			cancel() // the result is acknowledged when the body has ended
		}
	}
	if err := p.vent.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	return last
}

// linked reports whether a span has just one link, to another span.
func linked(s, to tracetest.SpanStub) bool {
	return len(s.Links) == 1 && s.Links[0].SpanContext.Equal(to.SpanContext.WithRemote(true))
}

func TestTask(t *testing.T) {
	r := newRecorder(t)
	p := openPipeline(t, r, new(printer))
	b := p.vent.StartBatch("album")
	if err := p.tasks.Render(b.Context(t.Context()), &imagev1.RenderTask{Name: "cat.png"}); err != nil {
		t.Fatal(err)
	}
	inBody := trace.SpanContextFromContext(p.collect(t, 1))
	spans := r.wait(t, 5)
	if got, want := tree(spans), "push "+renderPrint+" (producer)\n  run "+renderPrint+" (consumer)\n    ack "+renderPrint+" (client)\n    collect "+renderPrint+" (consumer)\n      ack "+renderPrint+" (client)\n"; got != want {
		t.Errorf("got the tree\n%swant\n%s", got, want)
	}
	push, run := find(t, spans, "push "+renderPrint, trace.SpanKindProducer), find(t, spans, "run "+renderPrint, trace.SpanKindConsumer)
	collect := find(t, spans, "collect "+renderPrint, trace.SpanKindConsumer)
	if !linked(run, push) || !linked(collect, run) || len(push.Links) != 0 {
		t.Errorf("the links are %v and %v", run.Links, collect.Links)
	}
	if !inBody.Equal(collect.SpanContext) {
		t.Errorf("the body's context has span %v, want %v", inBody, collect.SpanContext)
	}
	common := map[string]string{"messaging.system": "gozmq", "messaging.destination.name": renderPrint, "messaging.gozmq.batch.name": "album", "error.type": ""}
	wantAttributes(t, "push", attributesOf(push), map[string]string{"messaging.operation.name": "push", "messaging.operation.type": "send"})
	wantAttributes(t, "push", attributesOf(push), common)
	wantAttributes(t, "run", attributesOf(run), map[string]string{"messaging.operation.name": "run", "messaging.operation.type": "process", "messaging.gozmq.message.delivery_attempt": "1"})
	wantAttributes(t, "run", attributesOf(run), common)
	wantAttributes(t, "collect", attributesOf(collect), map[string]string{"messaging.operation.name": "collect", "messaging.operation.type": "process"})
	wantAttributes(t, "collect", attributesOf(collect), common)
	if id := attributesOf(run)["messaging.message.id"]; len(id) != 32 || attributesOf(collect)["messaging.message.id"] != id {
		t.Errorf("the ids are %q and %q", id, attributesOf(collect)["messaging.message.id"])
	}
	sent := r.waitMetric(t, "messaging.client.sent.messages", 1)[0].labels
	wantAttributes(t, "sent", sent, map[string]string{"messaging.system": "gozmq", "messaging.operation.name": "push", "messaging.destination.name": renderPrint})
	if len(sent) != 3 {
		t.Errorf("sent messages have the labels %v", sent)
	}
	r.waitMetric(t, "messaging.client.operation.duration", 4)
	wantReceived(t, r, 1)
	if points := r.waitMetric(t, "messaging.process.duration", 2); len(points) != 2 || len(points[0].bounds) != 14 {
		t.Errorf("got %v", points)
	}
	r.waitMetric(t, "messaging.client.consumed.messages", 2)
}

// Each attempt has a span with its number, below that of the push; the result's is
// below the attempt that succeeded.
func TestRedelivery(t *testing.T) {
	r := newRecorder(t)
	worker := new(printer)
	worker.fails.Store(2)
	p := openPipeline(t, r, worker)
	if err := p.tasks.Render(t.Context(), &imagev1.RenderTask{Name: "cat.png"}); err != nil {
		t.Fatal(err)
	}
	p.collect(t, 1)
	spans := r.wait(t, 9)
	run := "  run " + renderPrint + " (consumer)\n"
	nack, ack := "    nack "+renderPrint+" (client)\n", "    ack "+renderPrint+" (client)\n"
	if got, want := tree(spans), "push "+renderPrint+" (producer)\n"+run+nack+run+nack+run+ack+"    collect "+renderPrint+" (consumer)\n  "+ack; got != want {
		t.Errorf("got the tree\n%swant\n%s", got, want)
	}
	push := find(t, spans, "push "+renderPrint, trace.SpanKindProducer)
	attempts := make(map[string]tracetest.SpanStub)
	for _, s := range spans {
		if s.Name == "run "+renderPrint {
			attempts[attributesOf(s)["messaging.gozmq.message.delivery_attempt"]] = s
		}
	}
	for n, want := range map[string]string{"1": "UNKNOWN", "2": "UNKNOWN", "3": ""} {
		s := attempts[n]
		wantAttributes(t, "attempt "+n, attributesOf(s), map[string]string{"error.type": want})
		if !linked(s, push) || (s.Status.Code == codes.Error) != (want != "") {
			t.Errorf("attempt %s has links %v and status %v", n, s.Links, s.Status)
		}
	}
	wantSettled(t, r, spans)
	for _, point := range r.waitMetric(t, "messaging.process.duration", 4) {
		if _, ok := point.labels["messaging.gozmq.message.delivery_attempt"]; ok {
			t.Errorf("the metric has the attempt: %v", point.labels)
		}
	}
}

// wantSettled checks the spans and the metric of what TestRedelivery has settled.
func wantSettled(t *testing.T, r *recorder, spans tracetest.SpanStubs) {
	t.Helper()
	common := map[string]string{"messaging.system": "gozmq", "messaging.destination.name": renderPrint, "messaging.operation.type": "settle", "error.type": ""}
	for _, s := range spans {
		if s.SpanKind != trace.SpanKindClient {
			continue
		}
		got := attributesOf(s)
		wantAttributes(t, s.Name, got, common)
		if s.Name != got["messaging.operation.name"]+" "+renderPrint || len(got["messaging.message.id"]) != 32 || s.EndTime.Before(s.StartTime) {
			t.Errorf("%s from %v to %v has %v", s.Name, s.StartTime, s.EndTime, got)
		}
	}
	counts := make(map[string]uint64) // a label set for each outcome, the worker's and the sink's acks in one
	for _, point := range r.waitMetric(t, "messaging.client.operation.duration", 6) {
		counts[point.labels["messaging.operation.name"]] = point.count
		if len(point.labels) != 4 {
			t.Errorf("the metric has the labels %v", point.labels)
		}
	}
	if want := map[string]uint64{"push": 1, "receive": 1, "nack": 2, "ack": 2}; !maps.Equal(counts, want) {
		t.Errorf("the metric counts %v, want %v", counts, want)
	}
}

// A puller's span is below that of the push: there is no worker in between.
func TestPuller(t *testing.T) {
	r := newRecorder(t)
	vent := gozmqtest.Open(gozmq.NewVentilator(gozmq.DeliveryAtLeastOnce, gozmq.Bind(gozmqtest.Endpoint()), r.option())).For(t)
	sink := gozmqtest.Open(gozmq.NewPuller(gozmq.DeliveryAtLeastOnce, gozmq.Connect(vent.Addrs()...), r.option())).For(t)
	pusher, err := deliverygozmq.NewOrderPusher(vent)
	if err != nil {
		t.Fatal(err)
	}
	puller, err := deliverygozmq.NewOrderPuller(sink)
	if err != nil {
		t.Fatal(err)
	}
	if err := pusher.Push(t.Context(), &delivery.Order{Id: "one"}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for _, err := range puller.Pull(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		cancel()
	}
	if err := vent.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	spans := r.wait(t, 3)
	in := find(t, spans, "collect golden.delivery.Order", trace.SpanKindConsumer)
	if !linked(in, find(t, spans, "push golden.delivery.Order", trace.SpanKindProducer)) || !in.Parent.IsValid() {
		t.Errorf("the links are %v:\n%s", in.Links, tree(spans))
	}
}

// With at-most-once delivery a task is one trace as well; it has no id.
func TestTaskAtMostOnce(t *testing.T) {
	r := newRecorder(t)
	vent := gozmqtest.Open(gozmq.NewVentilator(gozmq.Bind(gozmqtest.Endpoint()), r.option())).For(t)
	sink := gozmqtest.Open(gozmq.NewSink(gozmq.Bind(gozmqtest.Endpoint()), r.option())).For(t)
	gozmqtest.Run(t, func(ctx context.Context) error {
		return imagev1gozmq.RunThumbnailsWorker(ctx, renderer{}, gozmq.From(gozmq.Connect(vent.Addrs()...)), gozmq.To(gozmq.Connect(sink.Addrs()...)), r.option())
	})
	tasks, err := imagev1gozmq.NewThumbnailsVentilator(vent)
	if err != nil {
		t.Fatal(err)
	}
	results, err := imagev1gozmq.NewThumbnailsSink(sink)
	if err != nil {
		t.Fatal(err)
	}
	if err := tasks.Render(t.Context(), &imagev1.RenderTask{Name: "cat.png"}); err != nil {
		t.Fatal(err)
	}
	for _, err := range results.Render(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		break
	}
	procedure := imagev1gozmq.ThumbnailsRenderProcedure
	if got, want := tree(r.wait(t, 3)), "push "+procedure+" (producer)\n  run "+procedure+" (consumer)\n    collect "+procedure+" (consumer)\n"; got != want {
		t.Errorf("got the tree\n%swant\n%s", got, want)
	}
}

// renderer gives back the task's name.
type renderer struct {
	imagev1gozmq.UnimplementedThumbnailsWorker
}

func (renderer) Render(_ context.Context, task *imagev1.RenderTask) (*imagev1.RenderResult, error) {
	return &imagev1.RenderResult{Name: task.GetName()}, nil
}
