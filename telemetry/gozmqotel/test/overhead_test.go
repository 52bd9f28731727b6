//go:build unix

package test

import (
	"context"
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

// variants are the interceptors to compare, the first without any.
func variants(b *testing.B) (names []string, interceptors [][]gozmq.Interceptor) {
	b.Helper()
	telemetry := func(opts ...gozmqotel.Option) []gozmq.Interceptor {
		i, err := gozmqotel.New(append(opts, gozmqotel.WithPropagator(propagation.TraceContext{}))...)
		if err != nil {
			b.Fatal(err)
		}
		return []gozmq.Interceptor{i}
	}
	none := func(ctx context.Context, _ *gozmq.CallInfo, m proto.Message, next gozmq.Next) (proto.Message, error) {
		return next(ctx, m)
	}
	meters := func() gozmqotel.Option {
		return gozmqotel.WithMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewManualReader())))
	}
	return []string{"none", "empty", "noop", "metrics", "few", "sampled"}, [][]gozmq.Interceptor{
		nil,
		{none},
		telemetry(gozmqotel.WithTracerProvider(tracenoop.NewTracerProvider()), gozmqotel.WithMeterProvider(metricnoop.NewMeterProvider())),
		telemetry(gozmqotel.WithTracerProvider(tracenoop.NewTracerProvider()), meters()),
		telemetry(gozmqotel.WithTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(dropped{}),
			sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(.01))))), meters()),
		telemetry(gozmqotel.WithTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(dropped{}))), meters()),
	}
}

// BenchmarkOverhead shows what an interceptor costs with messages of 64 bytes
// over TCP, both sides together, as ratios of processor time to none at all:
// one that only calls next (empty), and this package's with providers that do
// nothing (noop), with the SDK's metrics (metrics), and with these and one
// trace of a hundred (few) or each (sampled) recorded and thrown away. All of
// them take turns, so that the machine's other load meets all alike:
//
//	go test -run '^$' -bench Overhead -benchtime 50x ./test
func BenchmarkOverhead(b *testing.B) {
	for pattern, open := range map[string]func(*testing.B, gozmq.EndOption) func(n int){
		"call": openCalls, "publication": openPublications, "task": openTasks,
	} {
		b.Run(pattern, func(b *testing.B) {
			const lot = 500
			names, interceptors := variants(b)
			run := make([]func(int), len(names))
			for i := range run {
				run[i] = open(b, gozmq.WithInterceptors(interceptors[i]...))
				run[i](lot) // connections, caches
			}
			took := make([]time.Duration, len(run))
			for b.Loop() {
				for i := range run {
					begun := processorTime(b)
					run[i](lot)
					took[i] += processorTime(b) - begun
				}
			}
			b.ReportMetric(float64(took[0].Nanoseconds())/float64(b.N*lot), "cpu-ns/none")
			b.ReportMetric(0, "ns/op")
			for i, name := range names[1:] {
				b.ReportMetric(float64(took[i+1])/float64(took[0]), name+"/none")
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
	names, interceptors := variants(b)
	for i, name := range names[1:] {
		for _, info := range []gozmq.CallInfo{
			{Operation: gozmq.OperationCall, Method: method},
			{Operation: gozmq.OperationServe, Method: method, Metadata: traced, Peer: &gozmq.Peer{Address: "127.0.0.1:4711", Endpoint: "tcp://127.0.0.1:4712"}},
			{Operation: gozmq.OperationPublish, Method: method, Publication: publication},
			{Operation: gozmq.OperationReceive, Method: method, Metadata: traced, Publication: publication},
		} {
			b.Run(name+"/"+info.Operation.String(), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := interceptors[i+1][0](b.Context(), &info, nil, next); err != nil {
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
}

func (echo) SayHello(_ context.Context, req *greetv1.HelloRequest) (*greetv1.HelloReply, error) {
	return &greetv1.HelloReply{Message: req.GetName()}, nil
}

// openCalls returns a function that makes n calls, one after the other.
func openCalls(b *testing.B, with gozmq.EndOption) func(n int) {
	b.Helper()
	addrs := gozmqtest.Serve(b, func(r gozmq.Registrar) error {
		return greetv1gozmq.RegisterGreeterServer(r, echo{})
	}, gozmq.Bind("tcp://127.0.0.1:*"), with)
	client := greetv1gozmq.NewGreeterClient(gozmqtest.Open(gozmq.Dial(gozmq.Connect(addrs...), with)).For(b))
	req := &greetv1.HelloRequest{Name: text}
	return func(n int) {
		for range n {
			if _, err := client.SayHello(context.Background(), req); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// openPublications returns a function that publishes n messages, and returns when a
// subscriber's loop has had them.
func openPublications(b *testing.B, with gozmq.EndOption) func(n int) {
	b.Helper()
	pub := gozmqtest.Open(gozmq.NewPublisher(gozmq.Bind("tcp://127.0.0.1:*"), with)).For(b)
	sub := gozmqtest.Open(gozmq.NewSubscriber(gozmq.Connect(pub.Addrs()...), with)).For(b)
	got := make(chan struct{}, 1<<10)
	gozmqtest.Run(b, func(ctx context.Context) error {
		for _, err := range weatherv1gozmq.NewFeedSubscriber(sub).Temperature(ctx) {
			if err != nil {
				return err
			}
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
			if err := feed.Temperature(context.Background(), m); err != nil {
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
func openTasks(b *testing.B, with gozmq.EndOption) func(n int) {
	b.Helper()
	vent := gozmqtest.Open(gozmq.NewVentilator(gozmq.Bind("tcp://127.0.0.1:*"), with)).For(b)
	sink := gozmqtest.Open(gozmq.NewSink(gozmq.Bind("tcp://127.0.0.1:*"), with)).For(b)
	gozmqtest.Run(b, func(ctx context.Context) error {
		return imagev1gozmq.RunThumbnailsWorker(ctx, renderer{}, gozmq.From(gozmq.Connect(vent.Addrs()...)), gozmq.To(gozmq.Connect(sink.Addrs()...)), with)
	})
	tasks, err := imagev1gozmq.NewThumbnailsVentilator(vent)
	if err != nil {
		b.Fatal(err)
	}
	results, err := imagev1gozmq.NewThumbnailsSink(sink)
	if err != nil {
		b.Fatal(err)
	}
	got := make(chan struct{}, 1<<10)
	gozmqtest.Run(b, func(ctx context.Context) error {
		for _, err := range results.Render(ctx) {
			if err != nil {
				return err
			}
			got <- struct{}{}
		}
		return nil
	})
	m := &imagev1.RenderTask{Name: text}
	return func(n int) {
		for range n {
			if err := tasks.Render(context.Background(), m); err != nil {
				b.Fatal(err)
			}
		}
		for range n {
			<-got
		}
	}
}
