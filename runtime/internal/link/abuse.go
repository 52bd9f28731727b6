package link

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/handshake"
	"github.com/gozmq/gozmq/runtime/internal/throttle"
)

// violationLimit is how often accepted peers of one address may break the protocol
// or exceed a limit before its next connections must wait. Each violation costs at
// most what the limits allow, but a peer that reconnects at once to repeat it would
// starve the others. The wait is short, because other peers may share the address.
var violationLimit = throttle.Limit{Burst: 20, Every: 100 * time.Millisecond, Max: time.Second}

// maxViolators is how many addresses are remembered.
const maxViolators = 4096

// violators counts violations by address.
type violators struct{ *throttle.Sources[netip.Addr] }

func newViolators() violators {
	return violators{throttle.NewSources[netip.Addr](violationLimit, maxViolators)}
}

// record counts a violation of a peer at addr; err is why its connection ended. A
// peer that sent its own reason for the end, or whose connection broke, has
// committed none.
func (v violators) record(addr net.Addr, err error) {
	from, ok := sourceOf(addr)
	if !ok || errors.As(err, new(*EndedError)) || errors.As(err, new(net.Error)) || errors.Is(err, ErrClosed) {
		return
	}
	v.Take(from, time.Now())
}

// wait returns how long a new connection from addr must wait.
func (v violators) wait(addr net.Addr) time.Duration {
	from, ok := sourceOf(addr)
	if !ok {
		return 0
	}
	return v.Wait(from, time.Now())
}

// offend counts a failed authentication from addr.
func (v violators) offend(addr net.Addr) {
	if from, ok := sourceOf(addr); ok {
		v.Take(from, time.Now())
	}
}

// sourceOf returns the address that a peer's connections come from; for IPv6 its
// first 64 bits, because the owner of one such address has them all. Peers on ipc
// and inproc have none.
func sourceOf(addr net.Addr) (netip.Addr, bool) {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		return netip.Addr{}, false
	}
	from := tcp.AddrPort().Addr().Unmap()
	if from.Is6() && !from.IsLoopback() {
		if network, err := from.WithZone("").Prefix(64); err == nil {
			return network.Addr(), true
		}
	}
	return from, true
}

// handshakeLimit limits the CURVE handshakes of one address, each of which costs
// this side a few scalar multiplications. A burst is free: all clients behind one
// address may reconnect at once. A connection that would have to wait for Max is
// refused.
var handshakeLimit = throttle.Limit{Burst: 1000, Every: 4 * time.Millisecond, Max: 4 * time.Second}

var errTooManyHandshakes = errors.New("too many handshakes from this address")

// delay returns how long a new connection must wait because of earlier connections
// from its address.
func (g *Group) delay(raw net.Conn, at handshake.Site) (time.Duration, error) {
	wait := g.violators.wait(raw.RemoteAddr())
	why := "peers at this address broke the protocol, failed to get in or went beyond a limit again and again"
	if from, ok := sourceOf(raw.RemoteAddr()); ok && at.Security.Costly() {
		switch w := g.handshakes.Take(from, time.Now()); {
		case w >= handshakeLimit.Max:
			return 0, errTooManyHandshakes
		case w > wait:
			wait, why = w, "there were many handshakes from this address"
		}
	}
	if wait > 0 {
		g.cfg.observe(Event{
			Kind: Delayed, Endpoint: at.Endpoint, Peer: at.Address,
			Err: fmt.Errorf("%s: the next one waits for %v", why, wait.Round(time.Millisecond)),
		})
	}
	return wait, nil
}
