package gozmq

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
)

type bytez = wrapperspb.BytesValue

// unique keeps the inproc names of tests apart.
var unique atomic.Int64

// inproc is a new site in this process.
func inproc() site { return site{endpoint: endpoints()["inproc"]} }

// endpoints are where a socket may bind, per transport.
func endpoints() map[string]string {
	return map[string]string{
		"tcp":    "tcp://127.0.0.1:*",
		"ipc":    "ipc://*",
		"inproc": "inproc://" + strconv.FormatInt(unique.Add(1), 10),
	}
}

// A site says where two sockets meet, and which of them binds.
type site struct {
	endpoint string
	swapped  bool // the one that usually connects binds
}

// everywhere runs a test for every transport, with either side binding.
func everywhere(t *testing.T, test func(t *testing.T, s site)) {
	for name, endpoint := range endpoints() {
		t.Run(name, func(t *testing.T) { test(t, site{endpoint: endpoint}) })
		t.Run(name+" swapped", func(t *testing.T) { test(t, site{endpoint: endpoint, swapped: true}) })
	}
}

// overEach runs a test for every transport.
func overEach(t *testing.T, test func(t *testing.T, s site)) {
	for name, endpoint := range endpoints() {
		t.Run(name, func(t *testing.T) { test(t, site{endpoint: endpoint}) })
	}
}

// A running server.
type running struct {
	*Server
	cancel context.CancelFunc
	done   chan error
	once   sync.Once
	err    error
}

// stop ends Serve and returns what it returned.
func (r *running) stop() error {
	r.once.Do(func() {
		r.cancel()
		r.err = <-r.done
	})
	return r.err
}

// addr is the first endpoint that was bound.
func (r *running) addr() string { return r.Addrs()[0] }

// idleServer returns a server with a service that has no methods.
func idleServer(opts ...ServerOption) (*Server, error) {
	s, err := NewServer(opts...)
	if err == nil {
		err = s.RegisterService(Service{Name: "test.Idle"})
	}
	return s, err
}

// newServer returns a server.
func newServer(t testing.TB, opts ...ServerOption) *Server {
	t.Helper()
	s, err := NewServer(opts...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// serve runs a server with the handlers until the test ends.
func serve(t testing.TB, where Endpoints, handlers []Handler, opts ...ServerOption) *running {
	t.Helper()
	s := newServer(t, append([]ServerOption{where}, opts...)...)
	if err := s.RegisterService(Service{Name: "test.Service", Handlers: handlers}); err != nil {
		t.Fatal(err)
	}
	return run(t, s)
}

// run runs a server until the test ends. Its endpoints are open when run returns.
func run(t testing.TB, s *Server) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{Server: s, cancel: cancel, done: make(chan error, 1)}
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	go func() { r.done <- s.Serve(ctx) }()
	t.Cleanup(func() {
		if err := r.stop(); err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return r
}

// pair runs a server and a Conn to it.
func (s site) pair(t testing.TB, handlers []Handler, server []ServerOption, client []DialOption) (*running, *Conn) {
	t.Helper()
	if s.swapped {
		c := dial(t, append(client, Bind(s.endpoint))...)
		return serve(t, Connect(c.Addrs()[0]), handlers, server...), c
	}
	r := serve(t, Bind(s.endpoint), handlers, server...)
	return r, dial(t, append(client, Connect(r.addr()))...)
}

// dial opens a Conn until the test ends.
func dial(t testing.TB, opts ...DialOption) *Conn {
	t.Helper()
	c, err := Dial(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("Conn.Close: %v", err)
		}
	})
	return c
}

// echoMethod is a method without any option.
var echoMethod = &Method{Procedure: "test.Service/Echo"}

// echo answers with the request.
func echo(ctx context.Context, req *bytez) (*bytez, error) { return req, nil }

func echoHandlers() []Handler { return []Handler{Handle(echoMethod, echo)} }

// callEcho makes one call and checks its answer.
func callEcho(ctx context.Context, c Caller, body string) error {
	reply, err := Call[bytez](ctx, c, echoMethod, wrapperspb.Bytes([]byte(body)))
	if err == nil && string(reply.GetValue()) != body {
		err = errors.New("the answer is not what was asked")
	}
	return err
}

// mustEcho is callEcho that must go well.
func mustEcho(t testing.TB, c Caller) {
	t.Helper()
	if err := callEcho(testkit.Within(t), c, t.Name()); err != nil {
		t.Fatalf("a good call failed: %v", err)
	}
}

// wantCode checks an error's code and that its text has each of the parts.
func wantCode(t testing.TB, err error, code Code, parts ...string) {
	t.Helper()
	if CodeOf(err) != code {
		t.Fatalf("got error %.300v (%v), want code %v", err, CodeOf(err), code)
	}
	wantText(t, err, parts...)
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

func wantEqual(t testing.TB, got, want proto.Message) {
	t.Helper()
	if !proto.Equal(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
}
