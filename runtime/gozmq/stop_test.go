package gozmq

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
)

// A server that stops answers the calls that run, and takes no new ones.
func TestGracefulStop(t *testing.T) {
	everywhere(t, func(t *testing.T, s site) {
		const n = 5
		h := newStuck(t)
		r, c := s.pair(t, h.obedient(), nil, nil)
		ctx := testkit.Within(t)
		running := make(chan error, n)
		for range n {
			go func() { running <- callEcho(ctx, c, "x") }()
		}
		for range n {
			testkit.Receive(t, h.called, "a call in the handler")
		}
		r.cancel()
		probe := make(chan error, 1)
		refused := false
		for !refused { // until the server has noticed
			short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
			go func() { probe <- callEcho(short, c, "new") }()
			select {
			case <-h.called:
				cancel()
				<-probe
			case err := <-probe:
				cancel()
				refused = err != nil
			}
		}
		h.free()
		for range n {
			if err := testkit.Receive(t, running, "the answer of a call that ran"); err != nil {
				t.Errorf("a call that ran when the server was stopped: %v", err)
			}
		}
		if err := r.stop(); err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
}

// A call that came too late is not left without an end.
func TestCallDuringStopEnds(t *testing.T) {
	h := newStuck(t)
	r := serve(t, Bind("tcp://127.0.0.1:*"), h.obedient())
	c := dial(t, Connect(r.addr()), WithReadyTimeout(time.Second), WithReconnectBackoff(time.Hour, time.Hour))
	first := make(chan error, 1)
	go func() { first <- callEcho(context.Background(), c, "x") }()
	testkit.Receive(t, h.called, "the call")
	r.cancel()
	late := make(chan error, 1)
	testkit.Eventually(t, "that the server stops", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.state >= serverStopping
	})
	go func() { late <- callEcho(context.Background(), c, "late") }()
	h.free()
	if err := testkit.Receive(t, first, "the answer"); err != nil {
		t.Error(err)
	}
	if err := testkit.Receive(t, late, "the end of the late call"); err != nil {
		wantCode(t, err, CodeUnavailable)
	}
}

// When the drain time is over the contexts end; who obeys is answered.
func TestStopCancelsHandlers(t *testing.T) {
	h := newStuck(t)
	r := serve(t, Bind("tcp://127.0.0.1:*"), h.obedient(), WithDrainTimeout(20*time.Millisecond))
	c := dial(t, Connect(r.addr()))
	done := make(chan error, 1)
	go func() { done <- callEcho(context.Background(), c, "x") }()
	ctx := testkit.Receive(t, h.called, "the call")
	if err := r.stop(); err != nil {
		t.Errorf("Serve: %v", err)
	}
	wantText(t, context.Cause(ctx), "the server is stopping")
	wantCode(t, testkit.Receive(t, done, "the end of the call"), CodeCanceled, "context canceled")
}

// A handler that ignores its context does not hold Serve for ever.
func TestStopWithStubbornHandler(t *testing.T) {
	h := newStuck(t)
	s := newServer(t, Bind("tcp://127.0.0.1:*"), WithDrainTimeout(10*time.Millisecond), WithLinger(10*time.Millisecond))
	if err := s.RegisterService(Service{Name: "test.Service", Handlers: h.handlers()}); err != nil {
		t.Fatal(err)
	}
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served, called := make(chan error, 1), make(chan error, 1)
	go func() { served <- s.Serve(ctx) }()
	c := dial(t, Connect(s.Addrs()[0]))
	go func() { called <- callEcho(context.Background(), c, "x") }()
	testkit.Receive(t, h.called, "the call")
	cancel()
	wantText(t, testkit.Receive(t, served, "the end of Serve"), "handlers have not returned")
	wantCode(t, testkit.Receive(t, called, "the end of the call"), CodeUnavailable)
}

func TestServeOnce(t *testing.T) {
	r := serve(t, Bind("inproc://"+t.Name()), echoHandlers())
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	wantText(t, r.Serve(testkit.Within(t)), "serve: the server has been stopped")
	wantText(t, r.Listen(), "serve: the server has been stopped")
}

// Close may come before a goroutine has called Serve.
func TestServeAfterClose(t *testing.T) {
	s, err := idleServer(Bind("inproc://" + t.Name()))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Listen(), s.Close()); err != nil {
		t.Fatal(err)
	}
	if err := s.Serve(testkit.Within(t)); err != nil {
		t.Error(err)
	}
	wantText(t, s.Serve(testkit.Within(t)), "serve: the server has been stopped")
}

