package socket

import (
	"slices"

	"github.com/gozmq/gozmq/runtime/internal/link"
)

// Leave gives a connection no more requests and waits for the answers to those
// that it has (link.Leaver).
func (d *Dealer) Leave(c *link.Conn) {
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
	case <-p.left():
	case <-c.Closed():
	}
}

// done takes a request out of those in flight.
func (p *dealerPeer) done() {
	if p.inflight.Add(-1) == 0 {
		p.tellEmpty()
	}
}

// left returns a channel that is closed once no request is in flight. The peer
// must not get new ones.
func (p *dealerPeer) left() <-chan struct{} {
	empty := make(chan struct{})
	p.empty.Store(&empty)
	if p.inflight.Load() == 0 {
		p.tellEmpty()
	}
	return empty
}

func (p *dealerPeer) tellEmpty() {
	if empty := p.empty.Swap(nil); empty != nil {
		close(*empty)
	}
}
