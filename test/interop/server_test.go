package interop

import (
	"bytes"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	greetv1 "github.com/gozmq/gozmq/example/gen/greet/v1"
	"github.com/gozmq/gozmq/internal/testkit"
	gozmqv1 "github.com/gozmq/gozmq/proto/gozmq/v1"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

func TestPythonCallsServer(t *testing.T) {
	meet(t, func(t *testing.T, m meeting) {
		client := m.peer(t, script{"req_client.py", []string{"World", "", "Zoë"}},
			func(at gozmq.Endpoints) []string { return serveGreeter(t, at, &greeter{}) })
		client.expect("reply Hello, World!")
		client.expect("error 3 name must not be empty")
		client.expect("reply Hello, Zoë!")
		client.wait()
	})
}

// helloFrames returns the frames of a request from the method on.
func helloFrames(t *testing.T, name string) [][]byte {
	t.Helper()
	return [][]byte{[]byte(sayHelloMethod), encode(t, &greetv1.HelloRequest{Name: name})}
}

// probeServer returns a probe that is connected to a server of ours.
func probeServer(t *testing.T, g *greeter, kind string, options map[string]any) *probe {
	t.Helper()
	leakChecked(t)
	python(t)
	at := serveGreeter(t, gozmq.Bind(anyPort), g)
	p := newProbe(t, kind, options)
	p.connect(at[0])
	return p
}

func TestPythonSeesStatuses(t *testing.T) {
	req := probeServer(t, &greeter{}, "REQ", nil)
	for _, test := range []struct {
		name    string
		request [][]byte
		code    gozmq.Code
		message string
	}{
		{"coded error", helloFrames(t, ""), gozmq.CodeInvalidArgument, "name must not be empty"},
		{"uncoded error", helloFrames(t, "fail"), gozmq.CodeUnknown, ""},
		{"panic", helloFrames(t, "panic"), gozmq.CodeInternal, ""},
		{"unknown method", [][]byte{[]byte("greet.v1.Greeter/Nothing"), nil}, gozmq.CodeUnimplemented, "Nothing"},
		{"unknown service", [][]byte{[]byte("x.Y/Z"), nil}, gozmq.CodeUnimplemented, ""},
		{"no method", [][]byte{nil, nil}, gozmq.CodeFailedPrecondition, "no such stream"}, // a message of one
		{"over-long method", [][]byte{bytes.Repeat([]byte("x"), 100_000), nil}, gozmq.CodeUnimplemented, ""},
		{"undecodable body", [][]byte{[]byte(sayHelloMethod), []byte("\xff\xff")}, gozmq.CodeInvalidArgument, ""},
		{"no body", [][]byte{[]byte(sayHelloMethod)}, gozmq.CodeInvalidArgument, ""},
		{"undecodable header", append(helloFrames(t, "World"), []byte("\xff\xff")), gozmq.CodeInvalidArgument, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			req.send(test.request...)
			reply := req.receive()
			status := new(gozmqv1.Status)
			if len(reply) < 2 || proto.Unmarshal(reply[0], status) != nil {
				t.Fatalf("reply is %q, want a status and a body", reply)
			}
			if gozmq.Code(status.GetCode()) != test.code || !strings.Contains(status.GetMessage(), test.message) {
				t.Errorf("status is %v, want code %d and a message with %q", status, test.code, test.message)
			}
			if len(status.GetMessage()) > 1000 {
				t.Errorf("the message has %d bytes", len(status.GetMessage()))
			}
			if len(reply[1]) != 0 {
				t.Errorf("body of a failed call is %q, want none", reply[1])
			}
			if strings.Contains(status.GetMessage(), "in the handler") {
				t.Errorf("a panic's value left the process: %q", status.GetMessage())
			}
		})
	}
	req.send(helloFrames(t, "World")...)
	wantFrames(t, req.receive(), nil, encode(t, &greetv1.HelloReply{Message: "Hello, World!"}))
}