// A server that could not listen does not pretend to have served.
func TestServeAfterFailedListen(t *testing.T) {
	taken := serve(t, Bind("inproc://"+t.Name()), echoHandlers())
	s, err := idleServer(Bind(taken.Addrs()...))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Listen(); err == nil {
		t.Error("a second server listens at the same endpoint")
	}
	_ = s.Close()
	wantText(t, s.Serve(testkit.Within(t)), "could not start")
}

// Serve with a context that has ended opens, closes and returns.
func TestServeEndedContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	s, err := idleServer(Bind("tcp://127.0.0.1:*"))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Serve(ctx); err != nil {
		t.Error(err)
	}
}

// After Listen a server answers, bound or not.
func TestListen(t *testing.T) {
	c := dial(t, Bind("inproc://"+t.Name()))
	for name, where := range map[string]Endpoints{"bind": Bind("tcp://127.0.0.1:*"), "connect": Connect(c.Addrs()[0])} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, where)
			if err := s.RegisterService(Service{Name: "test.Service", Handlers: echoHandlers()}); err != nil {
				t.Fatal(err)
			}
			if err := s.Listen(); err != nil {
				t.Fatal(err)
			}
			client := c
			if name == "bind" {
				client = dial(t, Connect(s.Addrs()[0]))
			}
			mustEcho(t, client)
			ctx, cancel := context.WithCancel(testkit.Within(t))
			done := make(chan error, 1)
			go func() { done <- s.Serve(ctx) }()
			mustEcho(t, client)
			cancel()
			if err := testkit.Receive(t, done, "the end of Serve"); err != nil {
				t.Error(err)
			}
		})
	}
}

// Calls that keep coming while a server stops do not cost the calls that run
// their answers.
func TestStopWhileCallsKeepComing(t *testing.T) {
	const n, rounds = 4, 10
	slow := &Method{Procedure: "test.Service/Slow"}
	overEach(t, func(t *testing.T, s site) {
		for range rounds {
			h := newStuck(t)
			handlers := append(echoHandlers(), Handle(slow, func(_ context.Context, req *bytez) (*bytez, error) {
				h.called <- nil
				<-h.release
				return req, nil
			}))
			r, c := s.pair(t, handlers, nil, []DialOption{WithReconnectBackoff(time.Hour, time.Hour)})
			ctx, cancel := context.WithCancel(testkit.Within(t))
			mustEcho(t, c)
			answers, refused := make(chan error, n), make(chan error, 1)
			var wg sync.WaitGroup
			for range n {
				go func() {
					_, err := Call[bytez](context.Background(), c, slow, &bytez{})
					answers <- err
				}()
			}
			for range n {
				testkit.Receive(t, h.called, "a call in the handler")
			}
			for range n {
				wg.Go(func() {
					for ctx.Err() == nil {
						short, end := context.WithTimeout(ctx, 20*time.Millisecond)
						if err := callEcho(short, c, "x"); err != nil {
							select {
							case refused <- err:
							default:
							}
						}
						end()
					}
				})
			}
			r.cancel()
			testkit.Receive(t, refused, "a call that is refused")
			h.free()
			for range n {
				if err := testkit.Receive(t, answers, "the answer of a call that ran"); err != nil {
					t.Errorf("a call that ran: %v", err)
				}
			}
			cancel()
			wg.Wait()
			if err := r.stop(); err != nil {
				t.Error(err)
			}
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}
