package gozmqtest_test

import (
	"context"
	"errors"
	"fmt"

	greetv1 "github.com/gozmq/gozmq/example/gen/greet/v1"
	"github.com/gozmq/gozmq/example/gen/greet/v1/greetv1gozmq"
	imagev1 "github.com/gozmq/gozmq/example/gen/image/v1"
	"github.com/gozmq/gozmq/example/gen/image/v1/imagev1gozmq"
	weatherv1 "github.com/gozmq/gozmq/example/gen/weather/v1"
	"github.com/gozmq/gozmq/example/gen/weather/v1/weatherv1gozmq"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqtest"
)

// An exampleTest stands for the *testing.T that a test has and an example has
// not.
type exampleTest struct{ cleanups []func() }

func (t *exampleTest) Helper()                           {}
func (t *exampleTest) Errorf(format string, args ...any) { fmt.Printf(format+"\n", args...) }
func (t *exampleTest) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
func (t *exampleTest) Cleanup(f func())                  { t.cleanups = append(t.cleanups, f) }

func (t *exampleTest) end() {
	for len(t.cleanups) > 0 {
		last := len(t.cleanups) - 1
		f := t.cleanups[last]
		t.cleanups = t.cleanups[:last]
		f()
	}
}

type greeter struct {
	greetv1gozmq.UnimplementedGreeterServer
}

func (greeter) SayHello(_ context.Context, req *greetv1.HelloRequest) (*greetv1.HelloReply, error) {
	return &greetv1.HelloReply{Message: "Hello, " + req.GetName() + "!"}, nil
}

func registerGreeter(r gozmq.Registrar) error {
	return greetv1gozmq.RegisterGreeterServer(r, greeter{})
}

func ExampleNewConn() {
	t := new(exampleTest) // in a test: t *testing.T
	defer t.end()
	client := greetv1gozmq.NewGreeterClient(gozmqtest.NewConn(t, registerGreeter))
	reply, err := client.SayHello(context.Background(), &greetv1.HelloRequest{Name: "Ada"})
	fmt.Println(reply.GetMessage(), err)
	// Output: Hello, Ada! <nil>
}

func ExampleFaults() {
	t := new(exampleTest) // in a test: t *testing.T
	defer t.end()
	faults := &gozmqtest.Faults{Caller: gozmqtest.NewConn(t, registerGreeter)}
	client := greetv1gozmq.NewGreeterClient(faults)
	ctx := context.Background()

	faults.Fail(greetv1gozmq.GreeterSayHelloProcedure, gozmq.Errorf(gozmq.CodeUnavailable, "the server is being updated"))
	_, err := client.SayHello(ctx, &greetv1.HelloRequest{Name: "Ada"})
	fmt.Println(err)

	faults.Fail(greetv1gozmq.GreeterSayHelloProcedure, nil)
	reply, err := client.SayHello(ctx, &greetv1.HelloRequest{Name: "Ada"})
	fmt.Println(reply.GetMessage(), err)
	fmt.Println(faults.Calls(greetv1gozmq.GreeterSayHelloProcedure), "calls")
	// Output:
	// unavailable: the server is being updated
	// Hello, Ada! <nil>
	// 2 calls
}

// The same faults on the server's side, where a delay meets the caller's
// timeout.
func ExampleFaults_Intercept() {
	t := new(exampleTest) // in a test: t *testing.T
	defer t.end()
	var faults gozmqtest.Faults
	addrs := gozmqtest.Serve(t, registerGreeter, gozmq.Bind(gozmqtest.Endpoint()), gozmq.WithInterceptors(faults.Intercept))
	client := greetv1gozmq.NewGreeterClient(gozmqtest.Open(gozmq.Dial(gozmq.Connect(addrs...))).For(t))

	faults.Delay("", 1<<40) // every method
	_, err := client.SayHello(context.Background(), &greetv1.HelloRequest{Name: "Ada"}, gozmq.WithTimeout(1))
	fmt.Println(gozmq.CodeOf(err), errors.Is(err, context.DeadlineExceeded))
	// Output: deadline_exceeded true
}

