package gozmqotel_test

import (
	"context"
	"fmt"
	"log"
	"strings"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	greetv1 "github.com/gozmq/gozmq/example/gen/greet/v1"
	"github.com/gozmq/gozmq/example/gen/greet/v1/greetv1gozmq"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/telemetry/gozmqotel"
)

// A greeter says to which trace its call belongs.
type greeter struct {
	greetv1gozmq.UnimplementedGreeterServer
}

func (greeter) SayHello(ctx context.Context, _ *greetv1.HelloRequest) (*greetv1.HelloReply, error) {
	return &greetv1.HelloReply{Message: trace.SpanContextFromContext(ctx).TraceID().String()}, nil
}

// One interceptor is for all roles. A program that has set OpenTelemetry's global
// providers and propagator needs no options.
func ExampleNew() {
	telemetry, err := gozmqotel.New(gozmqotel.WithPropagator(propagation.TraceContext{}))
	if err != nil {
		log.Fatal(err)
	}
	server, err := gozmq.NewServer(gozmq.Bind("inproc://example-otel"), gozmq.WithInterceptors(telemetry))
	if err != nil {
		log.Fatal(err)
	}
	if err := greetv1gozmq.RegisterGreeterServer(server, greeter{}); err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error)
	go func() { served <- server.Serve(ctx) }()

	conn, err := gozmq.Dial(gozmq.Connect("inproc://example-otel"), gozmq.WithInterceptors(telemetry))
	if err != nil {
		log.Fatal(err)
	}
	// In a program, this span is that of a request, or of a job.
	span := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{15: 7}, SpanID: trace.SpanID{7: 1}})
	reply, err := greetv1gozmq.NewGreeterClient(conn).SayHello(trace.ContextWithSpanContext(ctx, span), &greetv1.HelloRequest{Name: "Ada"})
	fmt.Println(reply.GetMessage(), err)

	conn.Close()
	cancel()
	<-served
	// Output: 00000000000000000000000000000007 <nil>
}

// Health checks, which come every few seconds, need no traces.
func ExampleWithFilter() {
	telemetry, err := gozmqotel.New(gozmqotel.WithFilter(func(call *gozmq.CallInfo) bool {
		return !strings.HasPrefix(call.Method.Procedure, "gozmq.v1.Health/")
	}))
	fmt.Println(telemetry != nil, err)
	// Output: true <nil>
}
