package soak

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqimpl"
	"github.com/gozmq/gozmq/runtime/gozmqtest"
)

func streamPair(t *testing.T) *gozmq.Conn {
	addrs := gozmqtest.Serve(t, func(r gozmq.Registrar) error { return registerStreams(r, func(string) {}) }, gozmq.Bind(anyPort), gozmq.WithConcurrency(20_000))
	return gozmqtest.Open(gozmq.Dial(gozmq.Connect(addrs...))).For(t)
}

// unread opens a stream and receives its first message only.
func unread(t *testing.T, ctx context.Context, c *gozmq.Conn) gozmq.Stream {
	t.Helper()
	s := c.Stream(ctx, floodMethod)
	must(t, s.Send(ctx, wrapperspb.String("")))
	if more, err := s.Receive(ctx, new(text)); !more {
		t.Fatal(err)
	}
	return s
}

// TestUnreadBesideLive measures what 99 live streams carry, beside one that is not
// read and without. With -hostile it checks that it is about the same.
func TestUnreadBesideLive(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c := streamPair(t)
	var received atomic.Int64
	var live sync.WaitGroup
	for range 99 {
		live.Go(func() {
			for _, err := range gozmqimpl.ServerStream[text](ctx, c, floodMethod, wrapperspb.String("")) {
				if err != nil {
					return
				}
				received.Add(1)
			}
		})
	}
	round := max(*hostileFor, 50*time.Millisecond)
	rate := func() float64 {
		before := received.Load()
		<-time.After(round)
		return float64(received.Load()-before) / round.Seconds()
	}
	testkit.Eventually(t, "the first messages", func() bool { return received.Load() > 1000 })
	var without, with float64
	for range 5 {
		without += rate() / 5
		s := unread(t, ctx, c)
		with += rate() / 5
		s.Close()
	}
	t.Logf("99 live streams: %.0f messages/s, beside one that is not read %.0f/s: %.2f", without, with, with/without)
	if *hostileFor > 0 && with < without*8/10 {
		t.Error("a stream that is not read holds up others")
	}
	s := unread(t, ctx, c)
	before := received.Load()
	testkit.Eventually(t, "more than was on its way, beside a stream that is not read", func() bool { return received.Load() > before+10_000 })
	s.Close()
	cancel()
	live.Wait()
}

// TestManyUnreadStreams measures what many open streams take that nobody reads, at
// both ends together, each with what its first credit allows.
func TestManyUnreadStreams(t *testing.T) {
	n := many()
	ctx := testkit.Within(t)
	c := streamPair(t)
	_ = unread(t, ctx, c)
	before := takings(t)
	goroutines := runtime.NumGoroutine()
	streams := make([]gozmq.Stream, 0, n)
	for range n {
		s := c.Stream(ctx, floodMethod)
		must(t, s.Send(ctx, wrapperspb.String("")))
		streams = append(streams, s)
	}
	_ = unread(t, ctx, c) // all that came before was read from the connection
	after := takings(t)
	t.Logf("%d unread streams: %d MiB of heap and stacks, %d goroutines", n, (after.bytes-before.bytes)>>20, runtime.NumGoroutine()-goroutines)
	if each := (after.bytes - before.bytes) / n; each > 256<<10 {
		t.Errorf("each takes %d bytes", each)
	}
	for _, s := range streams {
		s.Close()
	}
}
