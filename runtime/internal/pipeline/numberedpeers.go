package pipeline

import (
	"encoding/binary"
	"sync"

	"github.com/gozmq/gozmq/runtime/internal/link"
)

// numberedPeers gives the connections of a sink numbers, which wait in its queues
// with the messages, and remembers what describes each. Its methods may be called
// from any goroutine.
type numberedPeers struct {
	describe func(*link.Conn) any

	numbers sync.Map // *link.Conn to [4]byte, in big-endian order

	mu    sync.Mutex // guards the following fields, and changes of numbers
	peers map[[4]byte]any
	conns map[[4]byte]*link.Conn
	last  uint32
}

// maxNumbers is how many connections have numbers before ended ones are forgotten.
const maxNumbers = 4096

// number returns the number of a connection.
func (p *numberedPeers) number(c *link.Conn) [4]byte {
	if n, ok := p.numbers.Load(c); ok {
		return n.([4]byte)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.conns == nil {
		p.peers, p.conns = make(map[[4]byte]any), make(map[[4]byte]*link.Conn)
	}
	if len(p.conns) >= maxNumbers {
		p.forgetEnded()
	}
	p.last++
	var n [4]byte
	binary.BigEndian.PutUint32(n[:], p.last)
	p.conns[n] = c
	p.numbers.Store(c, n)
	return n
}

// forgetEnded drops the numbers of connections that have ended; p.mu is held.
func (p *numberedPeers) forgetEnded() {
	for n, c := range p.conns {
		if c.Ended() {
			delete(p.conns, n)
			delete(p.peers, n)
			p.numbers.Delete(c)
		}
	}
}

// of returns what describes the connection with a number, nil if that is
// forgotten.
func (p *numberedPeers) of(number []byte) any {
	n := [4]byte(number)
	p.mu.Lock()
	defer p.mu.Unlock()
	peer, known := p.peers[n]
	if c := p.conns[n]; !known && c != nil {
		peer = p.describe(c)
		p.peers[n] = peer
	}
	return peer
}
