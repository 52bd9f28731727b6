package gozmq

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
)

// fast reconnects without the pauses that are meant for networks.
func fast() SocketOption { return WithReconnectBackoff(time.Millisecond, 10*time.Millisecond) }

// closedPort returns a tcp endpoint that nobody listens on. It is none of those
// that the system gives to whoever asks for any port, or dials, so that a test can
// bind it later.
func closedPort(t testing.TB) string {
	t.Helper()
	const first, ports = 20_000, 12_000
	var ln net.Listener
	var err error
	for range 100 {
		if ln, err = net.Listen("tcp", fmt.Sprint("127.0.0.1:", first+rand.IntN(ports))); err == nil {
			defer ln.Close()
			return "tcp://" + ln.Addr().String()
		}
	}
	t.Fatal(err)
	panic("not reached")
}

func TestNoServer(t *testing.T) {
	dir := t.TempDir()
	tests := []struct {
		name     string
		endpoint Endpoints
		dialing  time.Duration // at most; inproc waits that long for who may bind
		parts    []string
	}{
		{"tcp", Connect(closedPort(t)), testkit.Patience(), []string{"no peer is connected", "connection refused"}},
		{"ipc", Connect("ipc://" + dir + "/none"), testkit.Patience(), []string{"no peer is connected", "no such file"}},
		{"inproc", Connect("inproc://" + t.Name()), 20 * time.Millisecond, []string{"no peer is connected", "nobody has bound"}},
		{"bound", Bind("tcp://127.0.0.1:*"), testkit.Patience(), []string{"no peer is connected"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			events := newRecorder()
			c := dial(t, tt.endpoint, WithReadyTimeout(100*time.Millisecond), WithConnectTimeout(tt.dialing, testkit.Patience()), events.option())
			if len(tt.endpoint.connect) > 0 {
				events.wait(t, EventDialFailed, 1)
			}
			wantCode(t, callEcho(testkit.Within(t), c, "x"), CodeUnavailable, append(tt.parts, echoMethod.Procedure)...)
		})
	}
}

// A context that ends before the ready timeout says so, and why nobody was
// there.
func TestNoServerUntilDeadline(t *testing.T) {
	events := newRecorder()
	c := dial(t, Connect(closedPort(t)), WithReadyTimeout(0), events.option())
	events.wait(t, EventDialFailed, 1)
	_, err := Call[bytez](testkit.Within(t), c, echoMethod, wrapperspb.Bytes(nil), WithTimeout(20*time.Millisecond))
	wantCode(t, err, CodeDeadlineExceeded, "no peer is connected", "refused")
}

