package test

import (
	"context"
	"slices"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/protobuf/proto"

	greetv1 "github.com/gozmq/gozmq/example/gen/greet/v1"
	"github.com/gozmq/gozmq/example/gen/greet/v1/greetv1gozmq"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqtest"
	"github.com/gozmq/gozmq/telemetry/gozmqotel"
)

const sayHello = greetv1gozmq.GreeterSayHelloProcedure

// A greeter greets, fails with the code that is its caller's name, or panics.
type greeter struct {
	greetv1gozmq.UnimplementedGreeterServer

	seen func(ctx context.Context)
}

func (g *greeter) SayHello(ctx context.Context, req *greetv1.HelloRequest) (*greetv1.HelloReply, error) {
	if g.seen != nil {
		g.seen(ctx)
	}
	for code := gozmq.CodeCanceled; code <= gozmq.CodeUnauthenticated; code++ {
		if req.GetName() == code.String() {
			return nil, gozmq.Errorf(code, "as asked")
		}
	}
	switch req.GetName() {
	case "panic":
		panic("as asked")
	case "strange":
		return nil, gozmq.Errorf(99, "a code that nobody knows")
	}
	return &greetv1.HelloReply{Message: "hello, " + req.GetName()}, nil
}

// serve starts a greeter, and returns a client that is recorded as it is.
func serve(t *testing.T, g *greeter, r *recorder) greetv1gozmq.GreeterClient {
	t.Helper()
	addrs := gozmqtest.Serve(t, func(s gozmq.Registrar) error {
		return greetv1gozmq.RegisterGreeterServer(s, g)
	}, gozmq.Bind("tcp://127.0.0.1:*"), r.option())
	conn := gozmqtest.Open(gozmq.Dial(gozmq.Connect(addrs...), r.option())).For(t)
	return greetv1gozmq.NewGreeterClient(conn)
}

func TestCall(t *testing.T) {
	var inHandler trace.SpanContext
	var carried string
	r := newRecorder(t)
	client := serve(t, &greeter{seen: func(ctx context.Context) {
		inHandler = trace.SpanContextFromContext(ctx)
		carried = baggage.FromContext(ctx).Member("tenant").Value()
	}}, r)
	ctx, root := r.tracers.Tracer("test").Start(t.Context(), "root")
	tenant, err := baggage.Parse("tenant=ours")
	if err != nil {
		t.Fatal(err)
	}
	ctx = baggage.ContextWithBaggage(ctx, tenant)
	if _, err := client.SayHello(ctx, &greetv1.HelloRequest{Name: "Ada"}); err != nil {
		t.Fatal(err)
	}
	root.End()
	spans := r.wait(t, 3)
	out, in := find(t, spans, sayHello, trace.SpanKindClient), find(t, spans, sayHello, trace.SpanKindServer)
	if got, want := tree(spans), "root (internal)\n  "+sayHello+" (client)\n    "+sayHello+" (server)\n"; got != want {
		t.Errorf("got the tree\n%swant\n%s", got, want)
	}
	if !inHandler.Equal(in.SpanContext) || !in.Parent.IsRemote() {
		t.Errorf("the handler has span %v, want %v, a child of a remote one", inHandler, in.SpanContext)
	}
	if carried != "ours" {
		t.Errorf("the handler has tenant %q in its baggage", carried)
	}
	common := map[string]string{
		"rpc.system.name": "gozmq", "rpc.method": sayHello, "rpc.response.status_code": "OK", "error.type": "",
	}
	wantAttributes(t, "client", attributesOf(out), common)
	wantAttributes(t, "server", attributesOf(in), common)
	wantAttributes(t, "server", attributesOf(in), map[string]string{"network.peer.address": "127.0.0.1", "network.transport": "tcp"})
	if attributesOf(in)["network.peer.port"] == "" {
		t.Error("the server's span has no port of its peer")
	}
	scope := in.InstrumentationScope
	if scope.Name != "github.com/gozmq/gozmq/telemetry/gozmqotel" || scope.Version != gozmq.Version || scope.SchemaURL == "" {
		t.Errorf("got the scope %+v", scope)
	}
}

func TestCallWithoutParent(t *testing.T) {
	r := newRecorder(t)
	if _, err := serve(t, &greeter{}, r).SayHello(t.Context(), &greetv1.HelloRequest{Name: "Ada"}); err != nil {
		t.Fatal(err)
	}
	if got, want := tree(r.wait(t, 2)), sayHello+" (client)\n  "+sayHello+" (server)\n"; got != want {
		t.Errorf("got the tree\n%swant\n%s", got, want)
	}
}

