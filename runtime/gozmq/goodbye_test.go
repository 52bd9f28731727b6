package gozmq

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// TestRestartsLoseNoCall restarts two servers in turn while a client makes
// calls that are not idempotent. Every call is answered, and carried out once.
func TestRestartsLoseNoCall(t *testing.T) {
	overEach(t, func(t *testing.T, s site) {
		restarts, callers := 30, 16
		if testing.Short() {
			restarts = 6
		}
		var carriedOut atomic.Int64
		handlers := []Handler{Handle(echoMethod, func(_ context.Context, m *bytez) (*bytez, error) {
			carriedOut.Add(1)
			return m, nil
		})}
		c := dial(t, Bind(s.endpoint))
		start := func() *running { return serve(t, Connect(c.Addrs()[0]), handlers, WithLinger(testkit.Patience())) }
		servers := []*running{start(), start()}
		var calls atomic.Int64
		var stop atomic.Bool
		var wg sync.WaitGroup
		for i := range callers {
			wg.Go(func() {
				for !stop.Load() {
					if err := callEcho(testkit.Within(t), c, fmt.Sprint(i)); err != nil {
						t.Error(err)
					}
					calls.Add(1)
				}
			})
		}
		for i := range restarts {
			if err := c.WaitForServers(testkit.Within(t), 2); err != nil {
				t.Fatal(err)
			}
			if err := servers[i%2].stop(); err != nil {
				t.Error(err)
			}
			servers[i%2] = start()
		}
		stop.Store(true)
		wg.Wait()
		if calls.Load() != carriedOut.Load() {
			t.Errorf("%d calls were made, %d carried out", calls.Load(), carriedOut.Load())
		}
		t.Logf("%d calls over %d restarts", calls.Load(), restarts)
	})
}

// TestGoodbye looks at what passes between a stopping server and a client by
// hand, which reads the goodbye late.
func TestGoodbye(t *testing.T) {
	h := newStuck(t)
	s := serve(t, Bind("tcp://127.0.0.1:*"), h.handlers(), WithLinger(time.Hour), WithDrainTimeout(time.Hour))
	p := dialRawOurs(t, s.addr(), "DEALER")
	p.send("running", "", echoMethod.Procedure, "")
	testkit.Receive(t, h.called, "the call")
	stopped := make(chan error, 1)
	go func() { stopped <- s.stop() }()
	p.wantCommand(zmtp.CommandGoodbye)
	p.send("late", "", echoMethod.Procedure, "")
	got := p.recv()
	if e := parseStatus([]byte(got[2])); got[0] != "late" || e.Code != CodeUnavailable || got[4] != "\x18\x01" {
		t.Fatalf("a request behind the goodbye got %q", got)
	}
	h.free()
	if got := p.recv(); got[0] != "running" || got[2] != "" {
		t.Errorf("the call that ran got %q", got)
	}
	p.wantCommand(zmtp.CommandGoodbye)
	ping := p.wantCommand(zmtp.CommandPing)
	p.send("later", "", echoMethod.Procedure, "") // it was on its way
	p.Send(zmtp.AppendCommand(nil, zmtp.CommandPong, ping[2:]))
	if got := p.recv(); got[0] != "later" || got[4] != "\x18\x01" {
		t.Errorf("a request before the PONG got %q", got)
	}
	p.Close()
	if err := testkit.Receive(t, stopped, "the end of the server"); err != nil {
		t.Error(err)
	}
}

// TestGoodbyeEndsRequests checks that a client sends a server nothing more once
// it has answered the PING behind the goodbye.
func TestGoodbyeEndsRequests(t *testing.T) {
	ln := zmtptest.Listen(t)
	c := dial(t, Connect(ln.Endpoint.String()), WithReadyTimeout(50*time.Millisecond))
	p := &rawPeer{ln.Next(), t}
	p.Shake("ROUTER", zmtp.PropertyGozmq, "1")
	if err := c.WaitForServers(testkit.Within(t), 1); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := Call[bytez](testkit.Within(t), c, echoMethod, wrapperspb.Bytes([]byte("x")))
		done <- err
	}()
	request := p.recv()
	p.Send(append(zmtp.AppendCommand(nil, zmtp.CommandGoodbye), zmtp.AppendPing(nil, 0)...))
	p.wantCommand(zmtp.CommandPong)
	wantCode(t, callEcho(testkit.Within(t), c, "y"), CodeUnavailable, "no peer is connected")
	p.send(request[0], "", "", request[3]) // the call that it had is answered
	if err := testkit.Receive(t, done, "the reply"); err != nil {
		t.Error(err)
	}
}
