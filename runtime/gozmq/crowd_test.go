package gozmq

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/link"
)

// Ten thousand goroutines share one connection, all their calls in flight at
// once. Each gets its own answer.
func TestTenThousandCallers(t *testing.T) {
	const callers = 10_000
	var arrived atomic.Int64
	all := make(chan struct{})
	handler := Handle(echoMethod, func(_ context.Context, req *bytez) (*bytez, error) {
		if arrived.Add(1) == callers {
			close(all)
		}
		<-all
		return req, nil
	})
	overEach(t, func(t *testing.T, s site) {
		arrived.Store(0)
		all = make(chan struct{})
		r, c := s.pair(t, []Handler{handler}, []ServerOption{WithConcurrency(callers)}, nil)
		ctx, cancel := context.WithTimeout(t.Context(), 6*testkit.Patience())
		defer cancel()
		var wg sync.WaitGroup
		var failed atomic.Int64
		for i := range callers {
			wg.Go(func() {
				if err := callEcho(ctx, c, strconv.Itoa(i)); err != nil && failed.Add(1) == 1 {
					t.Errorf("caller %d: %v", i, err)
				}
			})
		}
		wg.Wait()
		if n := failed.Load(); n > 0 {
			t.Errorf("%d of %d calls failed", n, callers)
		}
		// What has just been read may not be counted yet.
		testkit.Eventually(t, "the count of all calls", func() bool { return r.Stats().MessagesIn >= callers })
		if s := r.Stats(); s.Accepted != 1 || s.MessagesIn != callers {
			t.Errorf("the server has counted %+v", s)
		}
	})
}

// A server dies with a thousand calls in flight, of which it has answered some.
// Each ends at once, and not with its deadline: with its own answer or with
// CodeUnavailable.
func TestServerDiesWithAThousandCallsInFlight(t *testing.T) {
	const callers = 1000
	overEach(t, func(t *testing.T, s site) {
		var arrived atomic.Int64
		all := make(chan struct{})
		r, c := s.pair(t, []Handler{Handle(echoMethod, func(ctx context.Context, req *bytez) (*bytez, error) {
			n := arrived.Add(1)
			if n == callers {
				close(all)
			}
			<-all
			if n%2 == 0 {
				<-ctx.Done() // the connection's end
			}
			return req, nil
		})}, []ServerOption{WithDrainTimeout(0)}, []DialOption{WithReconnectBackoff(time.Hour, time.Hour)})
		var answered, lost atomic.Int64
		var wg sync.WaitGroup
		for i := range callers {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(context.Background(), 6*testkit.Patience())
				defer cancel()
				switch err := callEcho(ctx, c, strconv.Itoa(i)); {
				case err == nil:
					answered.Add(1)
				case CodeOf(err) == CodeUnavailable:
					lost.Add(1)
				default:
					t.Errorf("caller %d: %v", i, err)
				}
			})
		}
		testkit.Eventually(t, "some answers", func() bool { return answered.Load() > callers/10 })
		r.links.Each(func(c *link.Conn) { c.Close(fmt.Errorf("killed")) })
		wg.Wait()
		if a, l := answered.Load(), lost.Load(); a+l != callers || l < callers/2 {
			t.Errorf("%d calls were answered and %d lost of %d", a, l, callers)
		}
	})
}

// A server that is too slow for all its callers: each fails with its own
// deadline, running or waiting, and the server is free again afterwards.
func TestSlowServerWithManyCallers(t *testing.T) {
	const callers = 300
	everywhere(t, func(t *testing.T, s site) {
		var running, most atomic.Int64
		_, c := s.pair(t, []Handler{Handle(echoMethod, func(ctx context.Context, req *bytez) (*bytez, error) {
			if string(req.GetValue()) != "slow" {
				return req, nil
			}
			if n := running.Add(1); n > most.Load() {
				most.Store(n)
			}
			defer running.Add(-1)
			<-ctx.Done()
			return nil, ctx.Err()
		})}, []ServerOption{WithConcurrency(10), WithMaxWaiting(callers)}, nil)
		var wg sync.WaitGroup
		for range callers {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
				defer cancel()
				if err := callEcho(ctx, c, "slow"); CodeOf(err) != CodeDeadlineExceeded {
					t.Errorf("a call ended with %v", err)
				}
			})
		}
		wg.Wait()
		testkit.Eventually(t, "the end of the handlers", func() bool { return running.Load() == 0 })
		if n := most.Load(); n > 10 {
			t.Errorf("%d calls ran at once, 10 may", n)
		}
		mustEcho(t, c)
	})
}
