package interop

import (
	"fmt"
	"slices"
	"testing"
	"time"

	weatherv1 "github.com/gozmq/gozmq/example/gen/weather/v1"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/test/internal/rawzmtp"
)

// withLongerTimeouts has connections live for longer than a heartbeat's timeout;
// test says which were lost, "" for none. A process that stalls for as long loses
// some that are sound. It loses fewer with a longer timeout, one that is at fault
// loses them with any.
func withLongerTimeouts(t *testing.T, test func(t *testing.T, timeout time.Duration) (lost string)) {
	t.Helper()
	for timeout := 600 * time.Millisecond; ; timeout *= 3 {
		lost := ""
		t.Run(timeout.String(), func(t *testing.T) { lost = test(t, timeout) })
		if lost == "" || t.Failed() {
			return
		}
		if timeout > 5*time.Second {
			t.Fatal(lost)
		}
		t.Log(lost)
	}
}

// beats are libzmq's options for a PING every 50 ms, and for the end of a
// connection after so much silence, at both ends of it.
func beats(timeout time.Duration) map[string]any {
	ms := int(timeout.Milliseconds())
	return map[string]any{"HEARTBEAT_IVL": 50, "HEARTBEAT_TIMEOUT": ms, "HEARTBEAT_TTL": ms}
}

// disconnected says that a probe's connection was lost, "" if it was not.
func (p *probe) disconnected(name string) string {
	p.t.Helper()
	if events := p.seen(); slices.Contains(events, "DISCONNECTED") {
		return fmt.Sprintf("%s: libzmq's monitor saw %q\n", name, events)
	}
	return ""
}

// TestHeartbeats connects libzmq, which sends PINGs and closes what is silent, to
// each of our ends. A peer that never answers runs beside them as the clock: when
// libzmq has dropped it twice, our ends have had the time to be dropped as well.
func TestHeartbeats(t *testing.T) {
	python(t)
	withLongerTimeouts(t, beatenByLibzmq)
}

func beatenByLibzmq(t *testing.T, timeout time.Duration) (lost string) {
	leakChecked(t)
	options := func() map[string]any { return beats(timeout) }
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
		lost += p.disconnected(name)
	}
	return lost
}

// TestOurHeartbeats lets our end send PINGs and close what is silent: a libzmq
// peer without heartbeats of its own stays, one that does not answer goes.
func TestOurHeartbeats(t *testing.T) {
	python(t)
	withLongerTimeouts(t, beatingLibzmq)
}

func beatingLibzmq(t *testing.T, timeout time.Duration) (lost string) {
	leakChecked(t)
	pub := newFeedPublisher(t, gozmq.Bind(anyPort), gozmq.WithHeartbeat(50*time.Millisecond, timeout))
	sub := newProbe(t, "SUB", nil)
	sub.connect(pub.Addrs()[0])
	sub.await("HANDSHAKE_SUCCEEDED")
	for range 2 {
		silent := dialRaw(t, pub.Addrs()[0], "SUB", 1)
		sameBytes(t, silent.readFrame(), rawzmtp.Command("PING", []byte{0, byte(timeout / (100 * time.Millisecond))}))
		silent.expectClosed()
	}
	old := dialRaw(t, pub.Addrs()[0], "SUB", 0) // ZMTP 3.0 has no heartbeats
	dialRaw(t, pub.Addrs()[0], "SUB", 1).expectClosed()
	old.send(rawzmtp.Message([]byte("\x01weather/ams")))
	subscribed(t, pub, amsTopic, 1)
	publish(t, pub, &weatherv1.Reading{Station: "ams"})
	wantFrames(t, old.readMessage(), reading(t, amsTopic, "ams")...)
	return sub.disconnected("subscriber")
}
