package interop

import (
	"testing"

	"github.com/gozmq/gozmq/test/internal/rawzmtp"
)

// TestProtocolExamplesLibzmq plays the examples of docs/PROTOCOL.md against
// libzmq: what it sends must be those bytes, and what it is sent it must take
// for what the document says.
func TestProtocolExamplesLibzmq(t *testing.T) {
	python(t)
	ex := examples(t)
	for _, test := range []struct {
		name string
		play func(*testing.T, map[string][]byte)
	}{
		{"REQ", playREQ},
		{"REQ without header", playREQWithoutHeader},
		{"REP", playREP},
		{"PUB", playPUB},
		{"SUB", playSUB},
		{"PUSH", playPUSH},
		{"PULL", playPULL},
		{"PING", playPING},
	} {
		t.Run(test.name, func(t *testing.T) { test.play(t, ex) })
	}
}

func playREQ(t *testing.T, ex map[string][]byte) {
	l := listenRaw(t)
	client, _ := startPeer(t, "req_client.py", "connect", l.endpoint(), "World", "")
	p := l.accept("ROUTER", 1)
	sameBytes(t, p.greeting, ex["greeting-libzmq"])
	sameBytes(t, p.ready, ex["ready-req"])
	p.expect(ex["reqrep-request-req-header"])
	p.send(ex["reqrep-reply-req"])
	client.expect("reply Hello, World!")
	p.expect(ex["reqrep-request-req-empty"])
	p.send(ex["reqrep-reply-req-error"])
	client.expect("error 3 name must not be empty")
	client.wait()
}

func playREQWithoutHeader(t *testing.T, ex map[string][]byte) {
	l := listenRaw(t)
	req := newProbe(t, "REQ", nil)
	req.connect(l.endpoint())
	p := l.accept("ROUTER", 1)
	req.send([]byte(sayHelloMethod), content(t, ex["bare-body"]))
	p.expect(ex["reqrep-request-req"])
	p.send(ex["reqrep-reply-req"])
	req.receive()
	req.send(content(t, ex["bare-body"]))
	p.expect(ex["bare-request-req"])
}

func playREP(t *testing.T, ex map[string][]byte) {
	l := listenRaw(t)
	startPeer(t, "rep_server.py", "connect", l.endpoint())
	p := l.accept("DEALER", 1)
	p.send(ex["reqrep-request-dealer"])
	p.expect(ex["reqrep-reply-dealer"])
	p.send(rawzmtp.Message([]byte("\x00\x00\x00\x00\x00\x00\x00\x01"), nil, []byte(sayHelloMethod), nil))
	p.expect(ex["reqrep-reply-dealer-error"])
	p.send(ex["reqrep-request-req"])
	p.expect(ex["reqrep-reply-req"])
}

func playPUB(t *testing.T, ex map[string][]byte) {
	for _, form := range []string{"pubsub-subscribe", "pubsub-subscribe-message"} {
		l := listenRaw(t)
		publisher, _ := startPeer(t, "publisher.py", "connect", l.endpoint(), "utc=1", "ams=12.5")
		p := l.accept("SUB", 1)
		p.send(ex[form])
		p.expect(ex["pubsub-publication"])
		publisher.wait()
	}
}

func playSUB(t *testing.T, ex map[string][]byte) {
	for minor, form := range []string{"pubsub-subscribe-message", "pubsub-subscribe"} {
		l := listenRaw(t)
		subscriber, _ := startPeer(t, "subscriber.py", "connect", l.endpoint(), "ams")
		p := l.accept("PUB", byte(minor))
		p.expect(ex[form])
		p.send(ex["pubsub-publication"])
		subscriber.expect("reading ams 12.5")
	}
	for minor, form := range []string{"pubsub-cancel-message", "pubsub-cancel"} {
		l := listenRaw(t)
		sub := newProbe(t, "SUB", nil)
		sub.set("SUBSCRIBE", []byte(amsTopic))
		sub.connect(l.endpoint())
		p := l.accept("PUB", byte(minor))
		p.readFrame()
		sub.set("UNSUBSCRIBE", []byte(amsTopic))
		p.expect(ex[form])
	}
}

func playPUSH(t *testing.T, ex map[string][]byte) {
	l := listenRaw(t)
	ventilator, _ := startPeer(t, "ventilator.py", "connect", l.endpoint(), "a.png")
	p := l.accept("PULL", 1)
	p.expect(ex["pushpull-task"])
	ventilator.wait()

	push := newProbe(t, "PUSH", nil)
	push.connect(l.endpoint())
	p = l.accept("PULL", 1)
	push.send(make([]byte, 256))
	p.expect(ex["frame-long"])
}

func playPULL(t *testing.T, ex map[string][]byte) {
	tasks, results := listenRaw(t), listenRaw(t)
	startPeer(t, "worker.py", "connect", tasks.endpoint(), "connect", results.endpoint())
	in, out := tasks.accept("PUSH", 1), results.accept("PULL", 1)
	in.send(ex["pushpull-task"])
	out.expect(ex["pushpull-result"])

	sink, at := startPeer(t, "sink.py", "bind", anyPort)
	dialRaw(t, at[0], "PUSH", 1).send(ex["pushpull-result"])
	sink.expect("result a.png python a small picture")
}

func playPING(t *testing.T, ex map[string][]byte) {
	l := listenRaw(t)
	pull := newProbe(t, "PULL", nil)
	pull.connect(l.endpoint())
	p := l.accept("PUSH", 1)
	p.send(ex["ping"])
	p.expect(ex["pong"])
	p.send(ex["ping-context"])
	p.expect(ex["pong-context"])

	beating := newProbe(t, "PULL", map[string]any{"HEARTBEAT_IVL": 100, "HEARTBEAT_TTL": 30_000})
	beating.connect(l.endpoint())
	p = l.accept("PUSH", 1)
	p.expect(ex["ping"])
	p.send(ex["pong"])
	p.expect(ex["ping"])
}

// content returns the bytes of a message of one short frame.
func content(t *testing.T, wire []byte) []byte {
	t.Helper()
	if wire[0] != 0 || int(wire[1]) != len(wire)-2 {
		t.Fatalf("not one short frame: % x", wire)
	}
	return wire[2:]
}

func sameBytes(t *testing.T, got, want []byte) {
	t.Helper()
	if string(got) != string(want) {
		t.Fatalf("got\n% x\nwant\n% x", got, want)
	}
}
