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
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/runtime/gozmq"
)

// What follows up to the first example is what protoc-gen-gozmq generates for
// a service Greeter with one method, and for a PUB/SUB service Feed.

var helloMethod = gozmq.Method{Procedure: "greet.v1.Greeter/Hello", Idempotency: gozmq.IdempotencyNoSideEffects, MaxAttempts: 3}

type greeter struct{}

func (greeter) Hello(_ context.Context, name *wrapperspb.StringValue) (*wrapperspb.StringValue, error) {
	if name.GetValue() == "" {
		return nil, gozmq.Errorf(gozmq.CodeInvalidArgument, "the name is empty")
	}
	return wrapperspb.String("hello, " + name.GetValue()), nil
}

func registerGreeter(r gozmq.Registrar, impl greeter) error {
	return gozmq.Register(r, "greet.v1.Greeter", nil, func() []gozmq.Handler {
		return []gozmq.Handler{gozmq.Handle(&helloMethod, impl.Hello)}
	})
}

func hello(ctx context.Context, c gozmq.Caller, name string) (string, error) {
	reply, err := gozmq.Call[wrapperspb.StringValue](ctx, c, &helloMethod, wrapperspb.String(name))
	return reply.GetValue(), err
}

var tickTopic = gozmq.Topic[*wrapperspb.StringValue]{Name: "clock.v1.Clock/Tick"}

type tickFilter struct{}

func (tickFilter) TopicPattern() (p gozmq.TopicPattern) {
	p.Literal("clock.v1.Clock/Tick")
	return p
}

// serveGreeter serves at an endpoint until stop is called.
func serveGreeter(endpoint string, opts ...gozmq.ServerOption) (stop func()) {
	srv, err := gozmq.NewServer(append(opts, gozmq.Bind(endpoint))...)
	if err != nil {
		panic(err)
	}
	if err := registerGreeter(srv, greeter{}); err != nil {
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

func ExampleDial() {
	stop := serveGreeter("inproc://example-dial")
	defer stop()

	conn, err := gozmq.Dial(gozmq.Connect("inproc://example-dial"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()

	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	fmt.Println(hello(ctx, conn, "Ada"))
	_, err = hello(ctx, conn, "")
	fmt.Println(err)
	fmt.Println(gozmq.CodeOf(err) == gozmq.CodeInvalidArgument)
	// Output:
	// hello, Ada <nil>
	// invalid_argument: the name is empty
	// true
}

func ExampleServer() {
	srv, err := gozmq.NewServer(gozmq.Bind("tcp://127.0.0.1:*"), gozmq.WithConcurrency(100))
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := registerGreeter(srv, greeter{}); err != nil {
		fmt.Println(err)
		return
	}
	// Listen is needed only to learn which port was chosen: Serve listens, too.
	if err := srv.Listen(); err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	served := make(chan error)
	go func() { served <- srv.Serve(ctx) }()

	conn, err := gozmq.Dial(gozmq.Connect(srv.Addrs()...))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(hello(ctx, conn, "Grace"))
	conn.Close()

	stop() // Serve lets the calls that run finish, and returns
	fmt.Println(<-served)
	// Output:
	// hello, Grace <nil>
	// <nil>
}

func ExampleNewPublisher() {
	pub, err := gozmq.NewPublisher(gozmq.Bind("tcp://127.0.0.1:*"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pub.Close()
	sub, err := gozmq.NewSubscriber(gozmq.Connect(pub.Addrs()...))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer sub.Close()

	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	go func() {
		// Who subscribes later has missed what was published before.
		if err := pub.WaitForSubscribers(ctx, tickTopic.Name, 1); err != nil {
			fmt.Println(err)
		}
		for _, tick := range []string{"one", "two", "three"} {
			if err := gozmq.Publish(ctx, pub, &tickTopic, wrapperspb.String(tick)); err != nil {
				fmt.Println(err)
			}
		}
	}()

	n := 0
	for tick, err := range gozmq.Subscribe[wrapperspb.StringValue](ctx, sub, []tickFilter{}) {
		if err != nil { // one message could not be decoded; the next may
			fmt.Println(err)
			continue
		}
		fmt.Println(tick.GetValue())
		if n++; n == 3 {
			break
		}
	}
	// Output:
	// one
	// two
	// three
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
	handler := slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey { // for the sake of the example's output
				return slog.Attr{}
			}
			return a
		},
	})
	logger := slog.New(handler)
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
	// level=INFO msg=call method=greet.v1.Greeter/Hello
	// level=WARN msg=call method=greet.v1.Greeter/Hello code=invalid_argument error="invalid_argument: the name is empty"
}
