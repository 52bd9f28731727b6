package gozmq

import (
	"context"
	"math"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
	gozmqv1 "github.com/gozmq/gozmq/proto/gozmq/v1"
	"github.com/gozmq/gozmq/runtime/internal/testproto"
)

func encode(t testing.TB, m proto.Message) string {
	t.Helper()
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

var orderMethod = &Method{Procedure: "test.Service/Order"}

func takeOrder(_ context.Context, o *testproto.Order) (*testproto.Order, error) { return o, nil }

func TestRequestFrames(t *testing.T) {
	const method = "test.Service/Echo"
	good := encode(t, wrapperspb.Bytes([]byte("hello")))
	tests := []struct {
		name   string
		frames []string // the first empty one ends the envelope
		code   Code     // 0: answered well
		parts  []string
	}{
		{"good", []string{"", method, good}, 0, nil},
		{"good, envelope", []string{"a", "b", "", method, good}, 0, nil},
		{"good, empty body", []string{"", method, ""}, 0, nil},
		{"good, empty header", []string{"", method, good, ""}, 0, nil},
		{"good, header of the future", []string{"", method, good, "\xa2\x06\x03abc"}, 0, nil},
		{"nothing behind the envelope", []string{"a", ""}, CodeInvalidArgument, []string{"0 frames behind its envelope", "want a method, a body"}},
		{"no body", []string{"", method}, CodeInvalidArgument, []string{"1 frames behind its envelope"}},
		{"a frame too many", []string{"", method, good, "", ""}, CodeInvalidArgument, []string{"4 frames behind its envelope"}},
		{"empty method", []string{"", "", good}, CodeFailedPrecondition, []string{"no such stream"}},
		{"empty method, header of a call", []string{"", "", good, "\x08\x05"}, CodeUnimplemented, []string{`method ""`}},
		{"unknown method", []string{"", "no.Such/Method", good}, CodeUnimplemented, []string{`"no.Such/Method"`, "not known here"}},
		{"leading slash", []string{"", "/" + method, good}, CodeUnimplemented, []string{"/" + method}},
		{"very long method", []string{"", strings.Repeat("m", 100_000), good}, CodeUnimplemented, []string{"mmm"}},
		{"method of any bytes", []string{"", "\x00\xff", good}, CodeUnimplemented, []string{`\x00\xff`}},
		{"undecodable body", []string{"", method, "\xff\xff"}, CodeInvalidArgument, []string{"decode google.protobuf.BytesValue of 2 bytes"}},
		{"body cut short", []string{"", method, good[:3]}, CodeInvalidArgument, []string{"decode google.protobuf.BytesValue of 3 bytes"}},
		{"undecodable header", []string{"", method, good, "\xff"}, CodeInvalidArgument, []string{"decode request header of 1 bytes"}},
		{"required field missing", []string{"", orderMethod.Procedure, ""}, CodeInvalidArgument, []string{"gozmq.test.legacy.Order", "customer"}},
		{"nested required field missing", []string{"", orderMethod.Procedure, encode(t, &testproto.LooseOrder{
			Customer: proto.String("c"), Lines: []*testproto.LooseOrder_Line{{}},
		})}, CodeInvalidArgument, []string{"article"}},
	}
	s := serve(t, Bind("tcp://127.0.0.1:*"), append(echoHandlers(), Handle(orderMethod, takeOrder)))
	good2 := dial(t, Connect(s.addr()))
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := dialRaw(t, s.addr(), "DEALER")
			p.send(tt.frames...)
			reply := p.recv()
			i := indexEmpty(tt.frames)
			if got, want := strings.Join(reply[:min(i+1, len(reply))], "|"), strings.Join(tt.frames[:i+1], "|"); got != want {
				t.Fatalf("the envelope %q came back as %q", want, got)
			}
			if tt.code == 0 {
				if len(reply) != i+3 || reply[i+1] != "" || reply[i+2] != tt.frames[i+2] {
					t.Fatalf("got reply %q", reply)
				}
			} else {
				wantCode(t, p.status(reply[i+1:]), tt.code, tt.parts...)
			}
			p.send("", method, good) // the connection is still good
			if reply := p.recv(); len(reply) != 3 || reply[2] != good {
				t.Fatalf("a good request on the same connection is answered with %q", reply)
			}
			mustEcho(t, good2)
		})
	}
}

func indexEmpty(frames []string) int {
	for i, f := range frames {
		if f == "" {
			return i
		}
	}
	return -1
}

