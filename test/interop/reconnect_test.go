package interop

import (
	"context"
	"testing"

	greetv1 "github.com/gozmq/gozmq/example/gen/greet/v1"
	imagev1 "github.com/gozmq/gozmq/example/gen/image/v1"
	weatherv1 "github.com/gozmq/gozmq/example/gen/weather/v1"
	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

// The Python side is killed and started again on the same endpoint. Our end,
// which has connected, must find it.

func TestClientFindsServerAgain(t *testing.T) {
	leakChecked(t)
	python(t)
	server, at := startPeer(t, "rep_server.py", "bind", anyPort)
	client, _ := dialGreeter(t, gozmq.Connect(at[0]))
	greet(t, client, "World", "Hello, World!")
	for range 2 {
		server.kill()
		server, _ = startPeer(t, "rep_server.py", "bind", at[0])
		greetAtLast(t, client, "World", "Hello, World!")
	}
}

// greetAtLast calls until a call succeeds: one that is made before the
// connection's end is noticed fails with UNAVAILABLE or its method's timeout.
func greetAtLast(t *testing.T, client interface {
	SayHello(context.Context, *greetv1.HelloRequest, ...gozmq.CallOption) (*greetv1.HelloReply, error)
}, name, want string) {
	t.Helper()
	ctx := testkit.Within(t)
	for {
		reply, err := client.SayHello(ctx, &greetv1.HelloRequest{Name: name})
		if err == nil {
			if reply.GetMessage() != want {
				t.Fatalf("got %q, want %q", reply.GetMessage(), want)
			}
			return
		}
		code := gozmq.CodeOf(err)
		if ctx.Err() != nil || code != gozmq.CodeUnavailable && code != gozmq.CodeDeadlineExceeded {
			t.Fatalf("after the restart: %v", err)
		}
	}
}

// TestCallsFailWhenServerGoes: what is under way is not left hanging.
func TestCallsFailWhenServerGoes(t *testing.T) {
	client, router := clientOfProbe(t, "ROUTER")
	connected := begin(testkit.Within(t), client, "World")
	request := router.receive()
	router.send(join(request[:2], [][]byte{nil, nil, nil})...)
	get(t, connected)
	done := beginWith(testkit.Within(t), client, "World") // up to the method's 2 s
	router.receive()
	router.kill()
	if c := get(t, done); c.err == nil {
		t.Fatalf("got %v of a dead server", c.reply)
	} else if code := gozmq.CodeOf(c.err); code != gozmq.CodeUnavailable && code != gozmq.CodeDeadlineExceeded {
		t.Errorf("got %v, want UNAVAILABLE, or DEADLINE_EXCEEDED of the tries that followed", c.err)
	}
}

func TestServerFindsProxyAgain(t *testing.T) {
	leakChecked(t)
	python(t)
	dealer := newProbe(t, "DEALER", nil)
	at := dealer.bind(anyPort)
	serveGreeter(t, gozmq.Connect(at), &greeter{})
	for range 2 {
		dealer.await("HANDSHAKE_SUCCEEDED")
		dealer.send(join([][]byte{nil}, helloFrames(t, "World"))...)
		wantFrames(t, dealer.receive(), nil, nil, encode(t, &greetv1.HelloReply{Message: "Hello, World!"}))
		dealer.kill()
		dealer = newProbe(t, "DEALER", nil)
		dealer.bind(at)
	}
}

// TestSubscriberSubscribesAgain: a publisher that starts again gets all
// subscriptions again.
func TestSubscriberSubscribesAgain(t *testing.T) {
	leakChecked(t)
	python(t)
	xpub := newProbe(t, "XPUB", nil)
	at := xpub.bind(anyPort)
	readings := subscribe(t, gozmq.Connect(at), "ams", "oslo")
	for range 3 {
		got := map[string]bool{}
		for range 2 {
			got[string(xpub.receive()[0])] = true
		}
		if !got["\x01"+amsTopic] || !got["\x01weather/oslo/temperature"] {
			t.Fatalf("subscriptions are %v", got)
		}
		xpub.send(reading(t, amsTopic, "ams")...)
		if r := get(t, readings); r.GetStation() != "ams" {
			t.Fatalf("got %v", r)
		}
		xpub.kill()
		xpub = newProbe(t, "XPUB", nil)
		xpub.bind(at)
	}
}

func TestPublisherFindsSubscriberAgain(t *testing.T) {
	leakChecked(t)
	python(t)
	subscriber, at := startPeer(t, "subscriber.py", "bind", anyPort, "ams")
	pub := newFeedPublisher(t, gozmq.Connect(at[0]))
	defer repeat(func() error {
		return pub.Temperature(context.Background(), &weatherv1.Reading{Station: "ams", Celsius: 1})
	})()
	for range 2 {
		subscriber.expect("reading ams 1.0")
		subscriber.kill()
		subscriber, _ = startPeer(t, "subscriber.py", "bind", at[0], "ams")
	}
}

// TestPipelineIsFoundAgain restarts a worker between our ventilator and sink.
func TestPipelineIsFoundAgain(t *testing.T) {
	leakChecked(t)
	python(t)
	worker, at := startPeer(t, "worker.py", "bind", anyPort, "bind", anyPort)
	vent := newVentilator(t, gozmq.Connect(at[0]))
	results, _ := newSink(t, gozmq.Connect(at[1]))
	for kills := 0; ; kills++ {
		// What was handed to a dead worker is lost with it, so ask more than once.
		stop := repeat(func() error {
			return vent.Render(testkit.Within(t), &imagev1.RenderTask{Name: "a.png"})
		})
		get(t, results)
		stop()
		if kills == 2 {
			break
		}
		worker.kill()
		worker, _ = startPeer(t, "worker.py", "bind", at[0], "bind", at[1])
	}
}