func TestEmptyBodies(t *testing.T) {
	req := probeServer(t, &greeter{}, "REQ", nil)
	req.send(helloFrames(t, "nobody")...)
	wantFrames(t, req.receive(), nil, nil) // the reply has no field set
}

func TestHeaderFieldsFromTheFuture(t *testing.T) {
	req := probeServer(t, &greeter{}, "REQ", nil)
	unknown := []byte{0xfa, 0x3f, 0x02, 'h', 'i'} // field 1023
	req.send(append(helloFrames(t, "World"), unknown)...)
	wantFrames(t, req.receive(), nil, encode(t, &greetv1.HelloReply{Message: "Hello, World!"}))
	body := append(helloFrames(t, "World")[1], unknown...)
	req.send([]byte(sayHelloMethod), body)
	wantFrames(t, req.receive(), nil, encode(t, &greetv1.HelloReply{Message: "Hello, World!"}))
}

// TestTimeoutTravels shows that the header's timeout ends the handler's context. A
// machine that stalls may have no handler begin before that.
func TestTimeoutTravels(t *testing.T) {
	g := &greeter{started: make(chan string, 1), release: make(chan struct{})}
	req := probeServer(t, g, "REQ", nil)
	for timeout := uint64(50_000); len(g.started) == 0; timeout *= 4 {
		if timeout > uint64(testkit.Patience().Microseconds()) {
			t.Fatal("no handler has begun")
		}
		header := encode(t, &gozmqv1.RequestHeader{TimeoutUs: timeout})
		req.send(append(helloFrames(t, "wait"), header)...)
		status := new(gozmqv1.Status)
		if err := proto.Unmarshal(req.receive()[0], status); err != nil {
			t.Fatal(err)
		}
		if gozmq.Code(status.GetCode()) != gozmq.CodeDeadlineExceeded {
			t.Fatalf("status is %v, want DEADLINE_EXCEEDED", status)
		}
	}
}

// TestREQCorrelateRelaxed gives up a call and makes another: the reply to the
// first must not be taken for that to the second.
func TestREQCorrelateRelaxed(t *testing.T) {
	g := &greeter{started: make(chan string, 1), release: make(chan struct{})}
	req := probeServer(t, g, "REQ", map[string]any{"REQ_CORRELATE": 1, "REQ_RELAXED": 1})
	req.send(helloFrames(t, "wait")...)
	get(t, g.started)
	req.send(helloFrames(t, "World")...)
	close(g.release)
	wantFrames(t, req.receive(), nil, encode(t, &greetv1.HelloReply{Message: "Hello, World!"}))
	req.send(helloFrames(t, "again")...)
	wantFrames(t, req.receive(), nil, encode(t, &greetv1.HelloReply{Message: "Hello, again!"}))
}

// TestDEALERCallsServer has several calls under way with envelopes of its own.
func TestDEALERCallsServer(t *testing.T) {
	g := &greeter{started: make(chan string, 1), release: make(chan struct{})}
	dealer := probeServer(t, g, "DEALER", map[string]any{"IDENTITY": []byte("me")})
	for _, envelope := range [][][]byte{
		{},
		{[]byte("a")},
		{[]byte("hop"), []byte("\x00\x01\x02\x03\x04"), bytes.Repeat([]byte("x"), 300)},
	} {
		dealer.send(join(envelope, [][]byte{nil}, helloFrames(t, "World"))...)
		wantFrames(t, dealer.receive(), join(envelope, [][]byte{nil, nil, encode(t, &greetv1.HelloReply{Message: "Hello, World!"})})...)
	}
	// The second call overtakes the first.
	dealer.send(join([][]byte{[]byte("1"), nil}, helloFrames(t, "wait"))...)
	get(t, g.started)
	dealer.send(join([][]byte{[]byte("2"), nil}, helloFrames(t, "fast"))...)
	wantFrames(t, dealer.receive(), []byte("2"), nil, nil, encode(t, &greetv1.HelloReply{Message: "Hello, fast!"}))
	close(g.release)
	wantFrames(t, dealer.receive(), []byte("1"), nil, nil, encode(t, &greetv1.HelloReply{Message: "Hello, wait!"}))
}

