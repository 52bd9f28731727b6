package soak

import (
	"context"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqtest"
)

// heartbeatTimeout is long enough for a busy machine, and shorter than the
// longest faults.
const heartbeatTimeout = 1500 * time.Millisecond

func beating() gozmq.SocketOption { return gozmq.WithHeartbeat(heartbeatTimeout/10, heartbeatTimeout) }

// TestSoak breaks connections and kills peers of all patterns at random, and
// accounts for every message at the end, those that are too large or end their
// worker included.
func TestSoak(t *testing.T) {
	random := newRand(t)
	warmUp(t)
	goroutines, descriptors := runtime.NumGoroutine(), openDescriptors(t)
	t.Run("run", func(t *testing.T) {
		calls, feed, tasks, bad := newSoakCalls(t), newSoakFeed(t), newSoakTasks(t), newSoakBad(t)
		streams := newSoakStreams(t, calls)
		c := &chaos{
			t: t, random: random, restart: calls.restart,
			proxies:  []*gozmqtest.Proxy{calls.near, calls.far, feed.proxy, feed.remoteProxy, tasks.from, tasks.to, tasks.remoteProxy},
			children: append(tasks.children, calls.child, feed.subscriber, feed.remote, tasks.remote),
		}
		for _, child := range c.children {
			child.start()
		}
		ctx, stop := context.WithTimeout(t.Context(), *soakFor)
		defer stop()
		living, end := context.WithCancel(t.Context())
		defer end()
		bad.live(living)
		var load sync.WaitGroup
		calls.load(ctx, &load)
		streams.load(ctx, &load)
		feed.load(ctx, &load)
		tasks.load(ctx, &load)
		bad.load(ctx, &load)
		c.run(ctx)
		load.Wait()

		calls.recovered()
		streams.recovered()
		feed.recovered()
		tasks.recovered()
		bad.recovered()
		end()
		bad.ends.Wait()
		for _, child := range c.children {
			child.stop()
		}
		calls.report()
		streams.report()
		feed.report()
		tasks.report()
		bad.report()
	})
	wantBack(t, "goroutines", goroutines, runtime.NumGoroutine)
	wantBack(t, "descriptors", descriptors, func() int { return openDescriptors(t) })
}

// warmUp opens what the Go runtime keeps open.
func warmUp(t *testing.T) {
	t.Run("warm up", func(t *testing.T) {
		l := newCallLine(t, nil)
		must(t, l.call(t, "warm up"))
		addr := make(chan string, 1)
		c := &child{t: t, role: "server", args: func(int) []string { return nil }, heard: func(_ int, _, value string) { addr <- value }}
		c.start()
		testkit.Receive(t, addr, "the address of a child")
		c.stop()
	})
}

// openDescriptors counts the descriptors of this process, or returns 0 where
// that cannot be done.
func openDescriptors(t *testing.T) int {
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Logf("descriptors are not counted: %v", err)
	}
	return len(list)
}

// wantBack waits until a count is back where it was.
func wantBack(t *testing.T, what string, before int, count func() int) {
	t.Helper()
	now := count()
	for deadline := time.Now().Add(testkit.Patience()); now > before && time.Now().Before(deadline); now = count() {
		runtime.Gosched()
	}
	t.Logf("%s: %d before, %d after", what, before, now)
	if now > before {
		t.Errorf("%s: %d before, %d after", what, before, now)
	}
}
