package interop

import (
	"slices"
	"testing"
	"time"

	weatherv1 "github.com/gozmq/gozmq/example/gen/weather/v1"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/test/internal/rawzmtp"
)

// TestHeartbeats connects libzmq, which sends PINGs every 50 ms and closes after
// 600 ms of silence, to each of our ends. A peer that never answers runs beside
// them as the clock: when libzmq has dropped it twice, our ends have had the
// time to be dropped as well.
func TestHeartbeats(t *testing.T) {
	leakChecked(t)
	python(t)
	options := func() map[string]any {
		return map[string]any{"HEARTBEAT_IVL": 50, "HEARTBEAT_TIMEOUT": 600, "HEARTBEAT_TTL": 600}
	}
	beating := map[string]*probe{}
	connect := func(name, kind string, at ...string) {
		p := newProbe(t, kind, options())
		for _, endpoint := range at {
			p.connect(endpoint)
		}
		p.await("HANDSHAKE_SUCCEEDED")
		beating[name] = p
	}
	bind := func(name, kind string, open func(gozmq.Endpoints)) {
		p := newProbe(t, kind, options())
		open(gozmq.Connect(p.bind(anyPort)))
		p.await("HANDSHAKE_SUCCEEDED")
		beating[name] = p
	}
	connect("server", "DEALER", serveGreeter(t, gozmq.Bind(anyPort), &greeter{})...)
	connect("publisher", "SUB", newFeedPublisher(t, gozmq.Bind(anyPort)).Addrs()...)
	connect("ventilator", "PULL", newVentilator(t, gozmq.Bind(anyPort)).Addrs()...)
	_, at := newSink(t, gozmq.Bind(anyPort))
	connect("sink", "PUSH", at...)
	bind("client", "ROUTER", func(at gozmq.Endpoints) { dialGreeter(t, at) })
	bind("subscriber", "PUB", func(at gozmq.Endpoints) { newFeedSubscriber(t, at) })

	silent := listenRaw(t)
	clock := newProbe(t, "DEALER", options())
	clock.connect(silent.endpoint())
	for range 2 {
		silent.accept("ROUTER", 1)
		clock.await("DISCONNECTED")
	}
	for name, p := range beating {
		if events := p.seen(); slices.Contains(events, "DISCONNECTED") {
			t.Errorf("%s: libzmq's monitor saw %q", name, events)
		}
	}
}

// TestOurHeartbeats lets our end send PINGs and close what is silent: a libzmq
// peer without heartbeats of its own stays, one that does not answer goes.
func TestOurHeartbeats(t *testing.T) {
	leakChecked(t)
	python(t)
	pub := newFeedPublisher(t, gozmq.Bind(anyPort), gozmq.WithHeartbeat(50*time.Millisecond, 600*time.Millisecond))
	sub := newProbe(t, "SUB", nil)
	sub.connect(pub.Addrs()[0])
	sub.await("HANDSHAKE_SUCCEEDED")
	for range 2 {
		silent := dialRaw(t, pub.Addrs()[0], "SUB", 1)
		sameBytes(t, silent.readFrame(), rawzmtp.Command("PING", []byte{0, 6}))
		silent.expectClosed()
	}
	old := dialRaw(t, pub.Addrs()[0], "SUB", 0) // ZMTP 3.0 has no heartbeats
	dialRaw(t, pub.Addrs()[0], "SUB", 1).expectClosed()
	old.send(rawzmtp.Message([]byte("\x01weather/ams")))
	subscribed(t, pub, amsTopic, 1)
	publish(t, pub, &weatherv1.Reading{Station: "ams"})
	wantFrames(t, old.readMessage(), reading(t, amsTopic, "ams")...)
	if events := sub.seen(); slices.Contains(events, "DISCONNECTED") {
		t.Errorf("libzmq's monitor saw %q", events)
	}
}
