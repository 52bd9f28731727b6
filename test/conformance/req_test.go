package conformance

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqimpl"
)

// rebind binds a new peer where an earlier one was.
func (at *env) rebind(t *testing.T, kind, endpoint string) peer {
	t.Helper()
	if at.isLibzmq() {
		// libzmq closes a listener some time after its socket.
		z := at.socket(t, kind, nil)
		testkit.Eventually(t, "a free endpoint", func() bool { return z.try(nil, "bind", z.name, endpoint) == nil })
		return z
	}
	return &rawPeer{kind: kind, ln: listenAt(t, endpoint)}
}

// several binds some peers of a type and returns them with their endpoints.
func (at *env) several(t *testing.T, kind string, n int) (list []peer, endpoints []string) {
	t.Helper()
	for range n {
		p, endpoint := at.bind(t, kind)
		list, endpoints = append(list, p), append(endpoints, endpoint)
	}
	return list, endpoints
}

// shaken completes the handshake of peers that are played by hand.
func shaken(list ...peer) {
	for _, p := range list {
		if r, ok := p.(*rawPeer); ok {
			r.meet()
		}
	}
}

func reqEnvelope(t *testing.T, at *env) {
	router, where := at.bind(t, "ROUTER")
	c := dial(t, gozmq.Connect(where))
	done := c.begin(testkit.Within(t), "hello")
	request := router.recv()
	if len(request) != 3 || len(request[0]) != 8 || request[1] != "" || request[2] != encode(t, "hello") {
		t.Fatalf("the request is %q, want 8 bytes, an empty frame and a body", request)
	}
	router.send(request...)
	wantReply(t, done, "hello")

	rep, where := at.bind(t, "REP")
	c = dial(t, gozmq.Connect(where))
	done = c.begin(testkit.Within(t), "hello")
	want(t, "what a REP gets", rep.recv(), []string{encode(t, "hello")})
	rep.send(encode(t, "and hello"))
	wantReply(t, done, "and hello")
}

func reqRoundRobin(t *testing.T, at *env) {
	servers, endpoints := at.several(t, "REP", 3)
	c := dial(t, gozmq.Connect(endpoints...))
	shaken(servers...)
	c.await(t, gozmq.EventConnected, 3)
	// Who gets the first three calls is an order that the next ones repeat.
	asked := make(chan int)
	for i, s := range servers {
		go func() {
			for range 3 {
				s.send(s.recv()...)
				asked <- i
			}
		}()
	}
	var turns []int
	for i := range 9 {
		done := c.begin(testkit.Within(t), fmt.Sprint(i))
		turns = append(turns, testkit.Receive(t, asked, "a request"))
		wantReply(t, done, fmt.Sprint(i))
	}
	for i, s := range turns {
		if s != turns[i%3] {
			t.Fatalf("calls went to the servers %v, want them in turn", turns)
		}
	}
	if turns[0] == turns[1] || turns[1] == turns[2] || turns[0] == turns[2] {
		t.Fatalf("calls went to the servers %v, want three", turns)
	}
}

func reqWaits(t *testing.T, at *env) {
	ln := at.listen(t)
	where := ln.endpoint
	ln.ln.Close()
	c := dial(t, gozmq.Connect(where))
	done := c.begin(testkit.Within(t), "early", gozmq.WithWaitForReady())
	impatient := dial(t, gozmq.Connect(where), gozmq.WithReadyTimeout(50*time.Millisecond))
	wantCode(t, impatient.begin(testkit.Within(t), "too early"), gozmq.CodeUnavailable)
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	wantCode(t, c.begin(ctx, "too early"), gozmq.CodeDeadlineExceeded)
	_ = impatient.Close()
	select {
	case o := <-done:
		t.Fatalf("a call without a server returned %q, %v", o.reply, o.err)
	default:
	}
	p := at.rebind(t, "REP", where)
	p.send(p.recv()...)
	wantReply(t, done, "early")
}

func reqServerDies(t *testing.T, at *env) {
	p, where := at.bind(t, "REP")
	c := dial(t, gozmq.Connect(where))
	done := c.begin(testkit.Within(t), "first")
	p.recv()
	p.close()
	wantCode(t, done, gozmq.CodeUnavailable)

	// The spare server is asked only when the first one has gone.
	idempotent := *echoMethod
	idempotent.Idempotency = gozmq.IdempotencyIdempotent
	servers, endpoints := at.several(t, "REP", 2)
	c = dial(t, gozmq.Connect(endpoints...))
	shaken(servers...)
	c.await(t, gozmq.EventConnected, 2)
	ctx, asked, moved := testkit.Within(t), make(chan int, 2), make(chan error, 1)
	go func() {
		reply, err := gozmqimpl.Call[text](ctx, c, &idempotent, words("second"))
		if err == nil && string(reply.GetValue()) != "second" {
			err = fmt.Errorf("the reply is %q", reply.GetValue())
		}
		moved <- err
	}()
	requests := make([]chan []string, 2)
	for i, s := range servers {
		requests[i] = make(chan []string, 1)
		go func() {
			requests[i] <- s.recv()
			asked <- i
		}()
	}
	first := testkit.Receive(t, asked, "the request")
	servers[first].close()
	second := testkit.Receive(t, asked, "the request again")
	servers[second].send(<-requests[second]...)
	if err := testkit.Receive(t, moved, "the end of the call"); err != nil {
		t.Fatal(err)
	}
}

func reqMatches(t *testing.T, at *env) {
	p, where := at.bind(t, "ROUTER")
	c := dial(t, gozmq.Connect(where))
	one := c.begin(testkit.Within(t), "one")
	first := p.recv()
	two := c.begin(testkit.Within(t), "two")
	second := p.recv()
	if first[0] == second[0] {
		t.Fatal("both calls have the same id")
	}
	p.send("\xff\xff\xff\xff\xff\xff\xff\xff", "", encode(t, "for no one"))
	p.send(second[0], "", encode(t, "reply two"))
	wantReply(t, two, "reply two")
	p.send(second[0], "", encode(t, "once more"))
	p.send(first[0], "", encode(t, "reply one"))
	wantReply(t, one, "reply one")
}

func reqManyGoroutines(t *testing.T, at *env) {
	const goroutines, calls = 16, 20
	p, where := at.bind(t, "ROUTER")
	c := dial(t, gozmq.Connect(where))
	ctx, failed := testkit.Within(t), make(chan error, goroutines)
	for g := range goroutines {
		go func() {
			for i := range calls {
				body := fmt.Sprint(g, " ", i)
				if reply, err := c.call(ctx, body); err != nil || reply != body {
					failed <- fmt.Errorf("%s: got %q, %v", body, reply, err)
					return
				}
			}
			failed <- nil
		}()
	}
	for range goroutines * calls {
		p.send(p.recv()...)
	}
	for range goroutines {
		if err := testkit.Receive(t, failed, "the end of a goroutine"); err != nil {
			t.Error(err)
		}
	}
}
