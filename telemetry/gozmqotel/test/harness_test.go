package test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/telemetry/gozmqotel"
)

// A recorder keeps what an interceptor records.
type recorder struct {
	gozmq.Interceptor

	tracers *sdktrace.TracerProvider
	spans   *tracetest.InMemoryExporter
	reader  *sdkmetric.ManualReader
}

func newRecorder(t testing.TB, opts ...gozmqotel.Option) *recorder {
	t.Helper()
	r := &recorder{spans: tracetest.NewInMemoryExporter(), reader: sdkmetric.NewManualReader()}
	r.tracers = sdktrace.NewTracerProvider(sdktrace.WithSyncer(r.spans))
	meters := sdkmetric.NewMeterProvider(sdkmetric.WithReader(r.reader))
	t.Cleanup(func() {
		_ = r.tracers.Shutdown(context.Background())
		_ = meters.Shutdown(context.Background())
	})
	var err error
	r.Interceptor, err = gozmqotel.New(slices.Concat([]gozmqotel.Option{
		gozmqotel.WithTracerProvider(r.tracers), gozmqotel.WithMeterProvider(meters),
		gozmqotel.WithPropagator(propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{})),
	}, opts)...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// option is for any role.
func (r *recorder) option() gozmq.EndOption { return gozmq.WithInterceptors(r.Interceptor) }

// wait waits until n spans have ended, and returns them.
func (r *recorder) wait(t testing.TB, n int) tracetest.SpanStubs {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		spans := r.spans.GetSpans()
		if len(spans) == n {
			return spans
		}
		if len(spans) > n || time.Now().After(end) {
			t.Fatalf("got %d spans, want %d:\n%s", len(spans), n, tree(spans))
		}
	}
}

// find returns the only span of a name and a kind.
func find(t testing.TB, spans tracetest.SpanStubs, name string, kind trace.SpanKind) tracetest.SpanStub {
	t.Helper()
	var found tracetest.SpanStubs
	for _, s := range spans {
		if s.Name == name && s.SpanKind == kind {
			found = append(found, s)
		}
	}
	if len(found) != 1 {
		t.Fatalf("got %d spans %q of kind %v, want 1:\n%s", len(found), name, kind, tree(spans))
	}
	return found[0]
}

// attributesOf returns a span's attributes as text.
func attributesOf(s tracetest.SpanStub) map[string]string {
	return texts(attribute.NewSet(s.Attributes...))
}

func texts(set attribute.Set) map[string]string {
	out := make(map[string]string)
	for _, a := range set.ToSlice() {
		out[string(a.Key)] = a.Value.String()
	}
	return out
}

// wantAttributes fails unless got has all of want, and none of the keys whose
// wanted value is "".
func wantAttributes(t testing.TB, of string, got, want map[string]string) {
	t.Helper()
	for key, value := range want {
		if got[key] != value {
			t.Errorf("%s: attribute %s is %q, want %q", of, key, got[key], value)
		}
	}
}

// tree prints spans as trees of parents and children, siblings in the order in
// which they began.
func tree(spans tracetest.SpanStubs) string {
	slices.SortStableFunc(spans, func(a, b tracetest.SpanStub) int { return a.StartTime.Compare(b.StartTime) })
	known := make(map[trace.SpanID]bool)
	for _, s := range spans {
		known[s.SpanContext.SpanID()] = true
	}
	var out strings.Builder
	var print func(parent trace.SpanID, indent string)
	print = func(parent trace.SpanID, indent string) {
		for _, s := range spans {
			if above := s.Parent.SpanID(); above == parent || parent == (trace.SpanID{}) && !known[above] {
				fmt.Fprintf(&out, "%s%s (%v)\n", indent, s.Name, s.SpanKind)
				print(s.SpanContext.SpanID(), indent+"  ")
			}
		}
	}
	print(trace.SpanID{}, "")
	return out.String()
}

// metrics returns what was measured so far, by name.
func (r *recorder) metrics(t testing.TB) map[string]metricdata.Metrics {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := r.reader.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	byName := make(map[string]metricdata.Metrics)
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			byName[m.Name] = m
		}
	}
	return byName
}

// A point is what was measured for one label set.
type point struct {
	labels map[string]string
	count  uint64
	bounds []float64
}

// pointsOf returns the label sets of a metric.
func pointsOf(t testing.TB, m metricdata.Metrics) (points []point) {
	t.Helper()
	switch data := m.Data.(type) {
	case metricdata.Histogram[float64]:
		for _, p := range data.DataPoints {
			points = append(points, point{texts(p.Attributes), p.Count, p.Bounds})
		}
	case metricdata.Sum[int64]:
		for _, p := range data.DataPoints {
			points = append(points, point{texts(p.Attributes), uint64(p.Value), nil})
		}
	default:
		t.Fatalf("metric %q is a %T", m.Name, m.Data)
	}
	return points
}

// waitMetric waits until a metric has counted n in all, and returns its label sets:
// a measurement follows the end of its span.
func (r *recorder) waitMetric(t testing.TB, name string, n uint64) []point {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		var points []point
		var sum uint64
		if m, ok := r.metrics(t)[name]; ok {
			points = pointsOf(t, m)
		}
		for _, p := range points {
			sum += p.count
		}
		if sum == n {
			return points
		}
		if sum > n || time.Now().After(end) {
			t.Fatalf("%s counts %d, want %d: %v", name, sum, n, points)
		}
	}
}

// within calls failed when ok does not become true in time.
func within(t testing.TB, ok func() bool, failed func()) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			failed()
			return
		}
	}
}
