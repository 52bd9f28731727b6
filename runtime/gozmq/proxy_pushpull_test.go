package gozmq

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/relay"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

func TestProxyPushPull(t *testing.T) {
	overChains(t, PatternPushPull, func(t *testing.T, tasks chain) {
		end := "tcp://127.0.0.1:*"
		results := newChain(t, PatternPushPull, end, len(tasks))
		p := &testPipeline{ventilator(t, Connect(tasks.front())), sink(t, Connect(results.back())), nil, nil}
		for range 2 {
			work(t, squaring(squares), From(Connect(tasks.back())), To(Connect(results.front())))
		}
		p.push(t, 500)
		p.wantSquares(t, 500)
		for _, proxy := range append(tasks, results...) {
			wantStats(t, proxy, ProxyStats{ToBack: 500})
		}
	})
}

// Tasks go to the workers in turn, as they were sent.
func TestProxyPushesInTurn(t *testing.T) {
	events := newRecorder()
	p := proxy(t, PatternPushPull, Bind("tcp://127.0.0.1:*"), Bind("tcp://127.0.0.1:*"), events.option())
	workers := []*rawPeer{dialRaw(t, p.BackAddrs()[0], zmtp.Pull), dialRaw(t, p.BackAddrs()[0], zmtp.Pull)}
	push := dialRaw(t, p.FrontAddrs()[0], zmtp.Push)
	events.wait(t, EventConnected, 3)
	big := strings.Repeat("x", 70_000)
	for i := range 40 {
		push.send(fmt.Sprint(i), "", big)
	}
	seen := map[string]bool{}
	for _, w := range workers {
		last := -1
		for range 20 {
			got := w.recv()
			if len(got) != 3 || got[1] != "" || got[2] != big || seen[got[0]] {
				t.Fatalf("got %d frames, the first %q", len(got), got[0])
			}
			seen[got[0]] = true
			var n int
			if _, err := fmt.Sscan(got[0], &n); err != nil || n < last {
				t.Errorf("task %d came behind %d", n, last)
			}
			last = n
		}
	}
}

// Who pushes waits when the workers do: at no time is more under way than the
// queues hold, and all arrives.
func TestProxyPushesBack(t *testing.T) {
	// The worker that is played by hand answers no PING: on a slow machine the
	// test takes longer than a silent peer may.
	c := newChain(t, PatternPushPull, "tcp://127.0.0.1:*", 2, WithSendQueue(10, 1<<20), WithHeartbeat(0, 0))
	vent := ventilator(t, Connect(c.front()), WithSendQueue(10, 1<<20))
	worker := dialRaw(t, c.back(), zmtp.Pull)
	const tasks, most = 1500, 1000
	body := wrapperspb.Bytes(make([]byte, 64<<10))
	var pushed atomic.Int64
	done := make(chan error, 1)
	go func() {
		for range tasks {
			if err := vent.Push(context.Background(), logMethod, body); err != nil {
				done <- err
				return
			}
			pushed.Add(1)
		}
		done <- nil
	}()
	worst := int64(0)
	for got := range int64(tasks) {
		worst = max(worst, pushed.Load()-got)
		if frames := worker.recv(); frames[0] != logMethod.Procedure {
			t.Fatalf("got %.40q", frames[0])
		}
	}
	if err := testkit.Receive(t, done, "the last push"); err != nil {
		t.Error(err)
	}
	t.Logf("at most %d tasks were under way", worst)
	if worst > most {
		t.Errorf("%d tasks were under way, want at most %d", worst, most)
	}
}

// A proxy that closes hands on what it has taken.
func TestProxyCloseHandsOn(t *testing.T) {
	p, err := NewProxy(PatternPushPull, Front(Bind("tcp://127.0.0.1:*")), Back(Bind("tcp://127.0.0.1:*")), WithLinger(testkit.Patience()))
	if err != nil {
		t.Fatal(err)
	}
	push := dialRaw(t, p.FrontAddrs()[0], zmtp.Push)
	push.send("taken")
	closed := make(chan error, 1)
	worker := dialRaw(t, p.BackAddrs()[0], zmtp.Pull)
	if got := worker.recv(); got[0] != "taken" {
		t.Errorf("got %q", got)
	}
	for i := range 100 {
		push.send(fmt.Sprint(i))
	}
	testkit.Eventually(t, "the last task", func() bool { return p.Stats().ToBack == 101 })
	go func() { closed <- p.Close() }()
	for i := range 100 {
		if got := worker.recv(); got[0] != fmt.Sprint(i) {
			t.Fatalf("got %q, want task %d", got, i)
		}
	}
	push.wantClosed()
	push.Close()
	worker.wantClosed()
	worker.Close()
	if err := testkit.Receive(t, closed, "Close"); err != nil {
		t.Error(err)
	}
}

// A task that no one takes before the linger time is over is not lost in
// silence.
func TestProxyCloseReportsTasks(t *testing.T) {
	taken := make(chan struct{}, 1)
	capture := WithCaptureHandler(func(ProxyMessage) { taken <- struct{}{} })
	p, err := NewProxy(PatternPushPull, Front(Bind("tcp://127.0.0.1:*")), Back(Bind("tcp://127.0.0.1:*")), WithLinger(50*time.Millisecond), capture)
	if err != nil {
		t.Fatal(err)
	}
	push := dialRaw(t, p.FrontAddrs()[0], zmtp.Push)
	push.send("a task")
	testkit.Receive(t, taken, "the task")
	if err := p.Close(); !errors.Is(err, relay.ErrLeft) {
		t.Errorf("Close gave %v, want %v", err, relay.ErrLeft)
	}
	if err := p.Close(); !errors.Is(err, relay.ErrLeft) {
		t.Errorf("a second Close gave %v", err)
	}
}
