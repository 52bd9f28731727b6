package test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	greetv1 "github.com/gozmq/gozmq/example/gen/greet/v1"
	"github.com/gozmq/gozmq/example/gen/greet/v1/greetv1gozmq"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqtest"
)

// hostPort returns the two of an endpoint.
func hostPort(t *testing.T, endpoint string) (host, port string) {
	t.Helper()
	host, port, err := net.SplitHostPort(strings.TrimPrefix(endpoint, "tcp://"))
	if err != nil {
		t.Fatal(err)
	}
	return host, port
}

// TestServerOfCall: the client's span names the server, and no metric does.
func TestServerOfCall(t *testing.T) {
	r := newRecorder(t)
	addrs := gozmqtest.Serve(t, func(s gozmq.Registrar) error { return greetv1gozmq.RegisterGreeterServer(s, &greeter{}) }, gozmq.Bind("tcp://127.0.0.1:*"))
	_, port := hostPort(t, addrs[0])
	for host, want := range map[string]string{"localhost": "localhost", "127.0.0.1": "127.0.0.1"} {
		conn := gozmqtest.Open(gozmq.Dial(gozmq.Connect("tcp://"+net.JoinHostPort(host, port)), r.option())).For(t)
		r.spans.Reset()
		if _, err := greetv1gozmq.NewGreeterClient(conn).SayHello(t.Context(), &greetv1.HelloRequest{Name: "Ada"}); err != nil {
			t.Fatal(err)
		}
		wantAttributes(t, host, attributesOf(r.wait(t, 1)[0]), map[string]string{
			"server.address": want, "server.port": port, "network.peer.address": "127.0.0.1", "network.peer.port": port, "rpc.gozmq.resend_count": "",
		})
	}
	wantAttributes(t, "metric", r.waitMetric(t, "rpc.client.call.duration", 2)[0].labels, map[string]string{"server.address": "", "server.port": ""})
}

// TestServerThatDials: what the client has bound is not the name of a server.
func TestServerThatDials(t *testing.T) {
	r := newRecorder(t)
	conn := gozmqtest.Open(gozmq.Dial(gozmq.Bind("tcp://127.0.0.1:*"), r.option())).For(t)
	gozmqtest.Serve(t, func(s gozmq.Registrar) error { return greetv1gozmq.RegisterGreeterServer(s, &greeter{}) }, gozmq.Connect(conn.Addrs()...))
	if _, err := greetv1gozmq.NewGreeterClient(conn).SayHello(t.Context(), &greetv1.HelloRequest{Name: "Ada"}); err != nil {
		t.Fatal(err)
	}
	wantAttributes(t, "client", attributesOf(r.wait(t, 1)[0]), map[string]string{
		"server.address": "", "server.port": "", "network.peer.address": "127.0.0.1",
	})
}

// TestAttempts: a call that was hedged has a span for each attempt, and says how
// often it was sent again.
func TestAttempts(t *testing.T) {
	r := newRecorder(t)
	var calls atomic.Int32
	addrs := gozmqtest.Serve(t, func(s gozmq.Registrar) error {
		return greetv1gozmq.RegisterGreeterServer(s, &greeter{seen: func(ctx context.Context) {
			if calls.Add(1) <= 2 {
				<-ctx.Done()
			}
		}})
	}, gozmq.Bind("tcp://127.0.0.1:*"))
	conn := gozmqtest.Open(gozmq.Dial(gozmq.Connect(addrs...), r.option())).For(t)
	if _, err := greetv1gozmq.NewGreeterClient(conn).SayHello(t.Context(), &greetv1.HelloRequest{Name: "Ada"}, gozmq.WithHedging(3, 5*time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	spans := r.wait(t, 4)
	call := find(t, spans, sayHello, trace.SpanKindClient)
	host, port := hostPort(t, addrs[0])
	wantAttributes(t, "call", attributesOf(call), map[string]string{"rpc.gozmq.resend_count": "2", "server.address": host, "server.port": port, "rpc.response.status_code": "OK"})
	won := 0 // handlers may run in any order, and the third one answers
	for n, reason := range []string{"first", "hedge", "hedge"} {
		found := false
		for _, s := range spans {
			got := attributesOf(s)
			if got["rpc.gozmq.attempt.number"] != fmt.Sprint(n+1) {
				continue
			}
			found = true
			status := "CANCELLED"
			if s.Status.Code != codes.Error {
				won++
				status = "OK"
			}
			wantAttributes(t, s.Name, got, map[string]string{
				"rpc.gozmq.attempt.reason": reason, "rpc.response.status_code": status, "server.port": port, "rpc.system.name": "gozmq",
			})
			if s.Name != "attempt "+sayHello || s.Parent.SpanID() != call.SpanContext.SpanID() || s.StartTime.Before(call.StartTime) || s.EndTime.After(call.EndTime) {
				t.Errorf("attempt %d is %q from %v to %v, below %v", n+1, s.Name, s.StartTime, s.EndTime, s.Parent.SpanID())
			}
		}
		if !found {
			t.Errorf("no span of attempt %d:\n%s", n+1, tree(spans))
		}
	}
	if won != 1 {
		t.Errorf("%d attempts were ok, want one:\n%s", won, tree(spans))
	}
}
