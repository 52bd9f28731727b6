package gozmq

import (
	"encoding/binary"
	"sync"

	"github.com/gozmq/gozmq/runtime/internal/link"
)

// numberedPeers gives the connections of a sink numbers, which wait in its queues
// with the messages. Its methods may be called from any goroutine. The zero value
// is ready for use.
type numberedPeers struct {
	numbers sync.Map // *link.Conn to peerNumber

	mu    sync.Mutex // guards what follows, and changes of numbers
	peers map[peerNumber]*Peer
	conns map[peerNumber]*link.Conn
	last  uint32
}

// A peerNumber is in big-endian order.
type peerNumber [4]byte

// maxPeerNumbers is how many connections have numbers before those that have ended
// are forgotten.
const maxPeerNumbers = 4096

// number returns the number of a connection.
func (p *numberedPeers) number(c *link.Conn) peerNumber {
	if n, ok := p.numbers.Load(c); ok {
		return n.(peerNumber)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.conns == nil {
		p.peers, p.conns = make(map[peerNumber]*Peer), make(map[peerNumber]*link.Conn)
	}
	if len(p.conns) >= maxPeerNumbers {
		p.forgetEnded()
	}
	p.last++
	var n peerNumber
	binary.BigEndian.PutUint32(n[:], p.last)
	p.conns[n] = c
	p.numbers.Store(c, n)
	return n
}

// forgetEnded drops the numbers of connections that have ended; p.mu is held.
func (p *numberedPeers) forgetEnded() {
	for n, c := range p.conns {
		if ended(c) {
			delete(p.conns, n)
			delete(p.peers, n)
			p.numbers.Delete(c)
		}
	}
}

// peer returns the peer of the connection with a number, nil if it is forgotten.
func (p *numberedPeers) peer(number []byte) *Peer {
	n := peerNumber(number)
	p.mu.Lock()
	defer p.mu.Unlock()
	peer, c := p.peers[n], p.conns[n]
	if peer == nil && c != nil {
		peer = peerOf(c)
		p.peers[n] = peer
	}
	return peer
}