// A connection that breaks fails the calls in flight; the next one takes
// another connection.
func ExampleProxy() {
	t := new(exampleTest) // in a test: t *testing.T
	defer t.end()
	addrs := gozmqtest.Serve(t, registerGreeter, gozmq.Bind("tcp://127.0.0.1:*"))
	proxy := gozmqtest.NewProxy(t, addrs[0])
	conn := gozmqtest.Open(gozmq.Dial(gozmq.Connect(proxy.Endpoint()))).For(t)

	// Not through the generated client, which tries an idempotent method again.
	sayHello := func() error {
		m := &gozmq.Method{Procedure: greetv1gozmq.GreeterSayHelloProcedure}
		return conn.Call(context.Background(), m, &greetv1.HelloRequest{Name: "Ada"}, new(greetv1.HelloReply))
	}
	fmt.Println("before:", sayHello())
	cut := proxy.Cut(gozmqtest.ToClient, 3) // in the middle of the reply
	fmt.Println("cut:", gozmq.CodeOf(sayHello()))
	<-cut
	fmt.Println("after:", sayHello())
	fmt.Println(proxy.Connections(), "connections")
	// Output:
	// before: <nil>
	// cut: unavailable
	// after: <nil>
	// 2 connections
}

// Publishers and subscribers, and every other end, meet at an Endpoint.
func ExampleOpen() {
	t := new(exampleTest) // in a test: t *testing.T
	defer t.end()
	ctx, endpoint := context.Background(), gozmqtest.Endpoint()
	pub := gozmqtest.Open(gozmq.NewPublisher(gozmq.Bind(endpoint))).For(t)
	sub := gozmqtest.Open(gozmq.NewSubscriber(gozmq.Connect(endpoint))).For(t)

	reading := &weatherv1.Reading{Station: "ams", Celsius: 21.5}
	gozmqtest.Run(t, func(ctx context.Context) error {
		if err := pub.WaitForSubscribers(ctx, weatherv1gozmq.FeedTemperatureTopic(reading), 1); err != nil {
			return err
		}
		return weatherv1gozmq.NewFeedPublisher(pub).Temperature(ctx, reading)
	})
	for reading, err := range weatherv1gozmq.NewFeedSubscriber(sub).Temperature(ctx) {
		fmt.Println(reading.GetStation(), reading.GetCelsius(), err)
		break
	}
	// Output: ams 21.5 <nil>
}

type renderer struct {
	imagev1gozmq.UnimplementedThumbnailsWorker
}

func (renderer) Render(_ context.Context, task *imagev1.RenderTask) (*imagev1.RenderResult, error) {
	return &imagev1.RenderResult{Name: "small " + task.GetName()}, nil
}

// A worker between a ventilator and a sink.
func ExampleRun() {
	t := new(exampleTest) // in a test: t *testing.T
	defer t.end()
	ctx, tasks, results := context.Background(), gozmqtest.Endpoint(), gozmqtest.Endpoint()
	vent, err := imagev1gozmq.NewThumbnailsVentilator(gozmqtest.Open(gozmq.NewVentilator(gozmq.Bind(tasks))).For(t))
	if err != nil {
		fmt.Println(err)
	}
	sink, err := imagev1gozmq.NewThumbnailsSink(gozmqtest.Open(gozmq.NewSink(gozmq.Bind(results))).For(t))
	if err != nil {
		fmt.Println(err)
	}
	gozmqtest.Run(t, func(ctx context.Context) error {
		return imagev1gozmq.RunThumbnailsWorker(ctx, renderer{}, gozmq.From(gozmq.Connect(tasks)), gozmq.To(gozmq.Connect(results)))
	})
	if err := vent.Render(ctx, &imagev1.RenderTask{Name: "picture"}); err != nil {
		fmt.Println(err)
	}
	for result, err := range sink.Render(ctx) {
		fmt.Println(result.GetName(), err)
		break
	}
	// Output: small picture <nil>
}

// A generated client is tested without a server, too.
func ExampleFaults_noCaller() {
	var faults gozmqtest.Faults
	faults.Fail("", gozmq.Errorf(gozmq.CodeNotFound, "no such thing"))
	_, err := greetv1gozmq.NewGreeterClient(&faults).SayHello(context.Background(), &greetv1.HelloRequest{Name: "Ada"})
	fmt.Println(err)
	// Output: not_found: no such thing
}
