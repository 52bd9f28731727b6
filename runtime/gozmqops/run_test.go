package gozmqops

import (
	"context"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	greetv1 "github.com/gozmq/gozmq/example/gen/greet/v1"
	"github.com/gozmq/gozmq/example/gen/greet/v1/greetv1gozmq"
	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

// A greeter answers when it is released.
type greeter struct {
	greetv1gozmq.UnimplementedGreeterServer
	called, release chan struct{}
}

func (g greeter) SayHello(context.Context, *greetv1.HelloRequest) (*greetv1.HelloReply, error) {
	g.called <- struct{}{}
	<-g.release
	return &greetv1.HelloReply{Message: "hello"}, nil
}

// A journal keeps what happened, in order.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) write(line string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, line)
}

func (j *journal) has(line string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Contains(j.lines, line)
}

type healthFunc func()

func (f healthFunc) Shutdown() { f() }

// systemd plays systemd: it writes what it is told into the journal.
func systemd(t *testing.T, j *journal) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Skip(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		b := make([]byte, 100)
		for {
			n, err := conn.Read(b)
			if err != nil {
				return
			}
			j.write(string(b[:n]))
		}
	}()
	t.Cleanup(func() {
		conn.Close()
		<-done
	})
	t.Setenv("NOTIFY_SOCKET", path)
}

// TestRun stops a program with a call under way: who watches its health learns of
// it first, calls are still answered in the time of grace, the one that runs is
// finished, and what it uses is closed at last.
func TestRun(t *testing.T) {
	j := new(journal)
	systemd(t, j)
	h := greeter{called: make(chan struct{}, 10), release: make(chan struct{})}
	srv := must[*gozmq.Server](t)(gozmq.NewServer(gozmq.Bind("inproc://" + t.Name())))
	if err := greetv1gozmq.RegisterGreeterServer(srv, h); err != nil {
		t.Fatal(err)
	}
	pub := must[*gozmq.Publisher](t)(gozmq.NewPublisher(gozmq.Bind("inproc://"+t.Name()+"/pub"), gozmq.WithEventHandler(func(gozmq.Event) {})))
	var g Group
	for name, role := range map[string]any{"greeter": srv, "publisher": pub} {
		if err := g.Add(name, role); err != nil {
			t.Fatal(err)
		}
	}
	g.AddHealth(healthFunc(func() {
		if s := g.Snapshot(); s.Ready || !s.Stopping {
			t.Error("the group is ready while it stops")
		}
		j.write("not serving")
	}))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ran := make(chan error, 1)
	served := make(chan struct{})
	untilServed := func(o *runOptions) {
		o.sleep = func(d time.Duration) {
			if d != time.Hour {
				t.Errorf("it waits for %v, want an hour", d)
			}
			<-served
		}
	}
	go func() { ran <- g.Run(ctx, WithGrace(time.Hour), untilServed) }()
	testkit.Eventually(t, "READY=1", func() bool { return j.has("READY=1") })
	conn := must[*gozmq.Conn](t)(gozmq.Dial(gozmq.Connect(srv.Addrs()...)))
	replies := make(chan error, 2)
	call := func() {
		_, err := greetv1gozmq.NewGreeterClient(conn).SayHello(testkit.Within(t), new(greetv1.HelloRequest), gozmq.WithTimeout(0))
		replies <- err
	}
	go call()
	testkit.Receive(t, h.called, "the call")
	cancel()
	testkit.Eventually(t, "STOPPING=1", func() bool { return j.has("STOPPING=1") })
	go call() // within the time of grace
	testkit.Receive(t, h.called, "the second call")
	close(served)
	close(h.release)
	for range 2 {
		if err := testkit.Receive(t, replies, "a reply"); err != nil {
			t.Errorf("a call failed: %v", err)
		}
	}
	if err := testkit.Receive(t, ran, "the end"); err != nil {
		t.Error(err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if want := []string{"READY=1", "not serving", "STOPPING=1"}; !slices.Equal(j.lines, want) {
		t.Errorf("the journal has %q, want %q", j.lines, want)
	}
	if got := reason(&g, "publisher"); !strings.Contains(got, "closed") {
		t.Errorf("the publisher is %q, want it closed", got)
	}
	if err := g.Run(context.Background()); err == nil {
		t.Error("a group runs twice")
	}
}

// TestRunFails checks that a server that cannot be opened ends the program, with
// everything closed, and that nothing said it was ready.
func TestRunFails(t *testing.T) {
	j := new(journal)
	systemd(t, j)
	busy := must[*gozmq.Publisher](t)(gozmq.NewPublisher(gozmq.Bind("inproc://" + t.Name())))
	srv := must[*gozmq.Server](t)(gozmq.NewServer(gozmq.Bind(busy.Addrs()...)))
	if err := greetv1gozmq.RegisterGreeterServer(srv, greeter{}); err != nil {
		t.Fatal(err)
	}
	conn := must[*gozmq.Conn](t)(gozmq.Dial(gozmq.Connect("inproc://" + t.Name() + "/nobody")))
	var g Group
	if err := g.Add("conn", conn); err != nil {
		t.Fatal(err)
	}
	if err := g.Add("server", srv); err != nil {
		t.Fatal(err)
	}
	err := g.Run(context.Background())
	if err == nil || !strings.Contains(err.Error(), "server: ") || !strings.Contains(err.Error(), "in use") {
		t.Errorf("got error %v", err)
	}
	if j.has("READY=1") || !strings.Contains(reason(&g, "conn"), "closed") {
		t.Errorf("the client is %q", reason(&g, "conn"))
	}
}
