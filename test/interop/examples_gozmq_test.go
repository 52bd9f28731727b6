package interop

import (
	"context"
	"strings"
	"testing"
	"time"

	imagev1 "github.com/gozmq/gozmq/example/gen/image/v1"
	weatherv1 "github.com/gozmq/gozmq/example/gen/weather/v1"
	"github.com/gozmq/gozmq/internal/testkit"
	gozmqv1 "github.com/gozmq/gozmq/proto/gozmq/v1"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/test/internal/rawzmtp"
	interopv1 "github.com/gozmq/gozmq/test/interop/gen/interop/v1"
	"github.com/gozmq/gozmq/test/interop/gen/interop/v1/interopv1gozmq"
)

// TestProtocolExamplesGozmq plays the examples of docs/PROTOCOL.md against our
// own ends, byte by byte. It needs no Python.
func TestProtocolExamplesGozmq(t *testing.T) {
	ex := examples(t)
	for _, test := range []struct {
		name string
		play func(*testing.T, map[string][]byte)
	}{
		{"client", playClient},
		{"server", playServer},
		{"stream client", playStreamClient},
		{"stream server", playStreamServer},
		{"bare client", playBareClient},
		{"bare server", playBareServer},
		{"publisher", playPublisher},
		{"subscriber", playSubscriber},
		{"ventilator", playVentilator},
		{"worker", playWorker},
		{"sink", playSink},
		{"PING", playOurPING},
	} {
		t.Run(test.name, func(t *testing.T) {
			leakChecked(t)
			test.play(t, ex)
		})
	}
}

// startOfCallID is where an example of our client has its call id.
const startOfCallID, endOfCallID = 2, 10

// withCallID returns an example with another call id.
func withCallID(example, id []byte) []byte {
	b := append([]byte(nil), example...)
	copy(b[startOfCallID:endOfCallID], id)
	return b
}

func playClient(t *testing.T, ex map[string][]byte) {
	l := listenRaw(t)
	client, _ := dialGreeter(t, gozmq.Connect(l.endpoint()))
	p := l.accept("ROUTER", 1)
	sameBytes(t, p.greeting, ex["greeting"])
	sameBytes(t, p.ready, ex["ready-dealer"])
	for _, reply := range []string{"reqrep-reply-dealer", "reqrep-reply-dealer-error"} {
		done := begin(testkit.Within(t), client, "World")
		// The header is the last frame; its timeout is what the context has left.
		example := ex["reqrep-request-dealer"]
		body := len(example) - len(rawzmtp.Message(encode(t, &gozmqv1.RequestHeader{TimeoutUs: 2e6})))
		got := p.read(body)
		id := got[startOfCallID:endOfCallID]
		sameBytes(t, got, withCallID(example, id)[:body])
		wantTimeout(t, content(t, p.readFrame()), testkit.Patience())
		p.send(withCallID(ex[reply], id))
		switch c := get(t, done); reply {
		case "reqrep-reply-dealer":
			if c.err != nil || c.reply.GetMessage() != "Hello, World!" {
				t.Errorf("call gave %v, %v", c.reply, c.err)
			}
		default:
			if gozmq.CodeOf(c.err) != gozmq.CodeInvalidArgument {
				t.Errorf("call gave %v, %v", c.reply, c.err)
			}
		}
	}
}

// TestGivingUpOnTheWire: only a peer that is one of ours is told.
func TestGivingUpOnTheWire(t *testing.T) {
	example := examples(t)["reqrep-cancel"]
	for _, properties := range [][]string{{"X-Gozmq", "1"}, nil} {
		l := listenRaw(t)
		client, _ := dialGreeter(t, gozmq.Connect(l.endpoint()))
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		done := begin(ctx, client, "World")
		p := l.accept("ROUTER", 1, properties...)
		request := p.readMessage()
		cancel()
		if c := get(t, done); gozmq.CodeOf(c.err) != gozmq.CodeCanceled {
			t.Errorf("call gave %v, %v", c.reply, c.err)
		}
		next := begin(testkit.Within(t), client, "Ada")
		if properties != nil {
			p.expect(withCallID(example, request[0]))
		}
		if got := p.readMessage(); len(got) < 4 || string(got[2]) != sayHelloMethod {
			t.Errorf("the next message is %q", got)
		} else {
			p.send(rawzmtp.Message(got[0], nil, nil, nil))
		}
		if c := get(t, next); c.err != nil {
			t.Error(c.err)
		}
	}
}

func playServer(t *testing.T, ex map[string][]byte) {
	p := dialRaw(t, serveGreeter(t, gozmq.Bind(anyPort), &greeter{})[0], "DEALER", 1)
	sameBytes(t, p.greeting, ex["greeting"])
	for _, exchange := range [][2]string{
		{"reqrep-request-req", "reqrep-reply-req"},
		{"reqrep-request-req-header", "reqrep-reply-req"},
		{"reqrep-request-req-empty", "reqrep-reply-req-error"},
		{"reqrep-request-dealer", "reqrep-reply-dealer"},
	} {
		p.send(ex[exchange[0]])
		p.expect(ex[exchange[1]])
	}
	p.send(rawzmtp.Message([]byte("\x00\x00\x00\x00\x00\x00\x00\x01"), nil, []byte(sayHelloMethod), nil))
	p.expect(ex["reqrep-reply-dealer-error"])
}

