package test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	prometheusclient "github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel/exporters/prometheus"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"

	greetv1 "github.com/gozmq/gozmq/example/gen/greet/v1"
	"github.com/gozmq/gozmq/example/gen/greet/v1/greetv1gozmq"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqtest"
	"github.com/gozmq/gozmq/telemetry/gozmqotel"
)

// Prometheus scrapes what OpenTelemetry's exporter shows.
func TestPrometheus(t *testing.T) {
	registry := prometheusclient.NewRegistry()
	exporter, err := prometheus.New(prometheus.WithRegisterer(registry))
	if err != nil {
		t.Fatal(err)
	}
	telemetry, err := gozmqotel.New(gozmqotel.WithMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(exporter))))
	if err != nil {
		t.Fatal(err)
	}
	conn := gozmqtest.NewConn(t, func(s gozmq.Registrar) error {
		return greetv1gozmq.RegisterGreeterServer(s, &greeter{})
	}, gozmq.WithInterceptors(telemetry))
	client := greetv1gozmq.NewGreeterClient(conn)
	for range 3 {
		if _, err := client.SayHello(t.Context(), &greetv1.HelloRequest{Name: "Ada"}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := client.SayHello(t.Context(), &greetv1.HelloRequest{Name: "not_found"}); err == nil {
		t.Fatal("the call did not fail")
	}
	text := scrape(t, promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	for _, labels := range [][]string{
		{`rpc_method="` + sayHello + `"`, `rpc_response_status_code="OK"`, `rpc_system_name="gozmq"`, "} 3"},
		{`rpc_method="` + sayHello + `"`, `rpc_response_status_code="NOT_FOUND"`, `error_type="NOT_FOUND"`, "} 1"},
	} {
		if !hasLine(text, "rpc_client_call_duration_seconds_count{", labels) {
			t.Errorf("no line has %q:\n%s", labels, text)
		}
	}
}

// scrape gets the metrics as Prometheus does.
func scrape(t *testing.T, h http.Handler) string {
	t.Helper()
	server := httptest.NewServer(h)
	defer server.Close()
	resp, err := server.Client().Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// hasLine reports whether a line begins with prefix and has all of parts.
func hasLine(text, prefix string, parts []string) bool {
next:
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, prefix) {
			continue
		}
		for _, part := range parts {
			if !strings.Contains(line, part) {
				continue next
			}
		}
		return true
	}
	return false
}
