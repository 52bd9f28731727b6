package soak

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqtest"
)

// soakCalls are two clients of two servers: one in this process, which is
// stopped and started, and one in its own, which is killed.
type soakCalls struct {
	*callAccount
	t       testing.TB
	ledger  *echoServer   // of both
	streams *streamLedger // of both
	near    *gozmqtest.Proxy
	far     *gozmqtest.Proxy
	stop    func() // of the near server
	child   *child
	conns   []*gozmq.Conn
	stops   int
}

func newSoakCalls(t testing.TB) *soakCalls {
	c := &soakCalls{t: t, callAccount: newCallAccount(), ledger: newEchoServer(), streams: newStreamLedger()}
	c.near, c.far = gozmqtest.NewProxy(t, "tcp://127.0.0.1:1"), gozmqtest.NewProxy(t, "tcp://127.0.0.1:1")
	c.serve()
	c.child = &child{t: t, role: "server", args: func(int) []string { return nil }, heard: func(_ int, word, value string) {
		switch word {
		case "addr":
			c.far.SetTarget(value)
		case "ran":
			c.ledger.ran(value)
		case "streamed":
			c.streams.note(value)
		}
	}}
	for range 2 {
		c.conns = append(c.conns, gozmqtest.Open(gozmq.Dial(gozmq.Connect(c.near.Endpoint(), c.far.Endpoint()), fast(), beating(), brisk())).For(t))
	}
	return c
}

// serve starts the near server.
func (c *soakCalls) serve() {
	s, err := gozmq.NewServer(gozmq.Bind(anyPort), beating())
	must(c.t, err)
	must(c.t, c.ledger.register(s))
	must(c.t, registerStreams(s, c.streams.note))
	must(c.t, s.Listen())
	c.near.SetTarget(s.Addrs()[0])
	c.stop = gozmqtest.Run(c.t, func(ctx context.Context) error { return s.Serve(ctx) })
}

// restart stops the near server in good order and starts another one.
func (c *soakCalls) restart() {
	c.stops++
	c.stop()
	c.serve()
}

// load makes calls until ctx ends.
func (c *soakCalls) load(ctx context.Context, wg *sync.WaitGroup) {
	for i, conn := range c.conns {
		for caller := range 3 {
			wg.Go(func() {
				for n := 0; paced(ctx); n++ {
					_ = c.call(testkit.Within(c.t), conn, fmt.Sprintf("%d/%d/%d", i, caller, n))
				}
			})
		}
	}
}

// recovered checks that every call goes well again.
func (c *soakCalls) recovered() {
	for i, conn := range c.conns {
		for n, good := 0, 0; good < 50; n++ {
			if err := c.call(testkit.Within(c.t), conn, fmt.Sprintf("%d/end/%d", i, n)); err == nil {
				good++
			} else if good > 0 || n > 100 {
				// The first ones may still meet a connection that is gone.
				c.t.Errorf("after %d good calls at the end: %v", good, err)
				return
			}
		}
	}
}

// report holds all calls against what the servers ran.
func (c *soakCalls) report() {
	c.t.Logf("REQ/REP: %d servers killed, %d stopped, %d connections", c.child.kills, c.stops, c.near.Connections()+c.far.Connections())
	answered, failed := c.check(c.t, c.ledger)
	if breaks := c.near.Connections() + c.far.Connections() - 2*len(c.conns); failed > 0 && breaks == 0 {
		c.t.Errorf("%d of %d calls failed, and nothing had broken", failed, failed+answered)
	}
}