// A call that was made before there was a server is answered by the one that
// comes.
func TestServerComesLater(t *testing.T) {
	for name, endpoint := range map[string]string{
		"tcp": closedPort(t), "ipc": "ipc://" + t.TempDir() + "/later", "inproc": "inproc://" + t.Name(),
	} {
		t.Run(name, func(t *testing.T) {
			c := dial(t, Connect(endpoint), fast())
			done := make(chan error, 1)
			go func() { done <- callEcho(testkit.Within(t), c, "x") }()
			serve(t, Bind(endpoint), echoHandlers())
			if err := testkit.Receive(t, done, "the answer"); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// The connection breaks with calls in flight: they fail at once, and not with
// their deadlines.
func TestServerDiesWithCallsInFlight(t *testing.T) {
	const n = 20
	endpoint, accept := listenRaw(t, "ROUTER")
	c := dial(t, Connect(endpoint), WithReconnectBackoff(time.Hour, time.Hour))
	p := accept()
	errs := make(chan error, n)
	for range n {
		go func() { errs <- callEcho(context.Background(), c, "x") }()
	}
	for range n {
		p.recv()
	}
	p.Close()
	for range n {
		wantCode(t, testkit.Receive(t, errs, "the end of a call"), CodeUnavailable, "connection lost", echoMethod.Procedure)
	}
}

// One server's end takes nothing of the budget for retries, however many calls
// it had: idempotent ones are answered by the server that comes after it.
func TestIdempotentCallsOutliveTheirServer(t *testing.T) {
	const n = 64
	endpoint, accept := listenRaw(t, "ROUTER")
	c := dial(t, Connect(endpoint), fast())
	p := accept()
	m := *echoMethod
	m.Idempotency, m.MaxAttempts = IdempotencyIdempotent, 2
	errs := make(chan error, n)
	for range n {
		go func() {
			_, err := Call[bytez](context.Background(), c, &m, wrapperspb.Bytes(nil))
			errs <- err
		}()
	}
	for range n {
		p.recv()
	}
	p.Close()
	p = accept()
	for range n {
		request := p.recv()
		p.send(request[0], "", "", "")
	}
	for range n {
		if err := testkit.Receive(t, errs, "the end of a call"); err != nil {
			t.Error(err)
		}
	}
}

func TestServerRestarts(t *testing.T) {
	for name, endpoint := range map[string]string{
		"tcp": closedPort(t), "ipc": "ipc://" + t.TempDir() + "/restarts", "inproc": "inproc://" + t.Name(),
	} {
		t.Run(name, func(t *testing.T) {
			events := newRecorder()
			c := dial(t, Connect(endpoint), fast(), events.option())
			for i := range 3 {
				s := serve(t, Bind(endpoint), echoHandlers())
				events.wait(t, EventConnected, i+1)
				mustEcho(t, c)
				if err := s.stop(); err != nil {
					t.Fatal(err)
				}
				events.wait(t, EventDisconnected, i+1)
			}
		})
	}
}

// counting answers with a name and counts its calls.
func counting(name string, calls *atomic.Int64, entered chan<- string, release <-chan struct{}) []Handler {
	return []Handler{Handle(echoMethod, func(ctx context.Context, req *bytez) (*bytez, error) {
		calls.Add(1)
		if entered != nil {
			entered <- name
			<-release
		}
		return wrapperspb.Bytes([]byte(name)), nil
	})}
}

func TestSeveralServers(t *testing.T) {
	const n = 3
	var calls [n]atomic.Int64
	var servers [n]*running
	var addrs []string
	for i := range n {
		servers[i] = serve(t, Bind("tcp://127.0.0.1:*"), counting("", &calls[i], nil, nil))
		addrs = append(addrs, servers[i].addr())
	}
	events := newRecorder()
	c := dial(t, Connect(addrs...), events.option())
	events.wait(t, EventConnected, n)
	for range 10 * n {
		if _, err := Call[bytez](testkit.Within(t), c, echoMethod, wrapperspb.Bytes(nil)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range calls {
		if got := calls[i].Load(); got != 10 {
			t.Errorf("server %d had %d calls, want 10", i, got)
		}
	}
	if err := servers[0].stop(); err != nil {
		t.Fatal(err)
	}
	events.wait(t, EventDisconnected, 1)
	before := calls[0].Load()
	for range 10 {
		if _, err := Call[bytez](testkit.Within(t), c, echoMethod, wrapperspb.Bytes(nil)); err != nil {
			t.Fatalf("with one server less: %v", err)
		}
	}
	if calls[0].Load() != before || calls[1].Load()+calls[2].Load() != 30 {
		t.Errorf("the calls are %d, %d and %d", before, calls[1].Load(), calls[2].Load())
	}
}

// A server that is busy gets fewer calls than one that is not.
func TestLeastLoadedServerIsChosen(t *testing.T) {
	entered, release := make(chan string, 100), make(chan struct{})
	var busy, free atomic.Int64
	s1 := serve(t, Bind("inproc://"+t.Name()+"1"), counting("busy", &busy, entered, release))
	s2 := serve(t, Bind("inproc://"+t.Name()+"2"), counting("free", &free, nil, nil))
	events := newRecorder()
	c := dial(t, Connect(s1.addr(), s2.addr()), events.option())
	events.wait(t, EventConnected, 2)
	ctx := testkit.Within(t)
	done := make(chan error, 1)
	for hangs := false; !hangs; { // until a call has gone to the busy server
		go func() {
			_, err := Call[bytez](ctx, c, echoMethod, wrapperspb.Bytes(nil))
			done <- err
		}()
		select {
		case <-entered:
			hangs = true
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	for range 50 {
		reply, err := Call[bytez](ctx, c, echoMethod, wrapperspb.Bytes(nil))
		if err != nil || string(reply.GetValue()) != "free" {
			t.Fatalf("got %q, %v", reply.GetValue(), err)
		}
	}
	if got := busy.Load(); got != 1 {
		t.Errorf("the busy server got %d calls, want 1", got)
	}
	close(release)
	if err := testkit.Receive(t, done, "the answer of the busy server"); err != nil {
		t.Error(err)
	}
}

// A Conn that is closed fails what is in flight, and everything after.
func TestConnClose(t *testing.T) {
	everywhere(t, func(t *testing.T, s site) {
		h := newStuck(t)
		_, c := s.pair(t, h.handlers(), nil, nil)
		done := make(chan error, 1)
		go func() { done <- callEcho(context.Background(), c, "x") }()
		testkit.Receive(t, h.called, "the call")
		if err := c.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		wantCode(t, testkit.Receive(t, done, "the end of the call"), CodeUnavailable)
		wantCode(t, callEcho(testkit.Within(t), c, "x"), CodeCanceled, "the Conn is closed")
		if err := c.Close(); err != nil {
			t.Errorf("Close again: %v", err)
		}
		h.free()
	})
}

// A call that is in flight when its Conn is closed fails likewise, although it
// might be tried again, or is tried twice at once.
func TestConnCloseEndsRetries(t *testing.T) {
	for name, option := range map[string]CallOption{"retry": WithTimeout(0), "hedging": WithHedging(2, time.Hour)} {
		t.Run(name, func(t *testing.T) {
			h := newStuck(t)
			_, c := site{endpoint: "tcp://127.0.0.1:*"}.pair(t, h.handlers(), nil, nil)
			again := *echoMethod
			again.Idempotency, again.MaxAttempts = IdempotencyNoSideEffects, 5
			done := make(chan error, 1)
			go func() {
				_, err := Call[bytez](testkit.Within(t), c, &again, &bytez{}, option)
				done <- err
			}()
			testkit.Receive(t, h.called, "the call")
			if err := c.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
			wantCode(t, testkit.Receive(t, done, "the end of the call"), CodeUnavailable)
			h.free()
		})
	}
}

// Close ends a call that still waits for a server.
func TestConnCloseWithoutServer(t *testing.T) {
	events := newRecorder()
	c := dial(t, Connect(closedPort(t)), events.option())
	events.wait(t, EventDialFailed, 1)
	done := make(chan error, 1)
	go func() { done <- callEcho(context.Background(), c, "x") }()
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	wantCode(t, testkit.Receive(t, done, "the end of the call"), CodeCanceled, "closed")
}

func TestUnknownMethod(t *testing.T) {
	everywhere(t, func(t *testing.T, s site) {
		_, c := s.pair(t, echoHandlers(), nil, nil)
		for _, name := range []string{"test.Service/Nope", "test.Service", "Echo", "x" + strings.Repeat("y", 300)} {
			_, err := Call[bytez](testkit.Within(t), c, &Method{Procedure: name}, wrapperspb.Bytes(nil))
			wantCode(t, err, CodeUnimplemented, name[:min(len(name), 128)], "not known here")
		}
		mustEcho(t, c)
	})
}

// Without linger Close does not wait; it has nothing to complain of when
// nothing is left to send.
func TestCloseWithoutLinger(t *testing.T) {
	s := serve(t, Bind("inproc://"+t.Name()), echoHandlers())
	for range 20 {
		c, err := Dial(Connect(s.addr()), WithLinger(0))
		if err != nil {
			t.Fatal(err)
		}
		mustEcho(t, c)
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