func playBareClient(t *testing.T, ex map[string][]byte) {
	l := listenRaw(t)
	conn, err := gozmq.Dial(gozmq.Connect(l.endpoint()))
	if err != nil {
		t.Fatal(err)
	}
	closing(t, conn)
	done := make(chan string, 1)
	go func() {
		reply, err := interopv1gozmq.NewEchoClient(conn).Say(testkit.Within(t), &interopv1.Text{Text: "World"})
		if err != nil {
			t.Errorf("Say: %v", err)
		}
		done <- reply.GetText()
	}()
	p := l.accept("ROUTER", 1)
	got := p.read(len(ex["bare-request-dealer"]))
	id := got[startOfCallID:endOfCallID]
	sameBytes(t, got, withCallID(ex["bare-request-dealer"], id))
	p.send(withCallID(ex["bare-reply-dealer"], id))
	if text := get(t, done); text != "Hello, World!" {
		t.Errorf("Say gave %q", text)
	}
}

func playBareServer(t *testing.T, ex map[string][]byte) {
	p := dialRaw(t, serveEcho(t, gozmq.Bind(anyPort))[0], "REQ", 1)
	p.send(ex["bare-request-req"])
	p.expect(ex["bare-request-req"]) // it returns what it gets
	p.send(ex["bare-request-dealer"])
	p.expect(ex["bare-request-dealer"])
}

func playPublisher(t *testing.T, ex map[string][]byte) {
	for _, form := range []string{"", "-message"} {
		pub := newFeedPublisher(t, gozmq.Bind(anyPort))
		p := dialRaw(t, pub.Addrs()[0], "SUB", 1)
		p.send(ex["pubsub-subscribe"+form])
		subscribed(t, pub, amsTopic, 1)
		publish(t, pub, &weatherv1.Reading{Station: "ams", Celsius: 12.5})
		p.expect(ex["pubsub-publication"])
		p.send(ex["pubsub-cancel"+form])
		p.send(rawzmtp.Command("SUBSCRIBE", []byte("weather/oslo")))
		subscribed(t, pub, "weather/oslo/temperature", 1)
		publish(t, pub, &weatherv1.Reading{Station: "ams"}, &weatherv1.Reading{Station: "oslo"})
		if m := p.readMessage(); string(m[0]) != "weather/oslo/temperature" {
			t.Errorf("got %q after it was canceled", m[0])
		}
	}
}

func playSubscriber(t *testing.T, ex map[string][]byte) {
	for minor, form := range []string{"-message", ""} {
		l := listenRaw(t)
		sub := newFeedSubscriber(t, gozmq.Connect(l.endpoint()))
		ctx, cancel := context.WithCancel(testkit.Within(t))
		got := make(chan *weatherv1.Reading, 1)
		go func() {
			for r := range sub.Temperature(ctx, filters([]string{"ams"})...) {
				got <- r
			}
			close(got)
		}()
		p := l.accept("PUB", byte(minor))
		p.expect(ex["pubsub-subscribe"+form])
		p.send(ex["pubsub-publication"])
		if r := get(t, got); r.GetStation() != "ams" || r.GetCelsius() != 12.5 {
			t.Errorf("got %v", r)
		}
		cancel()
		p.expect(ex["pubsub-cancel"+form])
		for range got { // until it has ended
		}
	}
}

func playVentilator(t *testing.T, ex map[string][]byte) {
	l := listenRaw(t)
	vent := newVentilator(t, gozmq.Connect(l.endpoint()))
	p := l.accept("PULL", 1)
	render(t, vent, "a.png")
	p.expect(ex["pushpull-task"])

	bare := view(t, openVentilator(t, gozmq.Connect(l.endpoint())), interopv1gozmq.NewJobsVentilator)
	p = l.accept("PULL", 1)
	for _, text := range []string{"World", strings.Repeat("x", 253)} { // 253: the body has 256 bytes
		if err := bare.Run(testkit.Within(t), &interopv1.Text{Text: text}); err != nil {
			t.Fatal(err)
		}
	}
	p.expect(ex["bare-body"])
	p.expect(ex["frame-long"])
}

func playWorker(t *testing.T, ex map[string][]byte) {
	tasks, results := listenRaw(t), listenRaw(t)
	work(t, gozmq.From(gozmq.Connect(tasks.endpoint())), gozmq.To(gozmq.Connect(results.endpoint())))
	in, out := tasks.accept("PUSH", 1), results.accept("PULL", 1)
	in.send(ex["pushpull-task"])
	m := out.readMessage()
	want := encode(t, &imagev1.RenderResult{Name: "a.png", Png: []byte("a small picture"), Worker: "gozmq"})
	wantFrames(t, m, []byte(renderMethod), want)
}

func playSink(t *testing.T, ex map[string][]byte) {
	results, at := newSink(t, gozmq.Bind(anyPort))
	dialRaw(t, at[0], "PUSH", 1).send(ex["pushpull-result"])
	wantResults(t, results, "a.png by python")
}

func playOurPING(t *testing.T, ex map[string][]byte) {
	p := dialRaw(t, serveGreeter(t, gozmq.Bind(anyPort), &greeter{})[0], "DEALER", 1)
	p.send(ex["ping"])
	p.expect(ex["pong"])
	p.send(ex["ping-context"])
	p.expect(ex["pong-context"])

	pub := newFeedPublisher(t, gozmq.Bind(anyPort), gozmq.WithHeartbeat(20*time.Millisecond, 30*time.Second))
	p = dialRaw(t, pub.Addrs()[0], "SUB", 1)
	p.expect(ex["ping"])
	p.send(ex["pong"])
	p.expect(ex["ping"])
}
