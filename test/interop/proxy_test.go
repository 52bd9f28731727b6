package interop

import (
	"strings"
	"sync"
	"testing"

	greetv1 "github.com/gozmq/gozmq/example/gen/greet/v1"
	weatherv1 "github.com/gozmq/gozmq/example/gen/weather/v1"
	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

// startProxy runs zmq_proxy and returns the endpoints of its two sockets.
func startProxy(t *testing.T, args ...string) (front, back string) {
	t.Helper()
	p := start(t, "", "proxy.py", args...)
	at := strings.Fields(p.expect("ready"))
	return at[0], at[1]
}

// TestProxiesBetweenClientAndServer puts two of libzmq's ROUTER/DEALER proxies
// in a row between both our ends; a Python client and a Python server use them
// at the same time.
func TestProxiesBetweenClientAndServer(t *testing.T) {
	leakChecked(t)
	python(t)
	front, middle := startProxy(t, "ROUTER", "bind", anyPort, "DEALER", "bind", anyPort)
	_, back := startProxy(t, "ROUTER", "connect", middle, "DEALER", "bind", anyPort)
	serveGreeter(t, gozmq.Connect(back), &greeter{})
	client, _ := dialGreeter(t, gozmq.Connect(front))
	greet(t, client, "World", "Hello, World!")
	refused(t, client, "", gozmq.CodeInvalidArgument, "name must not be empty")

	foreign, _ := startPeer(t, "req_client.py", "connect", front, "World", "")
	foreign.expect("reply Hello, World!")
	foreign.expect("error 3 name must not be empty")
	foreign.wait()

	startPeer(t, "rep_server.py", "connect", back)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 25 {
				reply, err := client.SayHello(testkit.Within(t), &greetv1.HelloRequest{Name: "many"}, patient)
				if err != nil || reply.GetMessage() != "Hello, many!" {
					t.Errorf("SayHello = %v, %v", reply, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// TestForwarderBetweenPublisherAndSubscriber puts an XSUB/XPUB proxy between.
func TestForwarderBetweenPublisherAndSubscriber(t *testing.T) {
	leakChecked(t)
	python(t)
	upstream, downstream := startProxy(t, "XSUB", "bind", anyPort, "XPUB", "bind", anyPort)
	pub := newFeedPublisher(t, gozmq.Connect(upstream))
	readings := subscribe(t, gozmq.Connect(downstream), "ams")
	foreign, _ := startPeer(t, "subscriber.py", "connect", downstream, "amsterdam")
	for _, station := range []string{"ams", "amsterdam"} {
		subscribed(t, pub, "weather/"+station+"/temperature", 1)
	}
	publish(t, pub, &weatherv1.Reading{Station: "amsterdam", Celsius: 2}, &weatherv1.Reading{Station: "ams", Celsius: 1})
	if r := get(t, readings); r.GetStation() != "ams" {
		t.Fatalf("got %v", r)
	}
	foreign.expect("reading amsterdam 2.0")
}

// TestStreamerBetweenVentilatorAndWorker puts a PULL/PUSH proxy between.
func TestStreamerBetweenVentilatorAndWorker(t *testing.T) {
	leakChecked(t)
	python(t)
	upstream, downstream := startProxy(t, "PULL", "bind", anyPort, "PUSH", "bind", anyPort)
	results, at := newSink(t, gozmq.Bind(anyPort))
	work(t, gozmq.From(gozmq.Connect(downstream)), gozmq.To(gozmq.Connect(at[0])))
	vent := newVentilator(t, gozmq.Connect(upstream))
	render(t, vent, "a.png", "b.png")
	wantResults(t, results, "a.png by gozmq", "b.png by gozmq")
}
