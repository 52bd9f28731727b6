package test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"testing"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	imagev1 "github.com/gozmq/gozmq/example/gen/image/v1"
	"github.com/gozmq/gozmq/example/gen/image/v1/imagev1gozmq"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqtest"
)

// A fuse is a worker that does what the task's name says.
type fuse struct {
	imagev1gozmq.UnimplementedPrintsWorker

	begun, release chan struct{}
	lost           chan struct{} // has a value once a connection of the worker has ended
	failed         atomic.Bool
}

func (f *fuse) Render(_ context.Context, task *imagev1.RenderTask) (*imagev1.RenderResult, error) {
	switch task.GetName() {
	case "reject":
		return nil, gozmq.Permanent(gozmq.Errorf(gozmq.CodeInvalidArgument, "no picture"))
	case "nack":
		if !f.failed.Swap(true) {
			return nil, gozmq.Errorf(gozmq.CodeUnavailable, "not now")
		}
	case "lost":
		f.begun <- struct{}{}
		<-f.release
	}
	return &imagev1.RenderResult{Name: task.GetName()}, nil
}

// runFuse runs a worker of p until the test ends.
func (p *pipeline) runFuse(t *testing.T, r *recorder) *fuse {
	t.Helper()
	f := &fuse{begun: make(chan struct{}, 1), release: make(chan struct{}), lost: make(chan struct{}, 1)}
	ends := gozmq.WithEventHandler(func(e gozmq.Event) {
		if e.Kind == gozmq.EventDisconnected {
			select {
			case f.lost <- struct{}{}:
			default:
			}
		}
	})
	gozmqtest.Run(t, func(ctx context.Context) error {
		return imagev1gozmq.RunPrintsWorker(ctx, f, gozmq.From(gozmq.Connect(p.vent.Addrs()...)), gozmq.To(gozmq.Connect(p.sink.Addrs()...)), r.option(), ends, gozmq.WithConcurrency(1))
	})
	return f
}

// ends opens a pipeline without a worker.
func ends(t *testing.T, r *recorder, opts ...gozmq.VentilatorOption) *pipeline {
	t.Helper()
	p := &pipeline{
		vent: gozmqtest.Open(gozmq.NewVentilator(append(opts, gozmq.DeliveryAtLeastOnce, gozmq.Bind(gozmqtest.Endpoint()), gozmq.WithRetryBackoff(1, 1), r.option())...)).For(t),
		sink: gozmqtest.Open(gozmq.NewSink(gozmq.DeliveryAtLeastOnce, gozmq.Bind(gozmqtest.Endpoint()), r.option())).For(t),
	}
	var err error
	if p.tasks, err = imagev1gozmq.NewPrintsVentilator(p.vent); err != nil {
		t.Fatal(err)
	}
	if p.prints, err = imagev1gozmq.NewPrintsSink(p.sink); err != nil {
		t.Fatal(err)
	}
	return p
}

// A task that can never be done is rejected: its handler's span has the error, and
// the span that settles it has gone well, since the ventilator knows.
func TestReject(t *testing.T) {
	r := newRecorder(t)
	p := ends(t, r, gozmq.WithLinger(0))
	p.runFuse(t, r)
	if err := p.tasks.Render(t.Context(), &imagev1.RenderTask{Name: "reject"}); err != nil {
		t.Fatal(err)
	}
	spans := r.wait(t, 3)
	want := "push " + renderPrint + " (producer)\n  run " + renderPrint + " (consumer)\n    reject " + renderPrint + " (client)\n"
	if got := tree(spans); got != want {
		t.Errorf("got the tree\n%swant\n%s", got, want)
	}
	run, reject := find(t, spans, "run "+renderPrint, trace.SpanKindConsumer), find(t, spans, "reject "+renderPrint, trace.SpanKindClient)
	wantAttributes(t, "run", attributesOf(run), map[string]string{"error.type": "INVALID_ARGUMENT"})
	wantAttributes(t, "reject", attributesOf(reject), map[string]string{"messaging.operation.name": "reject", "messaging.operation.type": "settle", "error.type": ""})
	if run.Status.Code != codes.Error || reject.Status.Code == codes.Error {
		t.Errorf("the status is %v, and %v of what settles", run.Status, reject.Status)
	}
	wantSettles(t, r, map[string]uint64{"reject": 1})
}

