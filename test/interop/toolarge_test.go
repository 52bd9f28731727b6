package interop

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	greetv1 "github.com/gozmq/gozmq/example/gen/greet/v1"
	"github.com/gozmq/gozmq/internal/testkit"
	gozmqv1 "github.com/gozmq/gozmq/proto/gozmq/v1"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

// sizeLimit is a limit for a message's body, tooLarge a name beyond it.
const sizeLimit = 64 << 10

var tooLarge = strings.Repeat("x", 10*sizeLimit)

// TestRequestTooLarge has libzmq sockets send a request beyond the server's
// limit: they get the status, and their connections go on.
func TestRequestTooLarge(t *testing.T) {
	for _, kind := range []string{"REQ", "DEALER"} {
		t.Run(kind, func(t *testing.T) {
			g := &greeter{started: make(chan string, 1), release: make(chan struct{})}
			leakChecked(t)
			python(t)
			at := serveGreeter(t, gozmq.Bind(anyPort), g, gozmq.WithMaxMessageSize(sizeLimit))
			p := newProbe(t, kind, nil)
			p.connect(at[0])
			var envelope [][]byte
			if kind == "DEALER" {
				envelope = [][]byte{[]byte("1"), nil}
				p.send(join([][]byte{[]byte("0"), nil}, helloFrames(t, "wait"))...)
				get(t, g.started)
			}
			for range 3 {
				p.send(join(envelope, helloFrames(t, tooLarge))...)
				reply := p.receive()
				status := new(gozmqv1.Status)
				if err := proto.Unmarshal(reply[len(envelope)], status); err != nil {
					t.Fatal(err)
				}
				wantFrames(t, reply, join(envelope, [][]byte{encode(t, status), nil})...)
				if gozmq.Code(status.GetCode()) != gozmq.CodeResourceExhausted || !strings.Contains(status.GetMessage(), "limit of 65536") {
					t.Errorf("status is %v, want RESOURCE_EXHAUSTED and the limit", status)
				}
			}
			p.send(join(envelope, helloFrames(t, "World"))...)
			wantFrames(t, p.receive(), join(envelope, [][]byte{nil, encode(t, &greetv1.HelloReply{Message: "Hello, World!"})})...)
			if kind == "DEALER" { // what was under way before all that, on the same connection
				close(g.release)
				wantFrames(t, p.receive(), []byte("0"), nil, nil, encode(t, &greetv1.HelloReply{Message: "Hello, wait!"}))
			}
		})
	}
}

// TestReplyTooLarge has a libzmq ROUTER answer with more than our client takes.
func TestReplyTooLarge(t *testing.T) {
	leakChecked(t)
	python(t)
	router := newProbe(t, "ROUTER", nil)
	client, _ := dialGreeter(t, gozmq.Connect(router.bind(anyPort)), gozmq.WithMaxMessageSize(sizeLimit))
	waiting := begin(testkit.Within(t), client, "waits")
	first := router.receive()
	done := begin(testkit.Within(t), client, "World")
	request := router.receive()
	router.send(join(request[:3], [][]byte{nil, encode(t, &greetv1.HelloReply{Message: tooLarge})})...)
	if c := get(t, done); gozmq.CodeOf(c.err) != gozmq.CodeResourceExhausted || !strings.Contains(c.err.Error(), "limit of 65536") {
		t.Errorf("the call gave %v, want RESOURCE_EXHAUSTED and the limit", c.err)
	}
	router.send(join(first[:3], [][]byte{nil, encode(t, &greetv1.HelloReply{Message: "Hello"})})...)
	if c := get(t, waiting); c.err != nil {
		t.Errorf("the other call gave %v", c.err)
	}
}
