package test

import (
	"context"
	"testing"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	weatherv1 "github.com/gozmq/gozmq/example/gen/weather/v1"
	"github.com/gozmq/gozmq/example/gen/weather/v1/weatherv1gozmq"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqtest"
	"github.com/gozmq/gozmq/telemetry/gozmqotel"
)

const (
	published = "publish weather/{station}/temperature"
	processed = "process weather/{station}/temperature"
)

// openFeed opens a publisher and a subscriber to it, both recorded.
func openFeed(t *testing.T, r *recorder) (*gozmq.Publisher, *gozmq.Subscriber) {
	t.Helper()
	pub := gozmqtest.Open(gozmq.NewPublisher(gozmq.Bind(gozmqtest.Endpoint()), r.option())).For(t)
	sub := gozmqtest.Open(gozmq.NewSubscriber(gozmq.Connect(pub.Addrs()...), r.option())).For(t)
	return pub, sub
}

// subscribe opens a subscription that has reached the publisher.
func subscribe(t *testing.T, sub *gozmq.Subscriber) gozmq.Subscription[*weatherv1.Reading, weatherv1gozmq.FeedTemperatureFilter] {
	t.Helper()
	s, err := weatherv1gozmq.NewFeedSubscriber(sub).TemperatureSubscription(nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if err := sub.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// publish publishes the temperature at home.
func publish(t *testing.T, ctx context.Context, pub *gozmq.Publisher) {
	t.Helper()
	if err := weatherv1gozmq.NewFeedPublisher(pub).Temperature(ctx, &weatherv1.Reading{Station: "home"}); err != nil {
		t.Fatal(err)
	}
}

func TestPublication(t *testing.T) {
	r := newRecorder(t)
	pub, sub := openFeed(t, r)
	s := subscribe(t, sub)
	publish(t, t.Context(), pub)
	var info gozmq.PublicationInfo
	var inBody trace.SpanContext
	for _, err := range s.All(gozmq.StoreInfo(t.Context(), &info)) {
		if err != nil {
			t.Fatal(err)
		}
		inBody = trace.SpanContextFromContext(info.Context())
		break
	}
	spans := r.wait(t, 2)
	out, in := find(t, spans, published, trace.SpanKindProducer), find(t, spans, processed, trace.SpanKindConsumer)
	if got, want := tree(spans), published+" (producer)\n  "+processed+" (consumer)\n"; got != want {
		t.Errorf("got the tree\n%swant\n%s", got, want)
	}
	if !linked(in, out) || len(out.Links) != 0 {
		t.Errorf("the links are %v", in.Links)
	}
	if !inBody.Equal(in.SpanContext) {
		t.Errorf("the body's context has span %v, want %v", inBody, in.SpanContext)
	}
	common := map[string]string{
		"messaging.system": "gozmq", "messaging.destination.template": "weather/{station}/temperature",
		"messaging.destination.name": "weather/home/temperature", "error.type": "",
	}
	wantAttributes(t, "publisher", attributesOf(out), common)
	wantAttributes(t, "publisher", attributesOf(out), map[string]string{"messaging.operation.name": "publish", "messaging.operation.type": "send"})
	wantAttributes(t, "subscriber", attributesOf(in), common)
	wantAttributes(t, "subscriber", attributesOf(in), map[string]string{"messaging.operation.name": "process", "messaging.operation.type": "process"})
	for name, n := range map[string]uint64{"messaging.client.sent.messages": 1, "messaging.client.operation.duration": 2, "messaging.client.consumed.messages": 1, "messaging.process.duration": 1} {
		labels := r.waitMetric(t, name, n)[0].labels
		wantAttributes(t, name, labels, map[string]string{"messaging.destination.template": "weather/{station}/temperature", "messaging.destination.name": ""})
	}
	wantReceived(t, r, 1) // the loop; there is no span unless one is asked for
}

// A handler's context has the span, and its error is the span's.
func TestPublicationHandler(t *testing.T) {
	r := newRecorder(t)
	pub, sub := openFeed(t, r)
	seen := make(chan trace.SpanContext, 1)
	gozmqtest.Run(t, func(ctx context.Context) error {
		return weatherv1gozmq.HandleFeed(ctx, sub, &watcher{seen: seen})
	})
	if err := pub.WaitForSubscribers(t.Context(), "weather/", 1); err != nil {
		t.Fatal(err)
	}
	publish(t, t.Context(), pub)
	spans := r.wait(t, 2)
	in := find(t, spans, processed, trace.SpanKindConsumer)
	if got := <-seen; !got.Equal(in.SpanContext) || !linked(in, find(t, spans, published, trace.SpanKindProducer)) {
		t.Errorf("the handler has span %v, want %v with a link", got, in.SpanContext)
	}
	wantAttributes(t, "subscriber", attributesOf(in), map[string]string{"error.type": "DATA_LOSS"})
	if in.Status.Code != codes.Error {
		t.Errorf("the status is %+v", in.Status)
	}
}

// A watcher fails on each reading.
type watcher struct {
	weatherv1gozmq.UnimplementedFeedHandler

	seen chan<- trace.SpanContext
}

func (w *watcher) Temperature(ctx context.Context, _ *weatherv1.Reading) error {
	w.seen <- trace.SpanContextFromContext(ctx)
	return gozmq.Errorf(gozmq.CodeDataLoss, "as asked")
}

// A loop in a span keeps it as the parent, and links to the publisher's.
func TestPublicationInSpan(t *testing.T) {
	r := newRecorder(t)
	pub, sub := openFeed(t, r)
	s := subscribe(t, sub)
	publish(t, t.Context(), pub)
	ctx, job := r.tracers.Tracer("test").Start(t.Context(), "job")
	for _, err := range s.All(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		break
	}
	job.End()
	spans := r.wait(t, 3)
	if got, want := tree(spans), published+" (producer)\njob (internal)\n  "+processed+" (consumer)\n"; got != want {
		t.Errorf("got the tree\n%swant\n%s", got, want)
	}
	if in := find(t, spans, processed, trace.SpanKindConsumer); !linked(in, find(t, spans, published, trace.SpanKindProducer)) {
		t.Errorf("the links are %v", in.Links)
	}
}

// Traces of subscribers can be their own.
func TestPublicationWithoutRemoteParents(t *testing.T) {
	r := newRecorder(t, gozmqotel.WithoutRemoteParents())
	pub, sub := openFeed(t, r)
	s := subscribe(t, sub)
	publish(t, t.Context(), pub)
	for _, err := range s.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		break
	}
	spans := r.wait(t, 2)
	in, out := find(t, spans, processed, trace.SpanKindConsumer), find(t, spans, published, trace.SpanKindProducer)
	if in.Parent.IsValid() || !linked(in, out) {
		t.Errorf("the span is below %v, with links %v", in.Parent, in.Links)
	}
}

// A panic of a loop's body ends the span, and passes through.
func TestPublicationPanic(t *testing.T) {
	r := newRecorder(t)
	pub, sub := openFeed(t, r)
	s := subscribe(t, sub)
	publish(t, t.Context(), pub)
	func() {
		defer func() {
			if v := recover(); v != "as asked" {
				t.Errorf("recovered %v", v)
			}
		}()
		for range s.All(t.Context()) {
			panic("as asked")
		}
	}()
	in := find(t, r.wait(t, 2), processed, trace.SpanKindConsumer)
	wantAttributes(t, "subscriber", attributesOf(in), map[string]string{"error.type": "panic"})
	if in.Status.Code != codes.Error {
		t.Errorf("the status is %+v", in.Status)
	}
}
