package gozmqtap_test

import (
	"context"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	greetv1 "github.com/gozmq/gozmq/example/gen/greet/v1"
	"github.com/gozmq/gozmq/example/gen/greet/v1/greetv1gozmq"
	imagev1 "github.com/gozmq/gozmq/example/gen/image/v1"
	"github.com/gozmq/gozmq/example/gen/image/v1/imagev1gozmq"
	weatherv1 "github.com/gozmq/gozmq/example/gen/weather/v1"
	"github.com/gozmq/gozmq/example/gen/weather/v1/weatherv1gozmq"
	"github.com/gozmq/gozmq/internal/leak"
	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqcurve"
	"github.com/gozmq/gozmq/runtime/gozmqtap"
	"github.com/gozmq/gozmq/runtime/gozmqtest"
)

func TestMain(m *testing.M) { leak.Main(m) }

const anyPort = "tcp://127.0.0.1:0"

// tapped returns an endpoint in front of target, and what passes there.
func tapped(t *testing.T, target string) (string, *testkit.Recorder[*gozmqtap.Event]) {
	t.Helper()
	tap, err := gozmqtap.Listen(anyPort)
	if err != nil {
		t.Fatal(err)
	}
	events := new(testkit.Recorder[*gozmqtap.Event])
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- tap.Serve(ctx, target, events.Record) }()
	t.Cleanup(func() {
		cancel()
		if err := testkit.Receive(t, done, "the tap's end"); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Log("\n" + events.String())
		}
	})
	return tap.Addr(), events
}

// line returns the first event whose line has all of these parts.
func line(t *testing.T, events *testkit.Recorder[*gozmqtap.Event], parts ...string) *gozmqtap.Event {
	t.Helper()
	return events.Wait(t, 0, 1, "event with "+strings.Join(parts, ", "), func(e *gozmqtap.Event) bool {
		for _, p := range parts {
			if !strings.Contains(e.String(), p) {
				return false
			}
		}
		return true
	})[0]
}

type greeter struct {
	greetv1gozmq.UnimplementedGreeterServer
}

func (greeter) SayHello(_ context.Context, req *greetv1.HelloRequest) (*greetv1.HelloReply, error) {
	if req.GetName() == "" {
		return nil, gozmq.Errorf(gozmq.CodeInvalidArgument, "name must not be empty")
	}
	return &greetv1.HelloReply{Message: "Hello, " + req.GetName() + "!"}, nil
}

