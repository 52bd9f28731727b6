//go:build unix

package test

import (
	"context"
	"iter"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	metricnoop "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	tracenoop "go.opentelemetry.io/otel/trace/noop"
	"google.golang.org/protobuf/proto"

	greetv1 "github.com/gozmq/gozmq/example/gen/greet/v1"
	"github.com/gozmq/gozmq/example/gen/greet/v1/greetv1gozmq"
	imagev1 "github.com/gozmq/gozmq/example/gen/image/v1"
	"github.com/gozmq/gozmq/example/gen/image/v1/imagev1gozmq"
	weatherv1 "github.com/gozmq/gozmq/example/gen/weather/v1"
	"github.com/gozmq/gozmq/example/gen/weather/v1/weatherv1gozmq"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqtest"
	"github.com/gozmq/gozmq/telemetry/gozmqotel"
)

// dropped is a span processor that throws spans away, as if an exporter were free.
type dropped struct{}

func (dropped) OnStart(context.Context, sdktrace.ReadWriteSpan) {}
func (dropped) OnEnd(sdktrace.ReadOnlySpan)                     {}
func (dropped) Shutdown(context.Context) error                  { return nil }
func (dropped) ForceFlush(context.Context) error                { return nil }

// A variant is one part of what a message can carry, or of who looks at it.
type variant struct {
	name   string
	option gozmq.EndOption // of every role; nil: none
	sends  bool            // metadata
	asks   bool            // loops and handlers ask for descriptions
}

// interceptor returns the variant with an interceptor.
func interceptor(name string, i gozmq.Interceptor) variant {
	return variant{name: name, option: gozmq.WithInterceptors(i)}
}

// with returns the option, or one without effect.
func (v variant) with() gozmq.EndOption {
	if v.option == nil {
		return gozmq.WithInterceptors()
	}
	return v.option
}

// context returns the context of a message that is sent.
func (v variant) context() context.Context {
	if v.sends {
		return gozmq.AppendMetadata(context.Background(), "tenant", "acme-0123456789")
	}
	return context.Background()
}

// loop returns the context of a loop that asks for descriptions, or does not, and
// a function that looks at the last message's metadata.
func loop[I gozmq.PublicationInfo | gozmq.TaskInfo](ctx context.Context, v variant, metadata func(*I) gozmq.Metadata) (context.Context, func()) {
	if !v.asks {
		return ctx, func() {}
	}
	info := new(I)
	return gozmq.StoreInfo(ctx, info), func() { _ = metadata(info).Get("tenant") }
}

// after calls what an interceptor calls before next.
func after(before func(call *gozmq.CallInfo)) gozmq.Interceptor {
	return func(ctx context.Context, call *gozmq.CallInfo, m proto.Message, next gozmq.Next) (proto.Message, error) {
		before(call)
		return next(ctx, m)
	}
}

// parts are those without OpenTelemetry, the first without any.
func parts() []variant {
	return []variant{
		{name: "none"},
		{name: "info", asks: true},
		{name: "metadata", sends: true},
		{name: "metadata-read", sends: true, asks: true},
		{name: "events", option: gozmq.WithEventHandler(func(gozmq.Event) {})},
		interceptor("empty", after(func(*gozmq.CallInfo) {})),
		interceptor("attempts", after(func(call *gozmq.CallInfo) { call.OnAttempt(func(*gozmq.Attempt) {}) })),
		interceptor("settled", after(func(call *gozmq.CallInfo) { call.OnSettle(func(string, error) {}) })),
	}
}

// telemetries are those of this package, with more and more that is recorded.
func telemetries(b *testing.B) (names []string, interceptors []gozmq.Interceptor) {
	b.Helper()
	add := func(name string, opts ...gozmqotel.Option) {
		i, err := gozmqotel.New(append(opts, gozmqotel.WithPropagator(propagation.TraceContext{}))...)
		if err != nil {
			b.Fatal(err)
		}
		names, interceptors = append(names, name), append(interceptors, i)
	}
	meters := func() gozmqotel.Option {
		return gozmqotel.WithMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewManualReader())))
	}
	traces := func(opts ...sdktrace.TracerProviderOption) gozmqotel.Option {
		return gozmqotel.WithTracerProvider(sdktrace.NewTracerProvider(append(opts, sdktrace.WithSpanProcessor(dropped{}))...))
	}
	none := gozmqotel.WithTracerProvider(tracenoop.NewTracerProvider())
	add("noop", none, gozmqotel.WithMeterProvider(metricnoop.NewMeterProvider()))
	add("metrics", none, meters())
	add("few", traces(sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(.01)))), meters())
	add("sampled", traces(), meters())
	add("received", traces(), meters(), gozmqotel.WithReceiveSpans())
	return names, interceptors
}

