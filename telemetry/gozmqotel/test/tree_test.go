package test

import (
	"context"
	"testing"

	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	greetv1 "github.com/gozmq/gozmq/example/gen/greet/v1"
	"github.com/gozmq/gozmq/example/gen/greet/v1/greetv1gozmq"
	imagev1 "github.com/gozmq/gozmq/example/gen/image/v1"
	"github.com/gozmq/gozmq/example/gen/image/v1/imagev1gozmq"
	weatherv1 "github.com/gozmq/gozmq/example/gen/weather/v1"
	"github.com/gozmq/gozmq/example/gen/weather/v1/weatherv1gozmq"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqtest"
)

// An office takes orders by calls: it pushes a task for each.
type office struct {
	greetv1gozmq.UnimplementedGreeterServer

	tasks imagev1gozmq.PrintsVentilator
}

func (o *office) SayHello(ctx context.Context, req *greetv1.HelloRequest) (*greetv1.HelloReply, error) {
	return &greetv1.HelloReply{}, o.tasks.Render(ctx, &imagev1.RenderTask{Name: req.GetName()})
}

// A call that pushes a task, of which one attempt fails, and whose result is
// published, is one tree from its caller to the subscriber.
func TestOneTree(t *testing.T) {
	r := newRecorder(t)
	worker := new(printer)
	worker.fails.Store(1)
	p := openPipeline(t, r, worker)
	pub, sub := openFeed(t, r)
	readings := subscribe(t, sub)
	gozmqtest.Run(t, func(ctx context.Context) error { // publishes each result
		var info gozmq.TaskInfo
		feed := weatherv1gozmq.NewFeedPublisher(pub)
		for result, err := range p.prints.Render(gozmq.StoreInfo(ctx, &info)) {
			if err != nil {
				return err
			}
			if err := feed.Temperature(info.Context(), &weatherv1.Reading{Station: result.GetName()}); err != nil {
				return err
			}
		}
		return nil
	})
	addrs := gozmqtest.Serve(t, func(s gozmq.Registrar) error {
		return greetv1gozmq.RegisterGreeterServer(s, &office{tasks: p.tasks})
	}, gozmq.Bind(gozmqtest.Endpoint()), r.option())
	conn := gozmqtest.Open(gozmq.Dial(gozmq.Connect(addrs...), r.option())).For(t)

	ctx, root := r.tracers.Tracer("test").Start(t.Context(), "order")
	if _, err := greetv1gozmq.NewGreeterClient(conn).SayHello(ctx, &greetv1.HelloRequest{Name: "cat"}); err != nil {
		t.Fatal(err)
	}
	root.End()
	for _, err := range readings.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		break
	}
	if err := p.vent.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	spans := r.wait(t, 12)
	got := tree(spans)
	t.Logf("the tree:\n%s", got)
	want := `order (internal)
  greet.v1.Greeter/SayHello (client)
    greet.v1.Greeter/SayHello (server)
      push image.v1.Prints/Render (producer)
        run image.v1.Prints/Render (consumer)
          nack image.v1.Prints/Render (client)
        run image.v1.Prints/Render (consumer)
          ack image.v1.Prints/Render (client)
          collect image.v1.Prints/Render (consumer)
            publish weather/{station}/temperature (producer)
              process weather/{station}/temperature (consumer)
            ack image.v1.Prints/Render (client)
`
	if got != want {
		t.Errorf("want the tree\n%s", want)
	}
	if traces := tracesOf(spans); len(traces) != 1 {
		t.Errorf("the spans are of %d traces, want 1", len(traces))
	}
}

// tracesOf returns the traces to which spans belong.
func tracesOf(spans tracetest.SpanStubs) map[trace.TraceID]bool {
	traces := make(map[trace.TraceID]bool)
	for _, s := range spans {
		traces[s.SpanContext.TraceID()] = true
	}
	return traces
}
