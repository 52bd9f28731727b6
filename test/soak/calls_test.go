package soak

import (
	"context"
	"fmt"
	"iter"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqimpl"
	"github.com/gozmq/gozmq/runtime/gozmqtest"
)

// An echoServer answers each call with its request and counts how often it had
// each.
type echoServer struct {
	mu   sync.Mutex
	runs map[string]int
}

func newEchoServer() *echoServer { return &echoServer{runs: make(map[string]int)} }

func (s *echoServer) register(r gozmq.Registrar) error {
	return gozmqimpl.Register(r, "soak.Calls", nil, func() []gozmqimpl.Handler {
		return []gozmqimpl.Handler{
			gozmqimpl.Handle(echoMethod, s.echo),
			gozmqimpl.HandleServerStream(endlessMethod, s.endless),
			gozmqimpl.HandleBidiStream(backMethod, s.back),
		}
	})
}

func (s *echoServer) echo(_ context.Context, req *text) (*text, error) {
	s.ran(req.GetValue())
	return req, nil
}

// endless sends the request again and again.
func (s *echoServer) endless(ctx context.Context, req *text, out gozmq.Sender[wrapperspb.StringValue]) error {
	for {
		if err := out.Send(ctx, req); err != nil {
			return err
		}
	}
}

// back sends each message back.
func (s *echoServer) back(ctx context.Context, in iter.Seq2[*text, error], out gozmq.Sender[wrapperspb.StringValue]) error {
	for m, err := range in {
		if err != nil {
			return err
		}
		if err := out.Send(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

func (s *echoServer) ran(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.runs[id]++
}

// callAccount says what became of each call.
type callAccount struct {
	mu       sync.Mutex
	answered map[string]bool
	failed   map[gozmq.Code]int
	wrong    []string
}

func newCallAccount() *callAccount {
	return &callAccount{answered: make(map[string]bool), failed: make(map[gozmq.Code]int)}
}

// call makes a call and notes its outcome.
func (a *callAccount) call(ctx context.Context, c gozmq.Caller, id string) error {
	reply, err := gozmqimpl.Call[text](ctx, c, echoMethod, wrapperspb.String(id))
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case err == nil && reply.GetValue() == id:
		a.answered[id] = true
	case err == nil:
		a.wrong = append(a.wrong, fmt.Sprintf("call %q got the reply of %q", id, reply.GetValue()))
	default:
		a.failed[gozmq.CodeOf(err)]++
		a.answered[id] = false
		if gozmq.CodeOf(err) != gozmq.CodeUnavailable {
			a.wrong = append(a.wrong, fmt.Sprintf("call %q: %v", id, err))
		}
	}
	return err
}

// check holds the account against what the servers ran. It returns how many
// calls were answered and how many failed.
func (a *callAccount) check(t testing.TB, s *echoServer) (answered, failed int) {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, wrong := range a.wrong[:min(len(a.wrong), 10)] {
		t.Error(wrong)
	}
	for id, ok := range a.answered {
		if ok {
			answered++
		} else {
			failed++
		}
		if n := s.runs[id]; n > 1 || ok && n != 1 {
			t.Errorf("call %q, answered %v, ran %d times", id, ok, n)
		}
	}
	for id := range s.runs {
		if _, ok := a.answered[id]; !ok {
			t.Errorf("call %q ran and was never made", id)
		}
	}
	t.Logf("calls: %d made, %d answered, %d failed %v", len(a.answered), answered, failed, a.failed)
	return answered, failed
}

// A callLine is a client and a server with a proxy between them.
type callLine struct {
	*gozmqtest.Proxy
	*callAccount
	server         *echoServer
	conn           *gozmq.Conn
	client, remote *recorder
}

func newCallLine(t testing.TB, before func(*gozmqtest.Proxy), opts ...gozmq.SocketOption) *callLine {
	t.Helper()
	l := &callLine{callAccount: newCallAccount(), server: newEchoServer(), client: newRecorder(), remote: newRecorder()}
	server, client := []gozmq.ServerOption{l.remote.option()}, []gozmq.DialOption{l.client.option(), fast()}
	for _, o := range opts {
		server, client = append(server, o), append(client, o)
	}
	addrs := gozmqtest.Serve(t, l.server.register, append(server, gozmq.Bind(anyPort))...)
	l.Proxy = gozmqtest.NewProxy(t, addrs[0])
	if before != nil {
		before(l.Proxy)
	}
	l.conn = gozmqtest.Open(gozmq.Dial(append(client, gozmq.Connect(l.Endpoint()))...)).For(t)
	return l
}

func (l *callLine) call(t testing.TB, id string) error {
	t.Helper()
	return l.callAccount.call(testkit.Within(t), l.conn, id)
}

func TestCallsSurviveHarmlessFaults(t *testing.T) {
	for _, f := range harmless() {
		t.Run(f.name, func(t *testing.T) {
			l := newCallLine(t, f.on)
			ctx := testkit.Within(t)
			var wg sync.WaitGroup
			for i := range 20 {
				wg.Go(func() {
					if err := l.callAccount.call(ctx, l.conn, fmt.Sprint("call ", i)); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			l.check(t, l.server)
		})
	}
}

// Calls in flight when the connection breaks fail or are answered; none hangs,
// and none gets the reply of another.
func TestCallsReset(t *testing.T) {
	random := newRand(t)
	l := newCallLine(t, nil)
	must(t, l.call(t, "first"))
	ctx, stop := context.WithCancel(testkit.Within(t))
	var wg sync.WaitGroup
	for caller := range 8 {
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				_ = l.callAccount.call(testkit.Within(t), l.conn, fmt.Sprint(caller, "/", i))
			}
		})
	}
	for range 20 {
		d := gozmqtest.Direction(random.IntN(2))
		must(t, l.WaitBytes(ctx, d, l.Bytes(d)+random.IntN(20_000)))
		l.Reset()
	}
	stop()
	wg.Wait()
	must(t, l.call(t, "last"))
	if answered, _ := l.check(t, l.server); answered < 20 {
		t.Errorf("%d calls were answered, want some between any two resets", answered)
	}
}

// The connection ends within an exchange, at every byte of it.
func TestCallsCutAnywhere(t *testing.T) {
	for name, d := range directions {
		t.Run(name, func(t *testing.T) {
			whole := newCallLine(t, nil)
			must(t, whole.call(t, "call"))
			for n := range whole.Bytes(d) + 1 {
				cutCall(t, d, n)
			}
		})
	}
}

func cutCall(t *testing.T, d gozmqtest.Direction, n int) {
	// Subtests free their sockets at once.
	t.Run(fmt.Sprint(n), func(t *testing.T) {
		t.Parallel()
		l := newCallLine(t, func(p *gozmqtest.Proxy) { p.Cut(d, n) })
		_ = l.call(t, "call")
		for i := 0; l.Connections() < 2 && i < 1000; i++ {
			_ = l.call(t, fmt.Sprint("more ", i)) // 0 bytes are cut with the next one
		}
		must(t, l.WaitConnections(testkit.Within(t), 2))
		l.client.wait(t, 1, gozmq.EventConnected)
		for i := 0; ; i++ { // the cut may not have been noticed yet
			if err := l.call(t, fmt.Sprint("after ", i)); err == nil {
				break
			} else if i == 10 {
				t.Fatal(err)
			}
		}
		l.check(t, l.server)
	})
}

// A peer that is silent while its connection stays open is found out.
func TestCallsHalfOpen(t *testing.T) {
	for name, fault := range map[string]struct{ on, off func(*gozmqtest.Proxy) }{
		"stall": {func(p *gozmqtest.Proxy) { p.Stall() }, func(p *gozmqtest.Proxy) { p.Resume() }},
		"drop":  {func(p *gozmqtest.Proxy) { p.Drop(true) }, func(p *gozmqtest.Proxy) { p.Drop(false) }},
		"one way": {func(p *gozmqtest.Proxy) { p.Drop(true, gozmqtest.ToClient) },
			func(p *gozmqtest.Proxy) { p.Drop(false) }},
	} {
		t.Run(name, func(t *testing.T) {
			l := newCallLine(t, nil, alert(), brisk())
			must(t, l.call(t, "before"))
			fault.on(l.Proxy)
			errs := make(chan error, 5)
			for i := range cap(errs) {
				go func() { errs <- l.callAccount.call(testkit.Within(t), l.conn, fmt.Sprint("lost ", i)) }()
			}
			l.client.wait(t, 1, gozmq.EventHeartbeatLost)
			fault.off(l.Proxy)
			for range cap(errs) {
				// One that had not left yet may be answered in the end.
				if err := testkit.Receive(t, errs, "the end of a call"); err != nil && gozmq.CodeOf(err) != gozmq.CodeUnavailable {
					t.Error(err)
				}
			}
			must(t, l.call(t, "after"))
			if name != "one way" {
				l.remote.wait(t, 1, gozmq.EventDisconnected)
			}
			l.check(t, l.server)
		})
	}
}

// A pause shorter than the heartbeat's timeout breaks nothing.
func TestCallsStalledForAMoment(t *testing.T) {
	l := newCallLine(t, nil, gozmq.WithHeartbeat(20*time.Millisecond, 20*time.Second))
	must(t, l.call(t, "before"))
	l.Stall()
	errs := make(chan error, 5)
	for i := range cap(errs) {
		go func() { errs <- l.callAccount.call(testkit.Within(t), l.conn, fmt.Sprint("held ", i)) }()
	}
	select {
	case err := <-errs:
		t.Errorf("a call ended while nothing passed: %v", err)
	case <-time.After(50 * time.Millisecond): // the fault
	}
	l.Resume()
	for range cap(errs) {
		must(t, testkit.Receive(t, errs, "an answer"))
	}
	l.check(t, l.server)
	if l.Connections() != 1 {
		t.Errorf("there were %d connections, want 1", l.Connections())
	}
}

func TestCallsRefused(t *testing.T) {
	l := newCallLine(t, nil)
	must(t, l.call(t, "before"))
	l.Refuse(true)
	l.Reset()
	l.client.wait(t, 1, refused()...)
	done := make(chan error, 1)
	go func() { done <- l.callAccount.call(testkit.Within(t), l.conn, "held") }()
	l.client.wait(t, l.client.count(refused()...)+2, refused()...)
	l.Refuse(false)
	must(t, testkit.Receive(t, done, "the answer once there is a way"))
	l.check(t, l.server)
}
