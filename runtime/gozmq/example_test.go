package gozmq_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"google.golang.org/protobuf/proto"

	greetv1 "github.com/gozmq/gozmq/example/gen/greet/v1"
	"github.com/gozmq/gozmq/example/gen/greet/v1/greetv1gozmq"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

// greeter implements the service that example/proto/greet/v1/greet.proto
// defines.
type greeter struct {
	greetv1gozmq.UnimplementedGreeterServer
}

func (greeter) SayHello(_ context.Context, req *greetv1.HelloRequest) (*greetv1.HelloReply, error) {
	if req.GetName() == "" {
		return nil, gozmq.Errorf(gozmq.CodeInvalidArgument, "the name is empty")
	}
	return &greetv1.HelloReply{Message: "hello, " + req.GetName()}, nil
}

// serveGreeter serves at an endpoint until stop is called.
func serveGreeter(endpoint string, opts ...gozmq.ServerOption) (stop func()) {
	srv, err := gozmq.NewServer(append(opts, gozmq.Bind(endpoint))...)
	if err != nil {
		panic(err)
	}
	if err := greetv1gozmq.RegisterGreeterServer(srv, greeter{}); err != nil {
		panic(err)
	}
	if err := srv.Listen(); err != nil {
		panic(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- srv.Serve(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			panic(err)
		}
	}
}

// hello makes one call.
func hello(ctx context.Context, c gozmq.Caller, name string, opts ...gozmq.CallOption) (string, error) {
	reply, err := greetv1gozmq.NewGreeterClient(c).SayHello(ctx, &greetv1.HelloRequest{Name: name}, opts...)
	return reply.GetMessage(), err
}

// withoutTime is for loggers whose output an example shows.
var withoutTime = &slog.HandlerOptions{
	ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	},
}

func ExampleDial() {
	stop := serveGreeter("inproc://example-dial")
	defer stop()

	conn, err := gozmq.Dial(gozmq.Connect("inproc://example-dial"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()

	client := greetv1gozmq.NewGreeterClient(conn)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	reply, err := client.SayHello(ctx, &greetv1.HelloRequest{Name: "Ada"})
	fmt.Println(reply.GetMessage(), err)
	_, err = client.SayHello(ctx, &greetv1.HelloRequest{})
	fmt.Println(err)
	fmt.Println(gozmq.CodeOf(err) == gozmq.CodeInvalidArgument)
	// Output:
	// hello, Ada <nil>
	// invalid_argument: the name is empty
	// true
}

func ExampleErrorf() {
	err := gozmq.Errorf(gozmq.CodeNotFound, "read station %q: %w", "ams", io.ErrUnexpectedEOF)
	fmt.Println(err)
	fmt.Println(gozmq.CodeOf(fmt.Errorf("forecast: %w", err)))
	fmt.Println(errors.Is(err, io.ErrUnexpectedEOF)) // on this side of the wire
	// Output:
	// not_found: read station "ams": unexpected EOF
	// not_found
	// true
}

func ExampleWithInterceptors() {
	logger := slog.New(slog.NewTextHandler(os.Stdout, withoutTime))
	logging := func(ctx context.Context, call *gozmq.CallInfo, req proto.Message, next gozmq.Next) (proto.Message, error) {
		reply, err := next(ctx, req)
		if err != nil {
			logger.WarnContext(ctx, "call", "method", call.Method.Procedure, "code", gozmq.CodeOf(err).String(), "error", err)
		} else {
			logger.InfoContext(ctx, "call", "method", call.Method.Procedure)
		}
		return reply, err
	}

	stop := serveGreeter("inproc://example-interceptors", gozmq.WithInterceptors(logging))
	defer stop()
	conn, err := gozmq.Dial(gozmq.Connect("inproc://example-interceptors"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	_, _ = hello(context.Background(), conn, "Ada")
	_, _ = hello(context.Background(), conn, "")
	// Output:
	// level=INFO msg=call method=greet.v1.Greeter/SayHello
	// level=WARN msg=call method=greet.v1.Greeter/SayHello code=invalid_argument error="invalid_argument: the name is empty"
}

// The first of two servers has stopped working. After 20 ms the call is made
// again, on the other one, and its reply counts.
func ExampleWithHedging() {
	release := make(chan struct{})
	hang := func(ctx context.Context, _ *gozmq.CallInfo, req proto.Message, next gozmq.Next) (proto.Message, error) {
		<-release
		return next(ctx, req)
	}
	stopSlow := serveGreeter("inproc://example-hedging-slow", gozmq.WithInterceptors(hang))
	defer stopSlow()
	defer close(release)

	conn, err := gozmq.Dial(gozmq.Connect("inproc://example-hedging-slow", "inproc://example-hedging"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	stop := serveGreeter("inproc://example-hedging")
	defer stop()

	client := greetv1gozmq.NewGreeterClient(conn)
	ctx := context.Background()
	if err := conn.WaitForServers(ctx, 2); err != nil {
		fmt.Println(err)
	}
	for range 2 { // one of them begins at the server that hangs
		reply, err := client.SayHello(ctx, &greetv1.HelloRequest{Name: "Ada"}, gozmq.WithHedging(2, 20*time.Millisecond))
		fmt.Println(reply.GetMessage(), err)
	}
	// Output:
	// hello, Ada <nil>
	// hello, Ada <nil>
}

// What happens to a server's connections goes to a log.
func ExampleLogEvents() {
	logger := slog.New(slog.NewTextHandler(os.Stdout, withoutTime))
	srv, err := gozmq.NewServer(gozmq.Bind("inproc://example-log"), gozmq.WithEventHandler(gozmq.LogEvents(logger)))
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := greetv1gozmq.RegisterGreeterServer(srv, greeter{}); err != nil {
		fmt.Println(err)
	}
	if err := srv.Listen(); err != nil {
		fmt.Println(err)
	}
	if err := srv.Close(); err != nil { // waits until the events have been handled
		fmt.Println(err)
	}
	// Output:
	// level=INFO msg="zeromq listening" socket=ROUTER endpoint=inproc://example-log
}
