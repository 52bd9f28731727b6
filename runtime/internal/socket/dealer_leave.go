package socket

import (
	"slices"

	"github.com/gozmq/gozmq/runtime/internal/link"
)

// Retire stops sending requests to a connection, and waits for the replies to its
// requests in flight (link.Retirer).
func (d *Dealer) Retire(c *link.Conn) {
	d.mu.Lock()
	i := slices.IndexFunc(d.peers, func(p *dealerPeer) bool { return p.conn == c })
	if i < 0 {
		d.mu.Unlock()
		return
	}
	p := d.peers[i]
	d.peers = slices.Delete(d.peers, i, i+1)
	d.change.Notify()
	d.mu.Unlock()
	select {
	case <-p.whenIdle():
	case <-c.Closed():
	}
}

// done ends one request in flight.
func (p *dealerPeer) done() {
	if p.inflight.Add(-1) == 0 {
		p.notifyIdle()
	}
}

// whenIdle returns a channel that is closed once no request is in flight. The
// peer must not get new ones.
func (p *dealerPeer) whenIdle() <-chan struct{} {
	idle := make(chan struct{})
	p.idle.Store(&idle)
	if p.inflight.Load() == 0 {
		p.notifyIdle()
	}
	return idle
}

func (p *dealerPeer) notifyIdle() {
	if idle := p.idle.Swap(nil); idle != nil {
		close(*idle)
	}
}