// serve starts a greeter and returns its endpoint.
func serve(t *testing.T, opts ...gozmq.ServerOption) string {
	t.Helper()
	srv, err := gozmq.NewServer(append(opts, gozmq.Bind(anyPort))...)
	if err != nil {
		t.Fatal(err)
	}
	if err := greetv1gozmq.RegisterGreeterServer(srv, greeter{}); err != nil {
		t.Fatal(err)
	}
	if err := srv.Listen(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- srv.Serve(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return srv.Addrs()[0]
}

func dial(t *testing.T, opts ...gozmq.DialOption) *gozmq.Conn {
	t.Helper()
	conn, err := gozmq.Dial(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func TestCalls(t *testing.T) {
	at, events := tapped(t, serve(t))
	client := greetv1gozmq.NewGreeterClient(dial(t, gozmq.Connect(at)))
	ctx := gozmq.AppendMetadata(testkit.Within(t), "who", "me\n")
	if _, err := client.SayHello(ctx, &greetv1.HelloRequest{Name: "World"}, gozmq.WithTimeout(0)); err != nil {
		t.Fatal(err)
	}
	if _, err := client.SayHello(ctx, &greetv1.HelloRequest{}, gozmq.WithTimeout(0)); gozmq.CodeOf(err) != gozmq.CodeInvalidArgument {
		t.Fatal(err)
	}
	line(t, events, "#1 > greeting", "zmtp=3.1", "mechanism=NULL")
	line(t, events, "#1 > READY", "socket-type=DEALER", "role=client")
	line(t, events, "#1 < READY", "socket-type=ROUTER", "role=server")
	req := line(t, events, "#1 > request greet.v1.Greeter/SayHello", "call=", `metadata.who="me\n"`, "body=7B")
	if f, ok := req.BodyFrame(); !ok || string(f.Data) != "\n\x05World" {
		t.Errorf("the body is %q", f.Data)
	}
	line(t, events, "#1 < reply greet.v1.Greeter/SayHello", "status=0", "body=15B")
	line(t, events, "#1 < reply greet.v1.Greeter/SayHello", "status=3", "name must not be empty")
}

// The tap's calls go on while its owner is slow, and those of a second client have
// a number of their own.
func TestTwoConnections(t *testing.T) {
	at, events := tapped(t, serve(t))
	for range 2 {
		client := greetv1gozmq.NewGreeterClient(dial(t, gozmq.Connect(at)))
		if _, err := client.SayHello(testkit.Within(t), &greetv1.HelloRequest{Name: "World"}, gozmq.WithTimeout(0)); err != nil {
			t.Fatal(err)
		}
	}
	line(t, events, "#1 > request")
	line(t, events, "#2 > request")
}

func TestPublications(t *testing.T) {
	pub, err := gozmq.NewPublisher(gozmq.Bind(anyPort))
	if err != nil {
		t.Fatal(err)
	}
	defer pub.Close()
	at, events := tapped(t, pub.Addrs()[0])
	sub, err := gozmq.NewSubscriber(gozmq.Connect(at))
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Close()
	feed := weatherv1gozmq.NewFeedSubscriber(sub)
	sub1, err := feed.TemperatureSubscription([]weatherv1gozmq.FeedTemperatureFilter{{Station: gozmq.Eq("ams")}})
	if err != nil {
		t.Fatal(err)
	}
	defer sub1.Close()
	if err := sub.Ready(testkit.Within(t)); err != nil {
		t.Fatal(err)
	}
	if err := weatherv1gozmq.NewFeedPublisher(pub).Temperature(t.Context(), &weatherv1.Reading{Station: "ams", Celsius: 1}); err != nil {
		t.Fatal(err)
	}
	line(t, events, "> SUBSCRIBE weather/ams/")
	line(t, events, "< publication weather/ams/", "body=")
}

type printer struct {
	imagev1gozmq.UnimplementedPrintsWorker
}

func (printer) Render(_ context.Context, task *imagev1.RenderTask) (*imagev1.RenderResult, error) {
	return &imagev1.RenderResult{Name: task.GetName()}, nil
}

func TestTasks(t *testing.T) {
	vent, err := gozmq.NewVentilator(gozmq.Bind(anyPort), gozmq.DeliveryAtLeastOnce)
	if err != nil {
		t.Fatal(err)
	}
	defer vent.Close()
	sink, err := gozmq.NewSink(gozmq.Bind(anyPort), gozmq.DeliveryAtLeastOnce)
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	from, tasks := tapped(t, vent.Addrs()[0])
	to, results := tapped(t, sink.Addrs()[0])
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- imagev1gozmq.RunPrintsWorker(ctx, printer{}, gozmq.From(gozmq.Connect(from)), gozmq.To(gozmq.Connect(to)))
	}()
	defer func() { cancel(); <-done }()
	prints, err := imagev1gozmq.NewPrintsVentilator(vent)
	if err != nil {
		t.Fatal(err)
	}
	if err := prints.Render(testkit.Within(t), &imagev1.RenderTask{Name: "a.png", Png: make([]byte, 100_000)}); err != nil {
		t.Fatal(err)
	}
	out, err := imagev1gozmq.NewPrintsSink(sink)
	if err != nil {
		t.Fatal(err)
	}
	looping, stop := context.WithCancel(context.Background())
	looped := make(chan struct{})
	go func() {
		defer close(looped)
		for range out.Render(looping) {
		}
	}()
	defer func() { stop(); <-looped }()
	line(t, tasks, "> CREDIT", "tasks=")
	task := line(t, tasks, "< TASK image.v1.Prints/Render", "id=", "attempt=1", "lease=10s")
	if f, ok := task.BodyFrame(); !ok || f.Whole() || len(f.Data) != 64<<10 || f.Size < 100_000 {
		t.Errorf("the body has %d of %d bytes", len(f.Data), f.Size)
	}
	line(t, tasks, "> DONE", "id="+task.Detail("id"))
	line(t, results, "> RESULT image.v1.Prints/Render", "id="+task.Detail("id"))
	line(t, results, "< ACK", "id="+task.Detail("id"))
}

// Neither the content of a CURVE connection nor a password of PLAIN is reported.
func TestSecrets(t *testing.T) {
	t.Run("CURVE", func(t *testing.T) {
		server, own := gozmqtest.CurveKey(t), gozmqtest.CurveKey(t)
		at, events := tapped(t, serve(t, gozmq.WithSecurity(gozmqcurve.Server(server, gozmq.AllowAny))))
		conn := dial(t, gozmq.Connect(at), gozmq.WithSecurity(gozmqcurve.Client(own, server.Public())))
		if _, err := greetv1gozmq.NewGreeterClient(conn).SayHello(testkit.Within(t), &greetv1.HelloRequest{Name: "World"}, gozmq.WithTimeout(0)); err != nil {
			t.Fatal(err)
		}
		line(t, events, "> greeting", "CURVE")
		line(t, events, "> HELLO (sealed)")
		line(t, events, "< MESSAGE (sealed)", "size=")
		if strings.Contains(events.String(), "greet.v1") {
			t.Error("the tap reports the method")
		}
	})
	t.Run("PLAIN", func(t *testing.T) {
		at, events := tapped(t, serve(t, gozmq.WithSecurity(gozmq.PlainServer(gozmq.AllowAny))))
		conn := dial(t, gozmq.Connect(at), gozmq.WithSecurity(gozmq.PlainClient("alice", "wonderland")))
		if _, err := greetv1gozmq.NewGreeterClient(conn).SayHello(testkit.Within(t), &greetv1.HelloRequest{Name: "World"}, gozmq.WithTimeout(0)); err != nil {
			t.Fatal(err)
		}
		line(t, events, "> HELLO alice", `password="(not shown)"`)
		line(t, events, "> request greet.v1.Greeter/SayHello")
		for _, e := range events.All() {
			for _, f := range e.Frames {
				if strings.Contains(string(f.Data), "wonderland") {
					t.Errorf("%v has the password", e)
				}
			}
		}
	})
}

// What is not ZMTP passes all the same, and is reported once.
func TestNoZMTP(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		buf := make([]byte, 100)
		n, _ := c.Read(buf)
		_, _ = c.Write(buf[:n])
	}()
	at, events := tapped(t, "tcp://"+l.Addr().String())
	c, err := net.Dial("tcp", strings.TrimPrefix(at, "tcp://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte("GET / HTTP/1.1\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 18)
	if n, err := c.Read(buf); err != nil || string(buf[:n]) != "GET / HTTP/1.1\r\n\r\n" {
		t.Fatalf("%q, %v", buf[:n], err)
	}
	line(t, events, "> broken", "no ZMTP signature")
	line(t, events, "< closed")
}

func TestNobodyThere(t *testing.T) {
	at, events := tapped(t, "tcp://127.0.0.1:1")
	c, err := net.Dial("tcp", strings.TrimPrefix(at, "tcp://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	line(t, events, "< closed", "refused")
	_ = c.SetDeadline(time.Now().Add(testkit.Patience()))
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("the connection is still open")
	}
}

// libzmq's ends, which announce no roles: a REQ and a REP of this protocol.
func TestLibzmq(t *testing.T) {
	const python = "/usr/bin/python3" // Debian's
	if exec.Command(python, "-c", "import zmq").Run() != nil {
		t.Skip("needs Debian's python3-zmq")
	}
	at, events := tapped(t, serve(t))
	const script = `
import sys, zmq
s = zmq.Context().socket(zmq.REQ)
s.connect(sys.argv[1])
s.send_multipart([b"greet.v1.Greeter/SayHello", b"\x0a\x03Bob"])
print(s.recv_multipart()[1])
`
	out, err := exec.CommandContext(testkit.Within(t), python, "-c", script, at).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "Hello, Bob!") {
		t.Fatalf("%s, %v", out, err)
	}
	line(t, events, "> request greet.v1.Greeter/SayHello", "body=5B")
	line(t, events, "< reply greet.v1.Greeter/SayHello", "status=0")
}