func TestCallErrors(t *testing.T) {
	for name, want := range map[string]struct {
		status, client, server string // of error.type
	}{
		"invalid_argument":  {"INVALID_ARGUMENT", "INVALID_ARGUMENT", ""},
		"not_found":         {"NOT_FOUND", "NOT_FOUND", ""},
		"canceled":          {"CANCELLED", "CANCELLED", ""},
		"permission_denied": {"PERMISSION_DENIED", "PERMISSION_DENIED", ""},
		"unknown":           {"UNKNOWN", "UNKNOWN", "UNKNOWN"},
		"deadline_exceeded": {"DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED"},
		"unimplemented":     {"UNIMPLEMENTED", "UNIMPLEMENTED", "UNIMPLEMENTED"},
		"data_loss":         {"DATA_LOSS", "DATA_LOSS", "DATA_LOSS"},
		"panic":             {"INTERNAL", "INTERNAL", "panic"},
		"strange":           {"UNKNOWN", "UNKNOWN", "UNKNOWN"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRecorder(t)
			client := serve(t, &greeter{}, r)
			if _, err := client.SayHello(t.Context(), &greetv1.HelloRequest{Name: name}); err == nil {
				t.Fatal("the call did not fail")
			}
			spans := r.wait(t, 2)
			out, in := find(t, spans, sayHello, trace.SpanKindClient), find(t, spans, sayHello, trace.SpanKindServer)
			wantAttributes(t, "client", attributesOf(out), map[string]string{"rpc.response.status_code": want.status, "error.type": want.client})
			wantAttributes(t, "server", attributesOf(in), map[string]string{"rpc.response.status_code": want.status, "error.type": want.server})
			if out.Status.Code != codes.Error || out.Status.Description == "" {
				t.Errorf("the client's status is %+v", out.Status)
			}
			if wrong := want.server != ""; wrong != (in.Status.Code == codes.Error) {
				t.Errorf("the server's status is %+v", in.Status)
			}
			for side, errorType := range map[string]string{"client": want.client, "server": want.server} {
				points := r.waitMetric(t, "rpc."+side+".call.duration", 1)
				wantAttributes(t, side, points[0].labels, map[string]string{
					"rpc.system.name": "gozmq", "rpc.method": sayHello, "rpc.response.status_code": want.status, "error.type": errorType,
				})
			}
		})
	}
}

// The buckets are those that the conventions advise.
func TestBuckets(t *testing.T) {
	r := newRecorder(t)
	if _, err := serve(t, &greeter{}, r).SayHello(t.Context(), &greetv1.HelloRequest{Name: "Ada"}); err != nil {
		t.Fatal(err)
	}
	advised := []float64{.005, .01, .025, .05, .075, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10}
	for _, name := range []string{"rpc.client.call.duration", "rpc.server.call.duration"} {
		if got := r.waitMetric(t, name, 1)[0].bounds; !slices.Equal(got, advised) {
			t.Errorf("%s has the bounds %v, want %v", name, got, advised)
		}
		if unit := r.metrics(t)[name].Unit; unit != "s" {
			t.Errorf("%s is in %q, want s", name, unit)
		}
	}
}

func TestOptions(t *testing.T) {
	t.Run("filter", func(t *testing.T) {
		r := newRecorder(t, gozmqotel.WithFilter(func(call *gozmq.CallInfo) bool { return call.Operation == gozmq.OperationServe }))
		if _, err := serve(t, &greeter{}, r).SayHello(t.Context(), &greetv1.HelloRequest{Name: "Ada"}); err != nil {
			t.Fatal(err)
		}
		if s := r.wait(t, 1)[0]; s.SpanKind != trace.SpanKindServer || s.Parent.IsValid() {
			t.Errorf("got a span of kind %v below %v", s.SpanKind, s.Parent)
		}
	})
	t.Run("attributes", func(t *testing.T) {
		r := newRecorder(t, gozmqotel.WithAttributes(attribute.String("server.address", "orders")))
		if _, err := serve(t, &greeter{}, r).SayHello(t.Context(), &greetv1.HelloRequest{Name: "Ada"}); err != nil {
			t.Fatal(err)
		}
		want := map[string]string{"server.address": "orders"}
		wantAttributes(t, "client", attributesOf(find(t, r.wait(t, 2), sayHello, trace.SpanKindClient)), want)
		wantAttributes(t, "metric", r.waitMetric(t, "rpc.client.call.duration", 1)[0].labels, want)
	})
	t.Run("without remote parents", func(t *testing.T) {
		r := newRecorder(t, gozmqotel.WithoutRemoteParents())
		if _, err := serve(t, &greeter{}, r).SayHello(t.Context(), &greetv1.HelloRequest{Name: "Ada"}); err != nil {
			t.Fatal(err)
		}
		spans := r.wait(t, 2)
		out, in := find(t, spans, sayHello, trace.SpanKindClient), find(t, spans, sayHello, trace.SpanKindServer)
		if in.Parent.IsValid() || in.SpanContext.TraceID() == out.SpanContext.TraceID() {
			t.Errorf("the server's span is below %v", in.Parent)
		}
		if len(in.Links) != 1 || !in.Links[0].SpanContext.Equal(out.SpanContext.WithRemote(true)) {
			t.Errorf("the server's span has links %v, want one to %v", in.Links, out.SpanContext)
		}
	})
}

// A retry belongs to the client's one span, and each attempt has one at either end.
func TestRetries(t *testing.T) {
	r := newRecorder(t)
	left := 2
	fail := func(ctx context.Context, call *gozmq.CallInfo, req proto.Message, next gozmq.Next) (proto.Message, error) {
		if left--; left >= 0 {
			return nil, gozmq.Errorf(gozmq.CodeUnavailable, "not yet")
		}
		return next(ctx, req)
	}
	addrs := gozmqtest.Serve(t, func(s gozmq.Registrar) error {
		return greetv1gozmq.RegisterGreeterServer(s, &greeter{})
	}, gozmq.Bind(gozmqtest.Endpoint()), gozmq.WithInterceptors(r.Interceptor, fail))
	conn := gozmqtest.Open(gozmq.Dial(gozmq.Connect(addrs...), r.option())).For(t)
	if _, err := greetv1gozmq.NewGreeterClient(conn).SayHello(t.Context(), &greetv1.HelloRequest{Name: "Ada"}); err != nil {
		t.Fatal(err)
	}
	attempt := "  attempt " + sayHello + " (internal)\n  " + sayHello + " (server)\n"
	if got, want := tree(r.wait(t, 7)), sayHello+" (client)\n"+attempt+attempt+attempt; got != want {
		t.Errorf("got the tree\n%swant\n%s", got, want)
	}
}