// A task whose ventilator is gone cannot be settled: that is what the span says.
func TestSettleLost(t *testing.T) {
	r := newRecorder(t)
	p := ends(t, r, gozmq.WithLinger(0))
	f := p.runFuse(t, r)
	if err := p.tasks.Render(t.Context(), &imagev1.RenderTask{Name: "lost"}); err != nil {
		t.Fatal(err)
	}
	<-f.begun
	if err := p.vent.Close(); err == nil {
		t.Log("the ventilator has closed without an error")
	}
	<-f.lost // before that, an end of the task would only be sent in vain
	close(f.release)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	gozmqtest.Run(t, func(context.Context) error { // the worker's end waits for its result's
		for range p.prints.Render(ctx) {
		}
		return nil
	})
	spans := r.wait(t, 5)
	lost := find(t, spans, "settle "+renderPrint, trace.SpanKindClient)
	wantAttributes(t, "settle", attributesOf(lost), map[string]string{"messaging.operation.name": "settle", "messaging.operation.type": "settle", "error.type": "UNAVAILABLE"})
	if lost.Status.Code != codes.Error || !lost.Parent.Equal(find(t, spans, "run "+renderPrint, trace.SpanKindConsumer).SpanContext) {
		t.Errorf("the status is %v, the parent %v:\n%s", lost.Status, lost.Parent, tree(spans))
	}
	wantSettles(t, r, map[string]uint64{"settle": 1, "ack": 1})
}

// wantSettles checks how often the metric counts each outcome.
func wantSettles(t *testing.T, r *recorder, want map[string]uint64) {
	t.Helper()
	var got map[string]uint64
	within(t, func() bool {
		got = make(map[string]uint64)
		for _, point := range pointsOf(t, r.metrics(t)["messaging.client.operation.duration"]) {
			if point.labels["messaging.operation.type"] == "settle" {
				got[point.labels["messaging.operation.name"]] += point.count
			}
		}
		return maps.Equal(got, want)
	}, func() { t.Fatalf("the metric counts %v, want %v", got, want) })
}

// A hundred tasks in as many batches, over a real pipeline, in which each way to
// settle happens, make as many series as a few tasks.
func TestCardinalityOfPipelines(t *testing.T) {
	r := newRecorder(t)
	p := ends(t, r, gozmq.WithLinger(0))
	p.runFuse(t, r)
	const tasks = 100
	for i := range tasks {
		name := []string{"nack", "reject", fmt.Sprint("picture ", i)}[min(i, 2)]
		if err := p.tasks.Render(p.vent.StartBatch(fmt.Sprint("batch ", i)).Context(t.Context()), &imagev1.RenderTask{Name: name}); err != nil {
			t.Fatal(err)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	n := 0
	for _, err := range p.prints.Render(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == tasks-1 { // all but the one that was rejected
			stop()
		}
	}
	wantSettles(t, r, map[string]uint64{"ack": 2 * (tasks - 1), "nack": 1, "reject": 1})
	for name, want := range map[string][]string{
		"messaging.client.sent.messages":      {"push"},
		"messaging.client.consumed.messages":  {"collect", "run", "run INVALID_ARGUMENT", "run UNAVAILABLE"},
		"messaging.process.duration":          {"collect", "run", "run INVALID_ARGUMENT", "run UNAVAILABLE"},
		"messaging.client.operation.duration": {"ack", "nack", "push", "receive", "reject"},
	} {
		var got []string
		for _, point := range pointsOf(t, r.metrics(t)[name]) {
			series := point.labels["messaging.operation.name"]
			if e := point.labels["error.type"]; e != "" {
				series += " " + e
			}
			got = append(got, series)
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("%s has the series %q, want %q", name, got, want)
		}
	}
}
