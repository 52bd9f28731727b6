package conformance

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/test/internal/rawzmtp"
)

func repEnvelope(t *testing.T, at *env) {
	s := at.serve(t, echo)
	p := at.dial(t, "DEALER", s.endpoint)
	for _, request := range [][]string{
		{"", encode(t, "no envelope")},
		{"a", "", encode(t, "one frame")},
		{"a", "bb", strings.Repeat("c", 300), "\x00", "", encode(t, "four frames")},
		{"a", "", ""}, // an empty body
		{"", ""},
	} {
		p.send(request...)
		want(t, "the reply", p.recv(), request)
	}
}

// floods sends messages without end until it is stopped.
func floods(at *env, p peer, frames ...string) (stop func()) {
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-quit:
				return
			default:
			}
			if z, ok := p.(*zmqSocket); ok {
				z.flood(100, frames...)
				continue
			}
			w := p.(*rawPeer).wire
			if _, err := w.conn.Write(rawzmtp.Message(frames...)); err != nil {
				return
			}
		}
	}()
	return func() {
		close(quit)
		if !at.isLibzmq() {
			p.close() // it may be waiting for room
		}
		<-done
	}
}

func repFair(t *testing.T, at *env) {
	s := at.serve(t, echo)
	greedy := at.dial(t, "DEALER", s.endpoint)
	stop := floods(at, greedy, "", encode(t, "me first"))
	defer stop()
	modest := at.dial(t, "REQ", s.endpoint)
	for i := range 20 {
		body := encode(t, fmt.Sprint(i))
		modest.send(body)
		want(t, "the reply", modest.recv(), []string{body})
	}
}

func repNeverBlocks(t *testing.T, at *env) {
	s := at.serve(t, echo, gozmq.WithSendQueue(10, 64<<10))
	deaf := at.dial(t, "DEALER", s.endpoint)
	stop := floods(at, deaf, "", encode(t, strings.Repeat("x", 32<<10)))
	defer stop()
	other := at.dial(t, "REQ", s.endpoint)
	for i := range 20 {
		body := encode(t, fmt.Sprint(i))
		other.send(body)
		want(t, "the reply", other.recv(), []string{body})
	}
}

func repClientGone(t *testing.T, at *env) {
	began, goOn := make(chan struct{}, 1), make(chan struct{})
	s := at.serve(t, func(_ context.Context, req *text) (*text, error) {
		if string(req.GetValue()) == "wait" {
			began <- struct{}{}
			<-goOn
		}
		return req, nil
	})
	p := at.dial(t, "REQ", s.endpoint)
	p.send(encode(t, "wait"))
	testkit.Receive(t, began, "the call")
	p.close()
	s.await(t, gozmq.EventDisconnected, 1)
	close(goOn)
	s.wantService(t, at)
}

func dealerFull(t *testing.T, at *env) {
	const n = 300
	p := relay(t, at, gozmq.PatternReqRep, gozmq.WithSendQueue(10, 64<<10))
	server := at.dial(t, "DEALER", p.BackAddrs()[0])
	client := at.dial(t, "DEALER", p.FrontAddrs()[0]).(*rawPeer)
	padding := strings.Repeat("x", 64<<10)
	wrote := make(chan error, 1)
	go func() {
		var err error
		for i := 0; i < n && err == nil; i++ {
			_, err = client.conn.Write(rawzmtp.Message("", fmt.Sprint(i, padding)))
		}
		wrote <- err
	}()
	for i := range n {
		got := server.recv()
		if last := got[len(got)-1]; last != fmt.Sprint(i, padding) {
			t.Fatalf("request %d is %.20q", i, last)
		}
	}
	if err := testkit.Receive(t, wrote, "the end of writing"); err != nil {
		t.Fatal(err)
	}
	if s := p.Stats(); s.Dropped > 0 || s.Unroutable > 0 {
		t.Errorf("the proxy counted %+v", s)
	}
}

func routerUnroutable(t *testing.T, at *env) {
	p := relay(t, at, gozmq.PatternReqRep)
	client := at.dial(t, "REQ", p.FrontAddrs()[0])
	server := at.dial(t, "DEALER", p.BackAddrs()[0])
	client.send("question")
	request := server.recv()
	server.send("no such peer", "", "for whom?")
	server.send(append(request[:len(request)-1:len(request)-1], "answer")...)
	want(t, "the reply", client.recv(), []string{"answer"})
	if n := p.Stats().Unroutable; n != 1 {
		t.Errorf("%d replies were unroutable, want 1", n)
	}
}
