package link

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/handshake"
	"github.com/gozmq/gozmq/runtime/internal/throttle"
)

// violationLimit says how often accepted peers of one address may break the
// protocol or exceed a limit before its next connections have to wait. Each
// violation costs at most what the limits allow, but a peer that reconnects at
// once to repeat it would starve the others. The wait is short: others may come
// from the same address.
var violationLimit = throttle.Limit{Burst: 20, Every: 100 * time.Millisecond, Max: time.Second}

// maxViolators is how many addresses are remembered.
const maxViolators = 4096

// violators counts violations by address.
type violators struct{ *throttle.Sources[netip.Addr] }

func newViolators() violators {
	return violators{throttle.NewSources[netip.Addr](violationLimit, maxViolators)}
}

// record counts a violation of a peer at addr; err is why its connection ended. A
// peer that said why it ends the connection, or whose connection broke, has
// committed none.
func (v violators) record(addr net.Addr, err error) {
	from, ok := sourceOf(addr)
	if !ok || errors.As(err, new(*EndedError)) || errors.As(err, new(net.Error)) || errors.Is(err, ErrClosed) {
		return
	}
	v.Take(from, time.Now())
}

// wait returns how long a new connection from addr has to wait.
func (v violators) wait(addr net.Addr) time.Duration {
	from, ok := sourceOf(addr)
	if !ok {
		return 0
	}
	return v.Wait(from, time.Now())
}

// sourceOf returns the address that a peer's connections come from. Peers on ipc
// and inproc have none.
func sourceOf(addr net.Addr) (netip.Addr, bool) {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		return netip.Addr{}, false
	}
	return tcp.AddrPort().Addr().Unmap(), true
}

// delay makes a new connection wait because of earlier violations at its address.
func (g *Group) delay(raw net.Conn, at handshake.Site) {
	if d := g.violators.wait(raw.RemoteAddr()); d > 0 {
		g.cfg.observe(Event{
			Kind: Delayed, Endpoint: at.Endpoint, Peer: at.Address,
			Err: fmt.Errorf("peers at this address broke the protocol or went beyond a limit again and again: the next one waits for %v", d.Round(time.Millisecond)),
		})
		ctx, cancel := context.WithTimeout(g.ctx, d)
		defer cancel()
		<-ctx.Done()
	}
}
