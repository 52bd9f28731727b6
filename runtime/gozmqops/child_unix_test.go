//go:build unix

package gozmqops

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	greetv1 "github.com/gozmq/gozmq/example/gen/greet/v1"
	"github.com/gozmq/gozmq/example/gen/greet/v1/greetv1gozmq"
	"github.com/gozmq/gozmq/example/gen/image/v1/imagev1gozmq"
	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

// allRoles opens one socket of each role; they are each other's peers. The server
// binds endpoint.
func allRoles(t *testing.T, endpoint string, h greeter) map[string]any {
	t.Helper()
	at := func(name string) string { return "inproc://" + t.Name() + "/" + name }
	srv := must[*gozmq.Server](t)(gozmq.NewServer(gozmq.Bind(endpoint, at("calls"))))
	if err := greetv1gozmq.RegisterGreeterServer(srv, h); err != nil {
		t.Fatal(err)
	}
	roles := map[string]any{
		"server":     srv,
		"proxy":      must[*gozmq.Proxy](t)(gozmq.NewProxy(gozmq.PatternReqRep, gozmq.Front(gozmq.Bind(at("proxied"))), gozmq.Back(gozmq.Connect(at("calls"))))),
		"client":     must[*gozmq.Conn](t)(gozmq.Dial(gozmq.Connect(at("proxied")))),
		"publisher":  must[*gozmq.Publisher](t)(gozmq.NewPublisher(gozmq.Bind(at("topics")))),
		"subscriber": must[*gozmq.Subscriber](t)(gozmq.NewSubscriber(gozmq.Connect(at("topics")))),
		"sink":       must[*gozmq.Sink](t)(gozmq.NewSink(gozmq.Bind(at("results")))),
	}
	for _, d := range []gozmq.Delivery{gozmq.DeliveryAtMostOnce, gozmq.DeliveryAtLeastOnce} {
		name := ""
		if d == gozmq.DeliveryAtLeastOnce {
			name = " at least once"
		}
		roles["ventilator"+name] = must[*gozmq.Ventilator](t)(gozmq.NewVentilator(d, gozmq.Bind(at("tasks"+name))))
		roles["puller"+name] = must[*gozmq.Sink](t)(gozmq.NewPuller(d, gozmq.Connect(at("tasks"+name))))
	}
	roles["worker"] = must[*gozmq.Worker](t)(imagev1gozmq.NewThumbnailsWorker(imagev1gozmq.UnimplementedThumbnailsWorker{},
		gozmq.From(gozmq.Connect(at("tasks"))), gozmq.To(gozmq.Connect(at("results")))))
	return roles
}

// TestReadyRoles has every role ready with its peers, and not ready, with a reason,
// when it was closed.
func TestReadyRoles(t *testing.T) {
	var g Group
	roles := allRoles(t, "inproc://"+t.Name(), greeter{})
	if err := roles["server"].(*gozmq.Server).Listen(); err != nil {
		t.Fatal(err)
	}
	for name, role := range roles {
		if err := g.Add(name, role); err != nil {
			t.Fatal(err)
		}
	}
	testkit.Eventually(t, "every role", func() bool { return g.Snapshot().Ready })
	sides := map[string]string{"worker": "tasks", "proxy": "front"}
	for name, role := range roles {
		if err := role.(interface{ Close() error }).Close(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := reason(&g, name+sides[name]); !strings.Contains(got, "closed") && !strings.Contains(got, "not open") {
			t.Errorf("%s was closed, and its reason is %q", name, got)
		}
	}
}

// TestProgram is the child of TestProcess: a program with all roles, as the guide
// has it, until SIGTERM.
func TestProgram(t *testing.T) {
	if os.Getenv("GOZMQOPS_TEST_PROGRAM") == "" {
		t.Skip("it is the child of TestProcess")
	}
	h := greeter{called: make(chan struct{}, 10), release: make(chan struct{})}
	close(h.release)
	var g Group
	for name, role := range allRoles(t, "fd://calls", h) {
		if err := g.Add(name, role); err != nil {
			t.Fatal(err)
		}
	}
	g.AddHealth(healthFunc(func() { fmt.Println("program: not serving") }))
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	go func() {
		testkit.Eventually(t, "every role", func() bool { return g.Snapshot().Ready })
		fmt.Println("program: ready")
	}()
	err := g.Run(ctx, WithGrace(time.Millisecond), func(o *runOptions) {
		sleep := o.sleep
		o.sleep = func(d time.Duration) {
			sleep(d)
			_, _ = io.Copy(io.Discard, os.Stdin) // until TestProcess has called once more
		}
	})
	fmt.Println("program: ended", err)
}

// TestProcess runs a program with all roles in a process of its own, as systemd
// does: it inherits its listener, says when it is ready and when it stops, answers
// calls until its grace is over, and ends by itself after SIGTERM, well.
func TestProcess(t *testing.T) {
	j := new(journal)
	systemd(t, j)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	file, err := ln.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	conn := must[*gozmq.Conn](t)(gozmq.Dial(gozmq.Connect("tcp://"+ln.Addr().String()), gozmq.WithReconnectBackoff(time.Millisecond, 10*time.Millisecond)))
	ln.Close() // the descriptor stays
	call := func() error {
		_, err := greetv1gozmq.NewGreeterClient(conn).SayHello(testkit.Within(t), new(greetv1.HelloRequest), gozmq.WithWaitForReady(), gozmq.WithTimeout(0))
		return err
	}
	cmd := exec.Command("sh", "-c", `LISTEN_PID=$$ exec "$0" "$@"`, os.Args[0], "-test.run=^TestProgram$", "-test.v")
	cmd.Env = append(os.Environ(), "GOZMQOPS_TEST_PROGRAM=1", "LISTEN_FDS=1", "LISTEN_FDNAMES=calls")
	cmd.ExtraFiles, cmd.Stderr = []*os.File{file}, os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	said := make(chan string, 10)
	go func() {
		defer close(said)
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			if text, ok := strings.CutPrefix(lines.Text(), "program: "); ok {
				said <- text
			}
		}
	}()
	if err := call(); err != nil { // which waits in the listener's queue
		t.Error(err)
	}
	want := func(text string) {
		t.Helper()
		if got := testkit.Receive(t, said, text); got != text {
			t.Errorf("the program says %q, want %q", got, text)
		}
	}
	want("ready")
	testkit.Eventually(t, "READY=1", func() bool { return j.has("READY=1") })
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	want("not serving")
	if err := call(); err != nil {
		t.Errorf("within the time of grace: %v", err)
	}
	stdin.Close()
	want("ended <nil>")
	for range said {
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("the program: %v", err)
	}
	testkit.Eventually(t, "STOPPING=1", func() bool { return j.has("STOPPING=1") })
	j.mu.Lock()
	defer j.mu.Unlock()
	if want := []string{"READY=1", "STOPPING=1"}; !slices.Equal(j.lines, want) {
		t.Errorf("systemd was told %q, want %q", j.lines, want)
	}
}