// TestServerDropsWhatHasNoEnvelope sends messages that cannot be answered; the
// connection goes on.
func TestServerDropsWhatHasNoEnvelope(t *testing.T) {
	dealer := probeServer(t, &greeter{}, "DEALER", nil)
	dealer.send([]byte("no empty frame"))
	dealer.send(helloFrames(t, "World")...)
	dealer.send([]byte("ends with the envelope"), nil)
	dealer.send(join([][]byte{[]byte("good"), nil}, helloFrames(t, "World"))...)
	for {
		reply := dealer.receive()
		if string(reply[0]) == "good" {
			wantFrames(t, reply, []byte("good"), nil, nil, encode(t, &greetv1.HelloReply{Message: "Hello, World!"}))
			return
		}
		if string(reply[0]) != "ends with the envelope" {
			t.Fatalf("got %q", reply)
		}
	}
}

// TestROUTERCallsServer is a libzmq ROUTER in the place of a client: a broker
// that knows its servers by names of its own.
func TestROUTERCallsServer(t *testing.T) {
	leakChecked(t)
	python(t)
	at := serveGreeter(t, gozmq.Bind(anyPort), &greeter{})
	router := newProbe(t, "ROUTER", map[string]any{"ROUTER_MANDATORY": 1})
	router.set("CONNECT_ROUTING_ID", []byte("server"))
	router.connect(at[0])
	router.await("HANDSHAKE_SUCCEEDED")
	router.send(join([][]byte{[]byte("server"), []byte("job 1"), nil}, helloFrames(t, "World"))...)
	wantFrames(t, router.receive(), []byte("server"), []byte("job 1"), nil, nil,
		encode(t, &greetv1.HelloReply{Message: "Hello, World!"}))
}

// TestProbeIsIgnored: a ROUTER with ZMQ_PROBE_ROUTER begins with an empty
// message, which asks for nothing.
func TestProbeIsIgnored(t *testing.T) {
	leakChecked(t)
	python(t)
	at := serveGreeter(t, gozmq.Bind(anyPort), &greeter{})
	router := newProbe(t, "ROUTER", map[string]any{"PROBE_ROUTER": 1})
	router.set("CONNECT_ROUTING_ID", []byte("server"))
	router.connect(at[0])
	router.send(join([][]byte{[]byte("server"), nil}, helloFrames(t, "World"))...)
	wantFrames(t, router.receive(), []byte("server"), nil, nil, encode(t, &greetv1.HelloReply{Message: "Hello, World!"}))
}

// TestServerSurvives has peers of the wrong type and with messages above the
// limit that cannot be answered; others are served all the while.
func TestServerSurvives(t *testing.T) {
	leakChecked(t)
	python(t)
	at := serveGreeter(t, gozmq.Bind(anyPort), &greeter{})
	good := newProbe(t, "REQ", nil)
	good.connect(at[0])
	greetGood := func() {
		t.Helper()
		good.send(helloFrames(t, "World")...)
		wantFrames(t, good.receive(), nil, encode(t, &greetv1.HelloReply{Message: "Hello, World!"}))
	}
	greetGood()

	push := newProbe(t, "PUSH", nil)
	push.connect(at[0])
	push.await("DISCONNECTED")
	greetGood()

	wrong := dialRaw(t, at[0], "PUSH", 1)
	if refusal := wrong.readFrame(); !bytes.HasPrefix(refusal[2:], []byte("\x05ERROR")) {
		t.Errorf("a PUSH got %q, want an ERROR command", refusal)
	}
	wrong.expectClosed()
	greetGood()

	large := newProbe(t, "DEALER", nil)
	large.connect(at[0])
	large.send(join([][]byte{bytes.Repeat([]byte("x"), 5<<20), nil}, helloFrames(t, "World"))...)
	large.await("DISCONNECTED")
	large.await("HANDSHAKE_SUCCEEDED") // libzmq connects again
	large.send(join([][]byte{nil}, helloFrames(t, "World"))...)
	wantFrames(t, large.receive(), nil, nil, encode(t, &greetv1.HelloReply{Message: "Hello, World!"}))
	greetGood()
}

