package interop

import (
	"strings"
	"testing"

	weatherv1 "github.com/gozmq/gozmq/example/gen/weather/v1"
	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/test/internal/rawzmtp"
	interopv1 "github.com/gozmq/gozmq/test/interop/gen/interop/v1"
	"github.com/gozmq/gozmq/test/interop/gen/interop/v1/interopv1gozmq"
)

func TestPublisherPublishesToPython(t *testing.T) {
	meet(t, func(t *testing.T, m meeting) {
		var pub feedPublisher
		subscriber := m.peer(t, script{"subscriber.py", []string{"a/b"}}, func(at gozmq.Endpoints) []string {
			pub = newFeedPublisher(t, at)
			return pub.Addrs()
		})
		subscribed(t, pub, "weather/a%2Fb/temperature", 1)
		publish(t, pub,
			&weatherv1.Reading{Station: "a"}, &weatherv1.Reading{Station: "a/b", Celsius: 12.5},
			&weatherv1.Reading{Station: "a/bc"}, &weatherv1.Reading{Station: "a/b", Celsius: 13})
		subscriber.expect("reading a/b 12.5")
		subscriber.expect("reading a/b 13.0")
	})
}

// TestSubscriptionForms subscribes in every form that ZeroMQ has, to both
// versions of the protocol.
func TestSubscriptionForms(t *testing.T) {
	ams, oslo := &weatherv1.Reading{Station: "ams"}, &weatherv1.Reading{Station: "oslo"}
	command := func(name string) []byte { return rawzmtp.Command(name, []byte("weather/ams/")) }
	for _, test := range []struct {
		name              string
		minor             byte
		subscribe, cancel []byte
	}{
		{"commands of 3.1", 1, command("SUBSCRIBE"), command("CANCEL")},
		{"messages of 3.0", 0, rawzmtp.Message([]byte("\x01weather/ams/")), rawzmtp.Message([]byte("\x00weather/ams/"))},
		{"messages to 3.1, as XSUB sends", 1, rawzmtp.Message([]byte("\x01weather/ams/")), rawzmtp.Message([]byte("\x00weather/ams/"))},
		{"commands to 3.0", 0, command("SUBSCRIBE"), command("CANCEL")},
		{"subscribed by command, cancelled by message", 1, command("SUBSCRIBE"), rawzmtp.Message([]byte("\x00weather/ams/"))},
	} {
		t.Run(test.name, func(t *testing.T) {
			leakChecked(t)
			pub := newFeedPublisher(t, gozmq.Bind(anyPort))
			p := dialRaw(t, pub.Addrs()[0], "SUB", test.minor)
			p.send(rawzmtp.Message([]byte("neither of both"))) // to be ignored
			p.send(rawzmtp.Message([]byte("\x01two"), []byte("frames")))
			p.send(rawzmtp.Command("CANCEL", []byte("never subscribed")))
			p.send(test.subscribe)
			p.send(test.subscribe) // a set: one cancel ends both
			subscribed(t, pub, amsTopic, 1)
			publish(t, pub, oslo, ams, oslo, ams)
			for range 2 {
				if m := p.readMessage(); string(m[0]) != amsTopic {
					t.Fatalf("got topic %q", m[0])
				}
			}
			p.send(test.cancel)
			p.send(rawzmtp.Command("SUBSCRIBE", []byte("weather/oslo")))
			subscribed(t, pub, "weather/oslo/temperature", 1)
			publish(t, pub, ams, oslo)
			if m := p.readMessage(); string(m[0]) != "weather/oslo/temperature" {
				t.Fatalf("got topic %q after it was cancelled", m[0])
			}
		})
	}
}

// TestSubscriptionsOverlap: a message that several prefixes match comes once.
func TestSubscriptionsOverlap(t *testing.T) {
	leakChecked(t)
	pub := newFeedPublisher(t, gozmq.Bind(anyPort))
	p := dialRaw(t, pub.Addrs()[0], "SUB", 1)
	for _, prefix := range []string{"weather/ams/temperature", "weather/", "w", "weather/ams"} {
		p.send(rawzmtp.Command("SUBSCRIBE", []byte(prefix)))
	}
	p.send(rawzmtp.Command("SUBSCRIBE", []byte("last")))
	subscribed(t, pub, "last", 1)
	publish(t, pub, &weatherv1.Reading{Station: "ams", Celsius: 1}, &weatherv1.Reading{Station: "ams", Celsius: 2})
	for celsius := 1.0; celsius <= 2; celsius++ {
		wantFrames(t, p.readMessage(), []byte(amsTopic), encode(t, &weatherv1.Reading{Station: "ams", Celsius: celsius}))
	}
}

// TestPublisherServesXSUB has an XSUB and a SUB of libzmq, each with a
// subscription of its own.
func TestPublisherServesXSUB(t *testing.T) {
	leakChecked(t)
	python(t)
	pub := newFeedPublisher(t, gozmq.Bind(anyPort))
	xsub, sub := newProbe(t, "XSUB", nil), newProbe(t, "SUB", nil)
	for _, p := range []*probe{xsub, sub} {
		p.connect(pub.Addrs()[0])
	}
	xsub.send([]byte("a message to a publisher")) // to be ignored
	xsub.send([]byte("\x01weather/oslo"))
	sub.set("SUBSCRIBE", []byte(""))
	subscribed(t, pub, "weather/oslo/temperature", 2)
	publish(t, pub, &weatherv1.Reading{Station: "ams"}, &weatherv1.Reading{Station: "oslo"})
	wantFrames(t, xsub.receive(), reading(t, "weather/oslo/temperature", "oslo")...)
	wantFrames(t, sub.receive(), reading(t, amsTopic, "ams")...)
	wantFrames(t, sub.receive(), reading(t, "weather/oslo/temperature", "oslo")...)
}

// TestLargePublications has a body of 1 MiB and a topic of more than one byte's
// length.
func TestLargePublications(t *testing.T) {
	leakChecked(t)
	python(t)
	pub := openPublisher(t, gozmq.Bind(anyPort))
	topics := interopv1gozmq.NewTopicsPublisher(pub)
	sub := newProbe(t, "SUB", map[string]any{"SUBSCRIBE": []byte("")})
	sub.connect(pub.Addrs()[0])
	subscribed(t, pub, "", 1)
	large := strings.Repeat("x", 1<<20)
	if err := topics.Plain(testkit.Within(t), &interopv1.Text{Text: large}); err != nil {
		t.Fatal(err)
	}
	wantFrames(t, sub.receive(), []byte(interopv1gozmq.TopicsPlainProcedure), text(t, large))
	sample := &interopv1.Sample{Text: large[:1000], Number: 1}
	if err := topics.Dashed(testkit.Within(t), sample); err != nil {
		t.Fatal(err)
	}
	wantFrames(t, sub.receive(), []byte("d/"+large[:1000]+"-1"), encode(t, sample))
}

func TestSubscriberTakesLargePublications(t *testing.T) {
	sub, xpub := subscriberOfProbe(t, nil)
	readings := newFeedSubscription(t, sub, "ams")
	xpub.receive()
	large := strings.Repeat("x", 1<<20)
	xpub.send(reading(t, amsTopic, large)...)
	if r := get(t, readings); r.GetStation() != large {
		t.Errorf("got %d bytes", len(r.GetStation()))
	}
}