// BenchmarkOverhead shows what each part costs with messages of 64 bytes over TCP,
// both sides together, as ratios of processor time to a program with none of them:
//
//   - info: receivers ask for the description of each message;
//   - metadata: 21 bytes of it are sent, metadata-read: and looked at;
//   - events: every socket has a function for its events;
//   - empty: an interceptor that only calls next; attempts, settled: with OnAttempt
//     and OnSettle;
//   - noop: this package's with providers that do nothing; metrics: with the SDK's;
//     few, sampled: and one trace of a hundred, or each, recorded and thrown away;
//     received: with WithReceiveSpans, too.
//
// All of them take turns, so that the machine's other load meets all alike:
//
//	go test -run '^$' -bench Overhead -benchtime 50x ./test
func BenchmarkOverhead(b *testing.B) {
	for pattern, open := range map[string]func(*testing.B, variant) func(n int){
		"call": openCalls, "publication": openPublications, "task": openTasks, "acknowledged": openAcknowledged,
	} {
		b.Run(pattern, func(b *testing.B) {
			const lot = 500
			variants := parts()
			names, interceptors := telemetries(b)
			for i, name := range names {
				variants = append(variants, interceptor(name, interceptors[i]))
			}
			run := make([]func(int), len(variants))
			for i, v := range variants {
				run[i] = open(b, v)
				run[i](lot) // connections, caches
			}
			took := make([]time.Duration, len(run))
			for b.Loop() {
				for i := range run {
					runtime.GC() // what the one before has left is not this one's
					run[i](lot / 5)
					begun := processorTime(b)
					run[i](lot)
					took[i] += processorTime(b) - begun
				}
			}
			b.ReportMetric(float64(took[0].Nanoseconds())/float64(b.N*lot), "cpu-ns/none")
			b.ReportMetric(0, "ns/op")
			for i, v := range variants[1:] {
				b.ReportMetric(float64(took[i+1])/float64(took[0]), v.name+"/none")
			}
		})
	}
}

