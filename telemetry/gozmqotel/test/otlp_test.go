package test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	metricscollector "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	tracecollector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	greetv1 "github.com/gozmq/gozmq/example/gen/greet/v1"
	"github.com/gozmq/gozmq/example/gen/greet/v1/greetv1gozmq"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqtest"
	"github.com/gozmq/gozmq/telemetry/gozmqotel"
)

// A collector receives what an OpenTelemetry Collector does: OTLP over HTTP, in
// protobuf.
type collector struct {
	mu      sync.Mutex
	spans   []*tracepb.Span
	scopes  []*commonpb.InstrumentationScope
	metrics []string
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err == nil && r.Header.Get("Content-Type") != "application/x-protobuf" {
		err = fmt.Errorf("got %s", r.Header.Get("Content-Type"))
	}
	var reply proto.Message
	if err == nil {
		reply, err = c.take(r.URL.Path, body)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	body, _ = proto.Marshal(reply)
	w.Header().Set("Content-Type", "application/x-protobuf")
	_, _ = w.Write(body)
}

// take takes one request.
func (c *collector) take(path string, body []byte) (proto.Message, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch path {
	case "/v1/traces":
		var req tracecollector.ExportTraceServiceRequest
		if err := proto.Unmarshal(body, &req); err != nil {
			return nil, err
		}
		for _, resource := range req.GetResourceSpans() {
			for _, scope := range resource.GetScopeSpans() {
				c.scopes, c.spans = append(c.scopes, scope.GetScope()), append(c.spans, scope.GetSpans()...)
			}
		}
		return &tracecollector.ExportTraceServiceResponse{}, nil
	case "/v1/metrics":
		var req metricscollector.ExportMetricsServiceRequest
		if err := proto.Unmarshal(body, &req); err != nil {
			return nil, err
		}
		for _, resource := range req.GetResourceMetrics() {
			for _, scope := range resource.GetScopeMetrics() {
				for _, m := range scope.GetMetrics() {
					c.metrics = append(c.metrics, m.GetName())
				}
			}
		}
		return &metricscollector.ExportMetricsServiceResponse{}, nil
	}
	return nil, fmt.Errorf("no such path: %s", path)
}

// What a program sends to a collector arrives there, as OTLP has it.
func TestOTLP(t *testing.T) {
	got := new(collector)
	server := httptest.NewServer(got)
	defer server.Close()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	spans, err := otlptracehttp.New(t.Context(), otlptracehttp.WithEndpointURL(server.URL+"/v1/traces"), otlptracehttp.WithHTTPClient(client))
	if err != nil {
		t.Fatal(err)
	}
	metrics, err := otlpmetrichttp.New(t.Context(), otlpmetrichttp.WithEndpointURL(server.URL+"/v1/metrics"), otlpmetrichttp.WithHTTPClient(client))
	if err != nil {
		t.Fatal(err)
	}
	tracers := sdktrace.NewTracerProvider(sdktrace.WithBatcher(spans))
	meters := sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewPeriodicReader(metrics)))
	telemetry, err := gozmqotel.New(gozmqotel.WithTracerProvider(tracers), gozmqotel.WithMeterProvider(meters),
		gozmqotel.WithPropagator(propagation.TraceContext{}))
	if err != nil {
		t.Fatal(err)
	}
	t.Run("call", func(t *testing.T) {
		addrs := gozmqtest.Serve(t, func(s gozmq.Registrar) error {
			return greetv1gozmq.RegisterGreeterServer(s, &greeter{})
		}, gozmq.Bind(gozmqtest.Endpoint()), gozmq.WithInterceptors(telemetry))
		conn := gozmqtest.Open(gozmq.Dial(gozmq.Connect(addrs...), gozmq.WithInterceptors(telemetry))).For(t)
		if _, err := greetv1gozmq.NewGreeterClient(conn).SayHello(t.Context(), &greetv1.HelloRequest{Name: "Ada"}); err != nil {
			t.Fatal(err)
		}
	}) // the server has ended its span when it has stopped
	for _, shutdown := range []error{tracers.Shutdown(t.Context()), meters.Shutdown(t.Context())} {
		if shutdown != nil {
			t.Error(shutdown)
		}
	}
	got.mu.Lock()
	defer got.mu.Unlock()
	if len(got.spans) != 2 {
		t.Fatalf("the collector has %d spans, want 2", len(got.spans))
	}
	slices.SortFunc(got.spans, func(a, b *tracepb.Span) int { return int(b.GetKind()) - int(a.GetKind()) })
	out, in := got.spans[0], got.spans[1]
	if out.GetKind() != tracepb.Span_SPAN_KIND_CLIENT || in.GetKind() != tracepb.Span_SPAN_KIND_SERVER {
		t.Errorf("the collector has spans of kinds %v and %v", out.GetKind(), in.GetKind())
	}
	if string(in.GetParentSpanId()) != string(out.GetSpanId()) || string(in.GetTraceId()) != string(out.GetTraceId()) {
		t.Errorf("the server's span is no child of the client's: %v, %v", in, out)
	}
	if name := got.scopes[0].GetName(); name != "github.com/gozmq/gozmq/telemetry/gozmqotel" {
		t.Errorf("got the scope %q", name)
	}
	for _, name := range []string{"rpc.client.call.duration", "rpc.server.call.duration"} {
		if !slices.Contains(got.metrics, name) {
			t.Errorf("the collector has the metrics %v, without %s", got.metrics, name)
		}
	}
}
