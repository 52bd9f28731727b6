package soak

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/gozmq/gozmq/runtime/gozmqtest"
)

// A chaos breaks things at random. It runs in one goroutine; what it leaves to
// time ends by itself.
type chaos struct {
	t        testing.TB
	random   *rand.Rand
	proxies  []*gozmqtest.Proxy
	children []*child
	restart  func()
	done     map[string]int
	timed    sync.WaitGroup
}

// run breaks things until ctx ends, and then heals everything. Connections of
// that time do not outlive it.
func (c *chaos) run(ctx context.Context) {
	c.done = make(map[string]int)
	for ctx.Err() == nil {
		select {
		case <-time.After(10*time.Millisecond + c.upTo(20*time.Millisecond)):
			c.act(ctx)
		case <-ctx.Done():
		}
	}
	c.timed.Wait()
	for _, p := range c.proxies {
		p.Heal()
		p.Reset()
	}
	c.t.Logf("faults: %v", c.done)
}

// upTo returns a time below d.
func (c *chaos) upTo(d time.Duration) time.Duration { return time.Duration(c.random.Int64N(int64(d))) }

func (c *chaos) act(ctx context.Context) {
	switch n := c.random.IntN(100); {
	case n < 15:
		child := c.children[c.random.IntN(len(c.children))]
		c.done["kill "+child.role]++
		child.kill()
		child.start()
	case n < 18:
		c.done["stop server"]++
		c.restart()
	default:
		c.fault(ctx, c.proxies[c.random.IntN(len(c.proxies))])
	}
}

// fault breaks something about one proxy.
func (c *chaos) fault(ctx context.Context, p *gozmqtest.Proxy) {
	d := gozmqtest.Direction(c.random.IntN(2))
	short, long := c.upTo(300*time.Millisecond), c.upTo(2*heartbeatTimeout)
	switch c.random.IntN(9) {
	case 0, 1:
		c.done["reset"]++
		p.Reset()
	case 2, 3:
		c.done["cut"]++
		p.Cut(d, c.random.IntN(2000))
	case 4:
		c.done["stall"]++
		p.Stall()
		c.after(ctx, short, func() { p.Resume() })
	case 5:
		c.done["long stall"]++
		p.Stall()
		c.after(ctx, long, func() { p.Resume() })
	case 6:
		c.done["black hole"]++
		p.Drop(true, d)
		c.after(ctx, long, func() { p.Drop(false, d) })
	case 7:
		c.done["split and delay"]++
		p.Split(1+c.random.IntN(50), d)
		p.Delay(c.upTo(2*time.Millisecond), d)
		c.after(ctx, short, func() { p.Split(0, d); p.Delay(0, d) })
	case 8:
		c.done["refuse"]++
		p.Refuse(true)
		c.after(ctx, short, func() { p.Refuse(false) })
	}
}

// after ends a fault when its time is over, or everything is.
func (c *chaos) after(ctx context.Context, d time.Duration, end func()) {
	c.timed.Go(func() {
		select {
		case <-time.After(d):
		case <-ctx.Done():
		}
		end()
	})
}
