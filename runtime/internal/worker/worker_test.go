package worker

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

var errLate = errors.New("not run")

// config returns what a worker with at-most-once delivery is set to.
func config(methods ...*Method) Config {
	return Config{
		Name: "test", Socket: testConfig(zmtp.Pull), Methods: methods, Concurrency: 1, Prefetch: -1,
		Drain: testkit.Patience(), LingerTime: testkit.Patience(),
		Linger: func(d time.Duration, shutdown func(context.Context) error) error {
			ctx, cancel := context.WithTimeout(context.Background(), d)
			defer cancel()
			return shutdown(ctx)
		},
		Observe:  func(zmtp.SocketType) func(link.Event) { return nil },
		Closed:   func() {},
		Describe: func(c *link.Conn) any { return &c.Peer },
		Unknown:  func([]byte) error { return errors.New("unknown") },
		Unsent:   func(_ *Method, err error, _ bool) error { return err },
		NotRun:   errLate,
	}
}

// Every task ends once: done, failed, or passed over.
func TestRun(t *testing.T) {
	var failed failures
	broken := errors.New("broken")
	w := New(config(method("m", func(w *fakeWork) error {
		switch w.body {
		case "fail":
			return broken
		case "panic":
			panic(broken)
		case "exit":
			runtime.Goexit()
		}
		return nil
	}, failed.add)))
	tasks, results := w.Links()
	if results != nil {
		t.Error("a worker without results has a socket for them")
	}
	p := pushing(t, bind(t, tasks))
	ended := make(chan error, 1)
	go func() { ended <- w.Run(context.Background()) }()
	for _, body := range []string{"bad", "fail", "panic", "exit", "fine"} {
		push(t, p, "m", body)
	}
	push(t, p, "other", "fine")
	testkit.Eventually(t, "the end of all tasks", func() bool { n := w.Progress(); return n.Done == 1 && n.Failed == 3 })
	for body, want := range map[string]error{"fail": broken, "panic": broken, "exit": errGoexit} {
		if got := failed.of(body); !errors.Is(got, want) {
			t.Errorf("%s failed with %v, want %v", body, got, want)
		}
	}
	if err := w.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if err := testkit.Receive(t, ended, "the end"); err != nil {
		t.Errorf("Run: %v", err)
	}
	if err := w.Run(context.Background()); err != ErrBegun {
		t.Errorf("a second Run returns %v", err)
	}
}

// A worker that ends while a handler is stuck names its method, and the tasks that
// it has not run.
func TestStuck(t *testing.T) {
	var failed failures
	var begun atomic.Bool
	release := make(chan struct{})
	cfg := config(method("m", func(*fakeWork) error { begun.Store(true); <-release; return nil }, failed.add))
	cfg.Drain = time.Millisecond
	w := New(cfg)
	tasks, _ := w.Links()
	p := pushing(t, bind(t, tasks))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	push(t, p, "m", "first")
	push(t, p, "m", "second")
	testkit.Eventually(t, "both tasks, and the begin of the first", func() bool { return tasks.Stats().MessagesIn == 2 && begun.Load() })
	cancel()
	err := testkit.Receive(t, ended, "the end")
	for _, part := range []string{"handlers have not returned", "1 of m", "not run: 1 of m"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("Run returns %v, want %q in it", err, part)
		}
	}
	if got := failed.of("second"); got != errLate {
		t.Errorf("the second task failed with %v", got)
	}
	close(release)
	testkit.Eventually(t, "the end of the handler", func() bool { return w.Progress().InFlight == 0 })
}
