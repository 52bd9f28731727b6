package gozmqcurve

import (
	"context"
	"io"
	"strings"
	"testing"

	greetv1 "github.com/gozmq/gozmq/example/gen/greet/v1"
	"github.com/gozmq/gozmq/example/gen/greet/v1/greetv1gozmq"
	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

func newKey(t testing.TB) SecretKey {
	t.Helper()
	k, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// A greeter passes on the identities of its callers.
type greeter struct {
	greetv1gozmq.UnimplementedGreeterServer
	callers chan *gozmq.AuthIdentity
}

func (g greeter) SayHello(ctx context.Context, _ *greetv1.HelloRequest) (*greetv1.HelloReply, error) {
	g.callers <- gozmq.PeerFromContext(ctx).Identity
	return new(greetv1.HelloReply), nil
}

// A server is a greeter under test, with a key of its own.
type server struct {
	srv     *gozmq.Server
	key     SecretKey
	addr    string
	callers chan *gozmq.AuthIdentity
	events  testkit.Recorder[gozmq.Event]
}

// serve starts a server that auth guards.
func serve(t *testing.T, auth gozmq.Authenticator) *server {
	t.Helper()
	s := &server{key: newKey(t), callers: make(chan *gozmq.AuthIdentity, 10)}
	srv, err := gozmq.NewServer(gozmq.Bind("tcp://127.0.0.1:*"),
		gozmq.WithSecurity(Server(s.key, auth)), gozmq.WithEventHandler(s.events.Record))
	if err != nil {
		t.Fatal(err)
	}
	closing(t, srv)
	if err := greetv1gozmq.RegisterGreeterServer(srv, greeter{callers: s.callers}); err != nil {
		t.Fatal(err)
	}
	if err := srv.Listen(); err != nil {
		t.Fatal(err)
	}
	s.srv, s.addr = srv, srv.Addrs()[0]
	return s
}

// dial connects to the server with a client's key.
func (s *server) dial(t *testing.T, k SecretKey, opts ...gozmq.DialOption) *gozmq.Conn {
	t.Helper()
	conn, err := gozmq.Dial(append(opts, gozmq.Connect(s.addr), gozmq.WithSecurity(Client(k, s.key.Public())))...)
	if err != nil {
		t.Fatal(err)
	}
	closing(t, conn)
	return conn
}

// greet makes a call, which must go well, and returns who the server saw.
func (s *server) greet(t *testing.T, conn *gozmq.Conn) *gozmq.AuthIdentity {
	t.Helper()
	if _, err := greetv1gozmq.NewGreeterClient(conn).SayHello(testkit.Within(t), new(greetv1.HelloRequest), gozmq.WithTimeout(0)); err != nil {
		t.Fatalf("a good call failed: %v", err)
	}
	return testkit.Receive(t, s.callers, "a caller's identity")
}

// refusal returns why the n-th peer was refused, once it was.
func (s *server) refusal(t *testing.T, n int) error {
	t.Helper()
	return s.events.Wait(t, 0, n, "refusals", func(e gozmq.Event) bool { return e.Kind == gozmq.EventAuthFailed })[n-1].Err
}

func closing(t *testing.T, c io.Closer) {
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
}

func wantText(t testing.TB, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("got no error, want one with %q", parts)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Fatalf("got error %.300q, want %q in it", err, part)
		}
	}
}

func wantCode(t testing.TB, err error, code gozmq.Code, parts ...string) {
	t.Helper()
	if gozmq.CodeOf(err) != code {
		t.Fatalf("got error %.300v (%v), want code %v", err, gozmq.CodeOf(err), code)
	}
	wantText(t, err, parts...)
}