// processorTime returns how long the processors have worked for this process.
func processorTime(b *testing.B) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// BenchmarkInterceptor is one interception by itself, with nothing around it.
func BenchmarkInterceptor(b *testing.B) {
	method := &gozmq.Method{Procedure: "weather.v1.Feed/Temperature", TopicTemplate: "weather/{station}/temperature"}
	publication := &gozmq.PublicationInfo{Topic: "weather/home/temperature"}
	next := func(context.Context, proto.Message) (proto.Message, error) { return nil, nil }
	names, interceptors := telemetries(b)
	for i, name := range names {
		for _, info := range []gozmq.CallInfo{
			{Operation: gozmq.OperationCall, Method: method},
			{Operation: gozmq.OperationServe, Method: method, Metadata: traced, Peer: &gozmq.Peer{Address: "127.0.0.1:4711", Endpoint: "tcp://127.0.0.1:4712"}},
			{Operation: gozmq.OperationPublish, Method: method, Publication: publication},
			{Operation: gozmq.OperationReceive, Method: method, Metadata: traced, Publication: publication},
		} {
			b.Run(name+"/"+info.Operation.String(), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := interceptors[i](b.Context(), &info, nil, next); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// traced is metadata as a sampled span leaves it.
var traced = gozmq.Metadata{"traceparent": {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}}

// text has a message's body come to 64 bytes.
var text = strings.Repeat("x", 62)

// echo answers with the request's text.
type echo struct {
	greetv1gozmq.UnimplementedGreeterServer

	asks bool
}

func (e echo) SayHello(ctx context.Context, req *greetv1.HelloRequest) (*greetv1.HelloReply, error) {
	if e.asks {
		_ = gozmq.CallInfoFromContext(ctx).Metadata.Get("tenant")
	}
	return &greetv1.HelloReply{Message: req.GetName()}, nil
}

// openCalls returns a function that makes n calls, one after the other.
func openCalls(b *testing.B, v variant) func(n int) {
	b.Helper()
	addrs := gozmqtest.Serve(b, func(r gozmq.Registrar) error {
		return greetv1gozmq.RegisterGreeterServer(r, echo{asks: v.asks})
	}, gozmq.Bind("tcp://127.0.0.1:*"), v.with())
	client := greetv1gozmq.NewGreeterClient(gozmqtest.Open(gozmq.Dial(gozmq.Connect(addrs...), v.with())).For(b))
	req := &greetv1.HelloRequest{Name: text}
	return func(n int) {
		for range n {
			if _, err := client.SayHello(v.context(), req); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// openPublications returns a function that publishes n messages, and returns when a
// subscriber's loop has had them.
func openPublications(b *testing.B, v variant) func(n int) {
	b.Helper()
	pub := gozmqtest.Open(gozmq.NewPublisher(gozmq.Bind("tcp://127.0.0.1:*"), v.with())).For(b)
	sub := gozmqtest.Open(gozmq.NewSubscriber(gozmq.Connect(pub.Addrs()...), v.with())).For(b)
	got := make(chan struct{}, 1<<10)
	gozmqtest.Run(b, func(ctx context.Context) error {
		ctx, look := loop(ctx, v, func(i *gozmq.PublicationInfo) gozmq.Metadata { return i.Metadata })
		for _, err := range weatherv1gozmq.NewFeedSubscriber(sub).Temperature(ctx) {
			if err != nil {
				return err
			}
			look()
			got <- struct{}{}
		}
		return nil
	})
	if err := pub.WaitForSubscribers(b.Context(), "weather/"+text+"/temperature", 1); err != nil {
		b.Fatal(err)
	}
	feed, m := weatherv1gozmq.NewFeedPublisher(pub), &weatherv1.Reading{Station: text}
	return func(n int) {
		for range n {
			if err := feed.Temperature(v.context(), m); err != nil {
				b.Fatal(err)
			}
		}
		for range n {
			<-got
		}
	}
}

// openTasks returns a function that pushes n tasks, and returns when a sink's
// loop has had their results.
func openTasks(b *testing.B, v variant) func(n int) {
	b.Helper()
	vent, sink := pipelineEnds(b, gozmq.DeliveryAtMostOnce, v)
	gozmqtest.Run(b, func(ctx context.Context) error {
		return imagev1gozmq.RunThumbnailsWorker(ctx, renderer{}, gozmq.From(gozmq.Connect(vent.Addrs()...)), gozmq.To(gozmq.Connect(sink.Addrs()...)), v.with())
	})
	tasks, err := imagev1gozmq.NewThumbnailsVentilator(vent)
	if err != nil {
		b.Fatal(err)
	}
	results, err := imagev1gozmq.NewThumbnailsSink(sink)
	if err != nil {
		b.Fatal(err)
	}
	return pushAndCollect(b, v, tasks.Render, results.Render)
}

// openAcknowledged is openTasks with at-least-once delivery.
func openAcknowledged(b *testing.B, v variant) func(n int) {
	b.Helper()
	vent, sink := pipelineEnds(b, gozmq.DeliveryAtLeastOnce, v)
	gozmqtest.Run(b, func(ctx context.Context) error {
		return imagev1gozmq.RunPrintsWorker(ctx, new(printer), gozmq.From(gozmq.Connect(vent.Addrs()...)), gozmq.To(gozmq.Connect(sink.Addrs()...)), v.with())
	})
	tasks, err := imagev1gozmq.NewPrintsVentilator(vent)
	if err != nil {
		b.Fatal(err)
	}
	results, err := imagev1gozmq.NewPrintsSink(sink)
	if err != nil {
		b.Fatal(err)
	}
	return pushAndCollect(b, v, tasks.Render, results.Render)
}

func pipelineEnds(b *testing.B, d gozmq.Delivery, v variant) (*gozmq.Ventilator, *gozmq.Sink) {
	b.Helper()
	return gozmqtest.Open(gozmq.NewVentilator(d, gozmq.Bind("tcp://127.0.0.1:*"), v.with())).For(b),
		gozmqtest.Open(gozmq.NewSink(d, gozmq.Bind("tcp://127.0.0.1:*"), v.with())).For(b)
}

// pushAndCollect returns a function that pushes n tasks, and returns when a loop
// over the results has had as many.
func pushAndCollect(b *testing.B, v variant, push func(context.Context, *imagev1.RenderTask) error, results func(context.Context) iter.Seq2[*imagev1.RenderResult, error]) func(n int) {
	b.Helper()
	got := make(chan struct{}, 1<<10)
	gozmqtest.Run(b, func(ctx context.Context) error {
		ctx, look := loop(ctx, v, func(i *gozmq.TaskInfo) gozmq.Metadata { return i.Metadata })
		for _, err := range results(ctx) {
			if err != nil {
				return err
			}
			look()
			got <- struct{}{}
		}
		return nil
	})
	m := &imagev1.RenderTask{Name: text}
	return func(n int) {
		for range n {
			if err := push(v.context(), m); err != nil {
				b.Fatal(err)
			}
		}
		for range n {
			<-got
		}
	}
}
