package gozmq

import (
	"context"
	"testing"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
)

var bareMethod = &Method{Procedure: "test.Bare/Echo", Bare: true}

// bare answers "fail" with an error, "panic" by a panic and the rest with the
// request.
func bare(_ context.Context, req *bytez) (*bytez, error) {
	switch string(req.GetValue()) {
	case "fail":
		return nil, Errorf(CodeAborted, "as asked")
	case "panic":
		panic("as asked")
	}
	return req, nil
}

func TestBareCalls(t *testing.T) {
	everywhere(t, func(t *testing.T, s site) {
		_, c := s.pair(t, []Handler{Handle(bareMethod, bare)}, nil, nil)
		for _, body := range []string{"", "x", "hello"} {
			reply, err := Call[bytez](testkit.Within(t), c, bareMethod, wrapperspb.Bytes([]byte(body)))
			if err != nil || string(reply.GetValue()) != body {
				t.Fatalf("got %q, %v, want %q", reply.GetValue(), err, body)
			}
		}
	})
}

func TestBareOnTheWire(t *testing.T) {
	s := serve(t, Bind("tcp://127.0.0.1:*"), []Handler{Handle(bareMethod, bare)})
	body := encode(t, wrapperspb.Bytes([]byte("hello")))
	p := dialRaw(t, s.addr(), "DEALER")
	p.send("id", "", body)
	if got := p.recv(); len(got) != 3 || got[0] != "id" || got[1] != "" || got[2] != body {
		t.Errorf("got %q", got)
	}

	endpoint, accept := listenRaw(t, "REP")
	c := dial(t, Connect(endpoint))
	rep := accept()
	done := make(chan error, 1)
	go func() {
		_, err := Call[bytez](testkit.Within(t), c, bareMethod, wrapperspb.Bytes([]byte("hello")))
		done <- err
	}()
	got := rep.recv()
	if len(got) != 3 || len(got[0]) != 8 || got[1] != "" || got[2] != body {
		t.Errorf("got %q", got)
	}
	rep.send(got...)
	if err := testkit.Receive(t, done, "the answer"); err != nil {
		t.Fatal(err)
	}
}

// Errors do not travel: the call is not answered, and the observer told why.
func TestBareFailures(t *testing.T) {
	tests := []struct {
		name   string
		frames []string
		part   string
	}{
		{"error", []string{"", encode(t, wrapperspb.Bytes([]byte("fail")))}, "as asked"},
		{"panic", []string{"", encode(t, wrapperspb.Bytes([]byte("panic")))}, "internal error"},
		{"undecodable", []string{"", "\xff"}, "decode google.protobuf.BytesValue"},
		{"no body", []string{"id", ""}, "0 frames behind its envelope, want 1"},
		{"a frame too many", []string{"", "", ""}, "2 frames behind its envelope, want 1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			events := newRecorder()
			s := serve(t, Bind("tcp://127.0.0.1:*"), []Handler{Handle(bareMethod, bare)}, events.option())
			p := dialRaw(t, s.addr(), "DEALER")
			p.send(tt.frames...)
			wantText(t, events.wait(t, EventMalformed, 1).Err, "bare", tt.part)
			p.send("good", "", "")
			if got := p.recv(); got[0] != "good" {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestBareReplyFrames(t *testing.T) {
	endpoint, accept := listenRaw(t, "ROUTER")
	c := dial(t, Connect(endpoint))
	p := accept()
	for name, frames := range map[string][]string{"none": nil, "two": {"", ""}, "undecodable": {"\xff"}} {
		t.Run(name, func(t *testing.T) {
			done := make(chan error, 1)
			go func() {
				_, err := Call[bytez](testkit.Within(t), c, bareMethod, wrapperspb.Bytes(nil))
				done <- err
			}()
			request := p.recv()
			p.send(append(request[:2:2], frames...)...)
			wantCode(t, testkit.Receive(t, done, "the end of the call"), CodeInternal, bareMethod.Procedure)
		})
	}
}
