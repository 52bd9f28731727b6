package gozmq

import (
	"context"
	"runtime"
	"sync"
	"testing"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// A moody handler answers at once, unless it is asked to do something else.
type moody struct {
	blocked chan context.Context // a call that blocks
	release chan struct{}        // frees one of those
	back    Caller               // calls back when asked to
}

func newMoody() *moody {
	return &moody{blocked: make(chan context.Context, 100), release: make(chan struct{}, 100)}
}

func (m *moody) handlers() []Handler { return []Handler{Handle(echoMethod, m.echo)} }

func (m *moody) echo(ctx context.Context, req *bytez) (*bytez, error) {
	switch string(req.GetValue()) {
	case "block":
		m.blocked <- ctx
		<-m.release
	case "obey":
		m.blocked <- ctx
		<-ctx.Done()
		return nil, ctx.Err()
	case "release":
		m.release <- struct{}{}
	case "panic":
		panic("as asked")
	case "exit":
		runtime.Goexit()
	case "call back":
		return req, callEcho(ctx, m.back, "from within")
	}
	return req, nil
}

// warm makes a method known as one that never takes long.
func warm(t testing.TB, c Caller) {
	t.Helper()
	ctx := testkit.Within(t)
	for range 200 {
		if err := callEcho(ctx, c, "quick"); err != nil {
			t.Fatal(err)
		}
	}
}

// A method that has always been quick and then is not holds up nobody.
func TestQuickMethodThatBlocks(t *testing.T) {
	everywhere(t, func(t *testing.T, s site) {
		m := newMoody()
		r, c := s.pair(t, m.handlers(), nil, nil)
		m.back = c
		ctx := testkit.Within(t)
		for range 3 {
			warm(t, c)
			const n = 3
			done := make(chan error, n)
			for range n {
				go func() { done <- callEcho(ctx, c, "block") }()
			}
			for range n {
				testkit.Receive(t, m.blocked, "a call that blocks")
			}
			for range n {
				if err := callEcho(ctx, c, "release"); err != nil {
					t.Fatal(err)
				}
			}
			for range n {
				if err := testkit.Receive(t, done, "the answer of a call that blocked"); err != nil {
					t.Fatal(err)
				}
			}
			warm(t, c)
			if err := callEcho(ctx, c, "call back"); err != nil {
				t.Fatal(err)
			}
			for _, what := range []string{"panic", "exit"} {
				warm(t, c)
				wantCode(t, callEcho(ctx, c, what), CodeInternal)
			}
		}
		if err := r.stop(); err != nil {
			t.Error(err)
		}
	})
}

// Requests that come in one piece behind one that blocks are carried out.
func TestQuickMethodThatBlocksInABatch(t *testing.T) {
	m := newMoody()
	s := serve(t, Bind("tcp://127.0.0.1:*"), m.handlers())
	warm(t, dial(t, Connect(s.addr())))
	p := dialRaw(t, s.addr(), "DEALER")
	request := func(id, body string) []byte {
		return zmtptest.Message(id, "", echoMethod.Procedure, encode(t, wrapperspb.Bytes([]byte(body))))
	}
	for range 20 {
		var all []byte
		for range 40 {
			all = append(all, request("quick", "quick")...)
		}
		all = append(all, request("blocked", "block")...)
		all = append(all, request("quick", "quick")...)
		all = append(all, request("release", "release")...)
		p.Send(all)
		seen := make(map[string]int)
		for range 43 {
			seen[p.recv()[0]]++
		}
		if seen["quick"] != 41 || seen["blocked"] != 1 || seen["release"] != 1 {
			t.Fatalf("got the answers %v", seen)
		}
	}
}

// Answers do not wait for a call behind them that takes long.
func TestAnswersDoNotWaitForLaterCalls(t *testing.T) {
	m := newMoody()
	s := serve(t, Bind("tcp://127.0.0.1:*"), m.handlers())
	warm(t, dial(t, Connect(s.addr())))
	p := dialRaw(t, s.addr(), "DEALER")
	for range 20 {
		body := func(text string) string { return encode(t, wrapperspb.Bytes([]byte(text))) }
		p.Send(append(zmtptest.Message("quick", "", echoMethod.Procedure, body("quick")), zmtptest.Message("blocked", "", echoMethod.Procedure, body("block"))...))
		if got := p.recv()[0]; got != "quick" {
			t.Fatalf("got the answer %q", got)
		}
		testkit.Receive(t, m.blocked, "the call that blocks")
		m.release <- struct{}{}
		if got := p.recv()[0]; got != "blocked" {
			t.Fatalf("got the answer %q", got)
		}
	}
}

// The context of a call ends with its connection, also where the method was
// always quick before.
func TestQuickMethodContext(t *testing.T) {
	everywhere(t, func(t *testing.T, s site) {
		m := newMoody()
		_, c := s.pair(t, m.handlers(), nil, nil)
		warm(t, c)
		done := make(chan error, 1)
		go func() { done <- callEcho(context.Background(), c, "obey") }()
		ctx := testkit.Receive(t, m.blocked, "the call")
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		testkit.Receive(t, done, "the end of the call")
		testkit.Receive(t, ctx.Done(), "the end of the handler's context")
	})
}

// The end of a connection is noticed at once, and another one comes in its
// place, also where a call was read from it that was always quick before, blocks
// now and does not heed its context.
func TestQuickMethodAndItsPeersEnd(t *testing.T) {
	request := func(id, body string) []byte {
		return zmtptest.Message(id, "", echoMethod.Procedure, encode(t, wrapperspb.Bytes([]byte(body))))
	}
	for _, name := range []string{"bound", "connected"} {
		t.Run(name, func(t *testing.T) {
			m, events := newMoody(), newRecorder()
			endpoint, connect := listenRaw(t, zmtp.Dealer)
			if name == "connected" {
				serve(t, Connect(endpoint), m.handlers(), events.option(), fast())
			} else {
				s := serve(t, Bind("tcp://127.0.0.1:*"), m.handlers(), events.option())
				connect = func() *rawPeer { return dialRaw(t, s.addr(), zmtp.Dealer) }
			}
			p := connect()
			for range 200 {
				p.Send(request("id", "quick"))
				p.recv()
			}
			p.Close()
			events.wait(t, EventDisconnected, 1)
			p = connect()
			p.Send(request("id", "block"))
			testkit.Receive(t, m.blocked, "the call")
			p.Close()
			events.wait(t, EventDisconnected, 2)
			p = connect()
			p.Send(request("last", "quick"))
			if got := p.recv()[0]; got != "last" {
				t.Errorf("got the answer %q", got)
			}
			m.release <- struct{}{}
		})
	}
}

// A server stops with a call that blocks where none ever did.
func TestQuickMethodAndStop(t *testing.T) {
	everywhere(t, func(t *testing.T, s site) {
		m := newMoody()
		r, c := s.pair(t, m.handlers(), nil, nil)
		ctx := testkit.Within(t)
		warm(t, c)
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := callEcho(ctx, c, "block"); err != nil {
				t.Error(err)
			}
		})
		testkit.Receive(t, m.blocked, "the call")
		r.cancel()
		m.release <- struct{}{}
		wg.Wait()
		if err := r.stop(); err != nil {
			t.Error(err)
		}
	})
}
