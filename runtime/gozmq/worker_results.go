package gozmq

import (
	"context"
	"fmt"
	"sync"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A courier brings results to sinks and waits for their receipts: a DEALER. A
// result whose connection breaks goes to another sink, or again to the same.
type courier struct {
	direct *socket.Direct

	mu           sync.Mutex
	peers        []*courierPeer
	consignments map[string]*consignment // by id
}

// A courierPeer is a connection to a sink.
type courierPeer struct {
	*link.Conn
	out  map[*consignment]struct{} // sent, and without a receipt
	full bool
}

// A consignment is a result on its way.
type consignment struct {
	taskFrames
	done chan struct{}
	peer *courierPeer // nil: waits for one
}

func newCourier(cfg link.Config, o *observer) *courier {
	c := &courier{consignments: make(map[string]*consignment)}
	cfg.SocketType = zmtp.Dealer
	cfg.Observe = o.link(zmtp.Dealer)
	c.direct = socket.NewDirect(cfg, c, false)
	return c
}

// deliver returns nil once a sink has acknowledged the result. The frames must
// not be changed until it returns; no other result may have the same id
// meanwhile.
func (c *courier) deliver(ctx context.Context, f taskFrames) error {
	p := &consignment{taskFrames: f, done: make(chan struct{})}
	c.mu.Lock()
	c.consignments[string(f.id)] = p
	c.send(p)
	c.mu.Unlock()
	select {
	case <-p.done:
		return nil
	case <-ctx.Done():
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.consignments, string(f.id))
	if p.peer != nil {
		delete(p.peer.out, p)
	}
	return context.Cause(ctx)
}

// send sends a consignment to the sink with the fewest on the way; c.mu is held.
func (c *courier) send(p *consignment) {
	for {
		var best *courierPeer
		for _, peer := range c.peers {
			if !peer.full && (best == nil || len(peer.out) < len(best.out)) {
				best = peer
			}
		}
		if best == nil {
			return
		}
		err := socket.SendTo(best.Conn, &socket.Frames{Parts: [][]byte{[]byte(wordResult), p.id, p.method, p.body, p.header}})
		if err == nil {
			p.peer = best
			best.out[p] = struct{}{}
			return
		}
		best.full = true // until Room or Leave
	}
}

// resend sends what waits for a sink; c.mu is held.
func (c *courier) resend() {
	for _, p := range c.consignments {
		if p.peer == nil {
			c.send(p)
		}
	}
}

// Join sends to a sink what was waiting for one (socket.PeerHandler).
func (c *courier) Join(conn *link.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.peers = append(c.peers, &courierPeer{Conn: conn, out: make(map[*consignment]struct{})})
	c.resend()
}

// Leave sends what a sink has not acknowledged to another one
// (socket.PeerHandler).
func (c *courier) Leave(conn *link.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, peer := range c.peers {
		if peer.Conn != conn {
			continue
		}
		c.peers = append(c.peers[:i:i], c.peers[i+1:]...)
		for p := range peer.out {
			p.peer = nil
		}
		break
	}
	c.resend()
}

// Room sends on to a sink that was full (socket.PeerHandler).
func (c *courier) Room(conn *link.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, peer := range c.peers {
		if peer.Conn == conn {
			peer.full = false
		}
	}
	c.resend()
}

// Receive takes in receipts (socket.PeerHandler).
func (c *courier) Receive(conn *link.Conn, b *link.Batch) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range b.Len() {
		if err := c.hear(conn, b.Message(i)); err != nil {
			conn.Malformed("message of a sink: %w", err)
		}
	}
}

func (c *courier) hear(conn *link.Conn, frames [][]byte) error {
	if word := string(cut(frames[0])); word != wordAck || len(frames) < 2 {
		return fmt.Errorf("%q with %d frames, want %s and an id", word, len(frames), wordAck)
	}
	p := c.consignments[string(frames[1])]
	if p == nil || p.peer == nil || p.peer.Conn != conn {
		return fmt.Errorf("%s %x: no such result was sent to it", wordAck, cut(frames[1]))
	}
	delete(c.consignments, string(p.id))
	delete(p.peer.out, p)
	close(p.done)
	return nil
}

// shutdown closes the connections, after what was sent has been handed to the
// kernel or ctx has ended.
func (c *courier) shutdown(ctx context.Context) error { return c.direct.Shutdown(ctx) }
