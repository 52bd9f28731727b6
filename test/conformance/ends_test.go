package conformance

import (
	"context"
	"io"
	"iter"
	"slices"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqimpl"
)

// What follows opens our ends. Their framing is bare: a body is all that a
// message has behind its envelope or topic.

type text = wrapperspb.BytesValue

var (
	echoMethod = &gozmq.Method{Procedure: "conformance.Echo/Call", Bare: true}
	taskMethod = &gozmq.Method{Procedure: "conformance.Tasks/Run", Bare: true}
	// news is published under its own text.
	news = gozmqimpl.NewTopic[text]("conformance.News", "")
)

func words(s string) *text { return wrapperspb.Bytes([]byte(s)) }

// encode returns a body.
func encode(t *testing.T, s string) string {
	t.Helper()
	b, err := proto.Marshal(words(s))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// decode returns what is in a body.
func decode(t *testing.T, body string) string {
	t.Helper()
	m := new(text)
	if err := proto.Unmarshal([]byte(body), m); err != nil {
		t.Fatalf("%q is no body: %v", body, err)
	}
	return string(m.GetValue())
}

// closeAfter closes c when patience is at its end, unless it is stopped before.
func closeAfter(c io.Closer) (stop func()) {
	timer := time.AfterFunc(testkit.Patience(), func() { c.Close() })
	return func() { timer.Stop() }
}

func want(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("%s is %.400q, want %.400q", what, got, want)
	}
}

// quick are options for tests: our end is quick to connect again and to end.
func quick() []gozmq.SocketOption {
	return []gozmq.SocketOption{gozmq.WithReconnectBackoff(time.Millisecond, 20*time.Millisecond), gozmq.WithLinger(0)}
}

func withQuick[O any](opts []O) []O {
	var list []O
	for _, o := range quick() {
		list = append(list, any(o).(O))
	}
	return append(list, opts...)
}

// closing closes one of our ends with the test. What it could not send is for
// the test to judge.
func closing(t *testing.T, c io.Closer) {
	t.Cleanup(func() { _ = c.Close() })
}

// A server is one of our servers.
type server struct {
	*gozmq.Server
	*recorder
	endpoint string
	stop     func()
}

func echo(_ context.Context, req *text) (*text, error) { return req, nil }

// serve starts a server of echoMethod, which binds.
func (at *env) serve(t *testing.T, f func(context.Context, *text) (*text, error), opts ...gozmq.ServerOption) *server {
	t.Helper()
	return serveAt(t, gozmq.Bind(at.endpoint()), f, opts...)
}

func serveAt(t *testing.T, where gozmq.Endpoints, f func(context.Context, *text) (*text, error), opts ...gozmq.ServerOption) *server {
	t.Helper()
	s := &server{recorder: newRecorder()}
	opts = append([]gozmq.ServerOption{gozmq.WithDrainTimeout(0), s.option()}, opts...)
	var err error
	if s.Server, err = gozmq.NewServer(withQuick(append(opts, where))...); err != nil {
		t.Fatal(err)
	}
	err = s.RegisterService(gozmqimpl.Service{Name: "conformance.Echo", Handlers: []gozmqimpl.Handler{gozmqimpl.Handle(echoMethod, f)}})
	if err == nil {
		err = s.Listen()
	}
	if err != nil {
		t.Fatal(err)
	}
	if addrs := s.Addrs(); len(addrs) > 0 {
		s.endpoint = addrs[0]
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Serve(ctx)
	}()
	s.stop = sync.OnceFunc(func() { cancel(); <-done })
	t.Cleanup(s.stop)
	return s
}

// wantService checks that a good peer is served.
func (s *server) wantService(t *testing.T, at *env) {
	t.Helper()
	p := at.dial(t, "REQ", s.endpoint)
	defer p.close()
	p.send(encode(t, "still there?"))
	want(t, "the answer", p.recv(), []string{encode(t, "still there?")})
}

// A client is one of our clients.
type client struct {
	*gozmq.Conn
	*recorder
}

func dial(t *testing.T, where gozmq.Endpoints, opts ...gozmq.DialOption) *client {
	t.Helper()
	c := &client{recorder: newRecorder()}
	var err error
	if c.Conn, err = gozmq.Dial(append(withQuick(append([]gozmq.DialOption{c.option()}, opts...)), where)...); err != nil {
		t.Fatal(err)
	}
	closing(t, c)
	return c
}

// call makes one call.
func (c *client) call(ctx context.Context, req string, opts ...gozmq.CallOption) (string, error) {
	reply, err := gozmqimpl.Call[text](ctx, c, echoMethod, words(req), opts...)
	return string(reply.GetValue()), err
}

// An outcome is what became of a call.
type outcome struct {
	reply string
	err   error
}

// begin makes one call in a goroutine.
func (c *client) begin(ctx context.Context, req string, opts ...gozmq.CallOption) <-chan outcome {
	ch := make(chan outcome, 1)
	go func() {
		reply, err := c.call(ctx, req, opts...)
		ch <- outcome{reply, err}
	}()
	return ch
}

// wantReply waits for the end of a call that must go well.
func wantReply(t *testing.T, ch <-chan outcome, reply string) {
	t.Helper()
	if o := testkit.Receive(t, ch, "the end of the call"); o.err != nil || o.reply != reply {
		t.Fatalf("the call returned %q, %v, want %q", o.reply, o.err, reply)
	}
}

// wantCode waits for the end of a call that must fail.
func wantCode(t *testing.T, ch <-chan outcome, code gozmq.Code) {
	t.Helper()
	if o := testkit.Receive(t, ch, "the end of the call"); gozmq.CodeOf(o.err) != code || o.err == nil {
		t.Fatalf("the call returned %q, %v, want the code %v", o.reply, o.err, code)
	}
}

// A stream is an iteration in a goroutine of its own.
type stream struct {
	t     *testing.T
	items chan string // closed when the iteration has ended
	stop  context.CancelFunc
}

// follow iterates until the test ends or stop is called.
func follow(t *testing.T, begin func(context.Context) iter.Seq2[*text, error]) *stream {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	s := &stream{t: t, items: make(chan string, 10_000)}
	go func() {
		defer close(s.items)
		for m, err := range begin(ctx) {
			if err != nil {
				s.items <- "error: " + err.Error()
				continue
			}
			s.items <- string(m.GetValue())
		}
	}()
	s.stop = sync.OnceFunc(func() {
		cancel()
		for range s.items {
		}
	})
	t.Cleanup(s.stop)
	return s
}

// next returns the next message.
func (s *stream) next() string {
	s.t.Helper()
	return testkit.Receive(s.t, s.items, "a message")
}

func (s *stream) want(list ...string) {
	s.t.Helper()
	for _, w := range list {
		if got := s.next(); got != w {
			s.t.Fatalf("got %.200q, want %.200q", got, w)
		}
	}
}
