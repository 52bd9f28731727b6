package gozmqhealth

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/internal/testkit"
	gozmqv1 "github.com/gozmq/gozmq/proto/gozmq/v1"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

// A caller makes checks without a network.
type caller struct {
	gozmq.Caller // nil: nothing here makes a stream
	*server
	calls atomic.Int64
	err   error
}

func (c *caller) Call(ctx context.Context, m *gozmq.Method, req, reply proto.Message, _ ...gozmq.CallOption) error {
	c.calls.Add(1)
	if c.err != nil {
		return c.err
	}
	resp, err := c.Check(ctx, req.(*gozmqv1.HealthCheckRequest))
	if err == nil {
		proto.Merge(reply, resp)
	}
	return err
}

// watch yields into a channel, which is closed when the iteration ends.
func watch(ctx context.Context, c gozmq.Caller, service string) <-chan any {
	got := make(chan any, 16)
	go func() {
		defer close(got)
		for status, err := range Watch(ctx, c, service) {
			if err != nil {
				got <- err
			} else {
				got <- status
			}
		}
	}()
	return got
}

func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, s := newHealth(t)
		c := &caller{server: s}
		ctx, cancel := context.WithCancel(t.Context())
		got := watch(ctx, c, "a.Service")
		if first := <-got; first != unknown {
			t.Fatalf("got %v first", first)
		}
		h.Set("a.Service", true)
		if next := <-got; next != serving {
			t.Fatalf("got %v, want serving", next)
		}
		// Nothing happens for an hour: the server is asked now and then.
		synctest.Wait()
		c.calls.Store(0)
		<-time.After(time.Hour)
		synctest.Wait()
		if most := int64(time.Hour/pollWait) + 1; c.calls.Load() == 0 || c.calls.Load() > most || len(got) > 0 {
			t.Fatalf("%d checks in an hour yielded %d times, want at most %d and 0", c.calls.Load(), len(got), most)
		}
		// A server that shuts down answers every check at once.
		h.Shutdown()
		if next := <-got; next != notServing {
			t.Fatalf("got %v, want not serving", next)
		}
		synctest.Wait()
		c.calls.Store(0)
		<-time.After(time.Minute)
		synctest.Wait()
		if most := int64(time.Minute/pollPause) + 1; c.calls.Load() == 0 || c.calls.Load() > most {
			t.Fatalf("%d checks in a minute, want at most %d", c.calls.Load(), most)
		}
		cancel()
		if rest, ok := <-got; ok {
			t.Fatalf("got %v after the context had ended", rest)
		}
	})
}

func TestWatchEndsWithError(t *testing.T) {
	_, s := newHealth(t)
	gone := gozmq.Errorf(gozmq.CodeUnavailable, "gone")
	got := watch(testkit.Within(t), &caller{server: s, err: gone}, "")
	if err, ok := (<-got).(error); !ok || !errors.Is(err, error(gone)) {
		t.Fatalf("got %v, want %v", err, gone)
	}
	if rest, ok := <-got; ok {
		t.Fatalf("got %v behind the error", rest)
	}
}

func TestWatchEndsWithLoop(t *testing.T) {
	_, s := newHealth(t)
	for status, err := range Watch(testkit.Within(t), &caller{server: s}, "") {
		if status != serving || err != nil {
			t.Fatalf("got %v, %v", status, err)
		}
		break
	}
}
