package link

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/handshake"
)

// What one address may do wrong before its next connections have to wait: so
// many times at once, and once more every so often. An offence costs us what the
// limits allow a peer; who connects again at once to commit the next one would
// take the others' share of the machine.
const (
	offencesAtOnce = 20
	offenceEvery   = 100 * time.Millisecond
	// maxPenance is the longest wait: others may come from the same address.
	maxPenance = time.Second
	// maxOffenders is how many addresses are remembered.
	maxOffenders = 4096
)

// offenders are the addresses of accepted peers that broke the protocol or
// went beyond a limit after their handshake. The zero value has none.
type offenders struct {
	mu sync.Mutex
	by map[netip.Addr]time.Time // until when their offences are not yet forgotten
}

// note notes an offence; err is why the connection ended.
func (o *offenders) note(addr net.Addr, err error) {
	from, ok := sourceOf(addr)
	if !ok || errors.As(err, new(*EndedError)) || errors.As(err, new(net.Error)) || errors.Is(err, ErrClosed) {
		return // it has said why it goes, or its connection broke
	}
	now := time.Now()
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.by) >= maxOffenders {
		for a, until := range o.by {
			if until.Before(now) {
				delete(o.by, a)
			}
		}
	}
	if len(o.by) >= maxOffenders || o.by == nil {
		o.by = make(map[netip.Addr]time.Time)
	}
	until := o.by[from]
	if until.Before(now) {
		until = now
	}
	if until = until.Add(offenceEvery); until.Sub(now) > offencesAtOnce*offenceEvery+maxPenance {
		until = now.Add(offencesAtOnce*offenceEvery + maxPenance)
	}
	o.by[from] = until
}

// penance returns how long a new connection from an address has to wait.
func (o *offenders) penance(addr net.Addr) time.Duration {
	from, ok := sourceOf(addr)
	if !ok {
		return 0
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	until, known := o.by[from]
	if !known {
		return 0
	}
	return max(time.Until(until)-offencesAtOnce*offenceEvery, 0)
}

// sourceOf returns where a peer's connections come from; those of ipc and inproc
// have no address.
func sourceOf(addr net.Addr) (netip.Addr, bool) {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		return netip.Addr{}, false
	}
	return tcp.AddrPort().Addr().Unmap(), true
}

// doPenance lets a new connection wait for what others from its address did.
func (g *Group) doPenance(raw net.Conn, at handshake.Site) {
	if d := g.offenders.penance(raw.RemoteAddr()); d > 0 {
		g.cfg.observe(Event{
			Kind: Delayed, Endpoint: at.Endpoint, Peer: at.Address,
			Err: fmt.Errorf("peers at this address broke the protocol or went beyond a limit again and again: the next one waits for %v", d.Round(time.Millisecond)),
		})
		ctx, cancel := context.WithTimeout(g.ctx, d)
		defer cancel()
		<-ctx.Done()
	}
}