// A request that cannot be answered is reported; its sender goes on.
func TestRequestWithoutEmptyFrame(t *testing.T) {
	events := newRecorder()
	s := serve(t, Bind("tcp://127.0.0.1:*"), echoHandlers(), events.option())
	p := dialRaw(t, s.addr(), "DEALER")
	p.send("a", "b", "c")
	e := events.wait(t, EventMalformed, 1)
	wantText(t, e.Err, "request of 3 frames has no empty frame")
	if e.Peer == "" || e.SocketType != "ROUTER" || e.Endpoint != s.addr() {
		t.Errorf("the event does not say who and where: %+v", e)
	}
	p.send("id", "", echoMethod.Procedure, "")
	if got := p.recv(); len(got) != 4 || got[0] != "id" {
		t.Fatalf("got %q", got)
	}
}

func TestRequestTimeouts(t *testing.T) {
	header := func(us uint64) string { return encode(t, &gozmqv1.RequestHeader{TimeoutUs: us}) }
	tests := []struct {
		name   string
		header string
		want   time.Duration // 0: none
	}{
		{"none", header(0), 0},
		{"an hour", header(3600e6), time.Hour},
		{"a thousand years", header(1000 * 365 * 86400e6), 0},
		{"largest", header(math.MaxUint64), 0},
		{"would overflow a Duration to a small number", header(math.MaxUint64/1000 + 1), 0},
	}
	got := make(chan time.Duration, 1)
	s := serve(t, Bind("tcp://127.0.0.1:*"), []Handler{Handle(echoMethod, func(ctx context.Context, req *bytez) (*bytez, error) {
		left := time.Duration(0)
		if deadline, ok := ctx.Deadline(); ok {
			left = time.Until(deadline)
		}
		got <- left
		return req, nil
	})})
	p := dialRaw(t, s.addr(), "DEALER")
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p.send("", echoMethod.Procedure, "", tt.header)
			if reply := p.recv(); reply[1] != "" {
				t.Fatal(p.status(reply[1:]))
			}
			if left := <-got; left > tt.want || left < tt.want-time.Minute || (tt.want > 0 && left <= 0) {
				t.Errorf("the handler has %v, want %v", left, tt.want)
			}
		})
	}
}

// What a server may answer that is not an answer: an error for that call, and
// the next one goes well.
func TestReplyFrames(t *testing.T) {
	good := encode(t, wrapperspb.Bytes([]byte("hello")))
	tests := []struct {
		name   string
		frames []string // behind the envelope
		code   Code     // 0: answered well
		parts  []string
	}{
		{"good", []string{"", good}, 0, nil},
		{"good, with a header", []string{"", good, "anything"}, 0, nil},
		{"nothing", nil, CodeInternal, []string{"0 frames", "want a status and a body"}},
		{"status only", []string{""}, CodeInternal, []string{"1 frames"}},
		{"undecodable status", []string{"\xff", ""}, CodeInternal, []string{"decode status of 1 bytes"}},
		{"status with a body", []string{encode(t, &gozmqv1.Status{Code: 5, Message: "gone"}), good}, CodeNotFound, []string{"gone"}},
		{"undecodable body", []string{"", "\xff\xff"}, CodeInternal, []string{"decode google.protobuf.BytesValue of 2 bytes"}},
	}
	endpoint, accept := listenRaw(t, "ROUTER")
	events := newRecorder()
	c := dial(t, Connect(endpoint), events.option())
	p := accept()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			done := make(chan error, 1)
			go func() { done <- callEcho(testkit.Within(t), c, "hello") }()
			request := p.recv()
			p.send("not a call id", "", "", good)                    // for nobody
			p.send("\xff\xff\xff\xff\xff\xff\xff\xff", "", "", good) // for a call that never was
			p.send(append(request[:2:2], tt.frames...)...)
			p.send(append(request[:2:2], "", "")...) // a second reply: for nobody
			err := testkit.Receive(t, done, "the end of the call")
			if tt.code == 0 {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			wantCode(t, err, tt.code, tt.parts...)
		})
	}
	wantText(t, events.wait(t, EventMalformed, len(tests)).Err, "does not begin with a call id")
}

// A required field that is missing in a reply is the server's fault, and named.
func TestReplyWithoutRequiredField(t *testing.T) {
	endpoint, accept := listenRaw(t, "ROUTER")
	c := dial(t, Connect(endpoint))
	p := accept()
	done := make(chan error, 1)
	go func() {
		_, err := Call[testproto.Order](testkit.Within(t), c, orderMethod, &testproto.Order{Customer: proto.String("c")})
		done <- err
	}()
	request := p.recv()
	p.send(request[0], "", "", "")
	wantCode(t, testkit.Receive(t, done, "the end of the call"), CodeInternal, "gozmq.test.legacy.Order", "customer")
}
