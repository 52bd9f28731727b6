package gozmq

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
)

// TestHungServerIsAvoided has one of three servers hang: one call finds that
// out, and the others go elsewhere, until the server answers again.
func TestHungServerIsAvoided(t *testing.T) {
	overEach(t, func(t *testing.T, s site) {
		c := dial(t, Bind(s.endpoint))
		var hang atomic.Bool
		var hung atomic.Int64
		release := make(chan struct{})
		hang.Store(true)
		serve(t, Connect(c.Addrs()[0]), []Handler{Handle(echoMethod, func(_ context.Context, m *bytez) (*bytez, error) {
			hung.Add(1)
			if hang.Load() {
				<-release
			}
			return m, nil
		})})
		for range 2 {
			serve(t, Connect(c.Addrs()[0]), echoHandlers())
		}
		if err := c.WaitForServers(testkit.Within(t), 3); err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		for range 60 {
			if err := callEcho(testkit.Within(t), shortCalls{c}, "x"); err != nil {
				wantCode(t, err, CodeDeadlineExceeded)
			}
		}
		most := 2 + int64(time.Since(begun)/time.Second) // one may try it again every second
		if n := hung.Load(); n < 1 || n > most {
			t.Errorf("%d of 60 calls met the server that hangs, want 1 to %d", n, most)
		}
		hang.Store(false)
		close(release) // the late reply says that it is back
		before := hung.Load()
		testkit.Eventually(t, "calls to the server that hung", func() bool { mustEcho(t, c); return hung.Load() > before })
	})
}