func TestMebibyteCalls(t *testing.T) {
	req := probeServer(t, &greeter{}, "REQ", nil)
	name := strings.Repeat("x", 1<<20)
	req.send(helloFrames(t, name)...)
	wantFrames(t, req.receive(), nil, encode(t, &greetv1.HelloReply{Message: "Hello, " + name + "!"}))
}

// join puts lists of frames together.
func join(lists ...[][]byte) [][]byte {
	var all [][]byte
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}

// wantFrames compares a message frame by frame.
func wantFrames(t *testing.T, got [][]byte, want ...[]byte) {
	t.Helper()
	same := len(got) == len(want)
	for i := 0; same && i < len(got); i++ {
		same = bytes.Equal(got[i], want[i])
	}
	if !same {
		t.Fatalf("got %.300q\nwant %.300q", got, want)
	}
}

// TestIdentityTaken has two libzmq sockets with one ZMQ_ROUTING_ID: the second
// is closed again and again while the first one lives, and served after it.
func TestIdentityTaken(t *testing.T) {
	leakChecked(t)
	python(t)
	connected, refused := make(chan gozmq.Event, 2), make(chan gozmq.Event, 100)
	at := serveGreeter(t, gozmq.Bind(anyPort), &greeter{}, gozmq.WithEventHandler(func(e gozmq.Event) {
		switch e.Kind {
		case gozmq.EventConnected:
			connected <- e
		case gozmq.EventHandshakeFailed:
			select {
			case refused <- e:
			default:
			}
		}
	}))
	call := func(p *probe) {
		t.Helper()
		p.send(join([][]byte{[]byte("id"), nil}, helloFrames(t, "World"))...)
		wantFrames(t, p.receive(), []byte("id"), nil, nil, encode(t, &greetv1.HelloReply{Message: "Hello, World!"}))
	}
	options := map[string]any{"ROUTING_ID": []byte("me"), "RECONNECT_IVL": 20}
	first, second := newProbe(t, "DEALER", options), newProbe(t, "DEALER", options)
	first.connect(at[0])
	get(t, connected)
	call(first)
	second.connect(at[0])
	for range 3 {
		if e := get(t, refused); !strings.Contains(e.Err.Error(), `identity is taken: "me" is that of the peer at 127.0.0.1:`) {
			t.Errorf("the server reported %+v", e)
		}
		second.await("DISCONNECTED")
	}
	call(first)
	first.kill()
	get(t, connected)
	call(second)
}

// TestMetadataIsCounted: the bytes of all keys and values count, a key with each
// of its values, and nothing that the encoding adds.
func TestMetadataIsCounted(t *testing.T) {
	req := probeServer(t, &greeter{}, "REQ", nil)
	const half = 8 << 10
	value := bytes.Repeat([]byte("v"), half-len("key"))
	for _, test := range []struct {
		name string
		last []byte
		code gozmq.Code
	}{
		{"16384 bytes", value, 0},
		{"one more", append(value[:len(value):len(value)], 'v'), gozmq.CodeResourceExhausted},
	} {
		t.Run(test.name, func(t *testing.T) {
			header := &gozmqv1.RequestHeader{Metadata: []*gozmqv1.Metadatum{{Key: "key", Value: value}, {Key: "key", Value: test.last}}}
			req.send(append(helloFrames(t, "World"), encode(t, header))...)
			status := new(gozmqv1.Status)
			if err := proto.Unmarshal(req.receive()[0], status); err != nil {
				t.Fatal(err)
			}
			if gozmq.Code(status.GetCode()) != test.code {
				t.Errorf("status is %v, want code %d", status, test.code)
			}
		})
	}
}
