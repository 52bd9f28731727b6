package gozmq

import (
	"errors"
	"sync"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/link"
)

// Connected says whether a Subscriber has publishers.
type Connected struct {
	// Publishers is how many are connected now; behind a Proxy the proxy counts as
	// one.
	Publishers int
	// Since is when the Subscriber got its first publisher or, if Publishers is 0,
	// when it lost its last one; before it had any, when it was opened.
	Since time.Time
	// Heard is when something last came from any publisher, a heartbeat or a
	// message, to within a quarter of the heartbeat interval (WithHeartbeat); zero
	// before the first publisher.
	Heard time.Time
}

// connectedState follows the connections of a Subscriber.
type connectedState struct {
	mu    sync.Mutex
	conns map[*link.Conn]struct{}
	since time.Time
	heard time.Time // from those that are gone
}

// Connected returns whether s has publishers, since when, and when it last heard of
// one. EventConnected and EventDisconnected say when it may have changed, and
// WithIdleError tells a loop that nothing comes. Ready waits for publishers.
func (s *Subscriber) Connected() Connected {
	k := &s.connected
	k.mu.Lock()
	defer k.mu.Unlock()
	c := Connected{Publishers: len(k.conns), Since: k.since, Heard: k.heard}
	for conn := range k.conns {
		if heard := conn.Heard(); heard.After(c.Heard) {
			c.Heard = heard
		}
	}
	return c
}

// joined takes note of a publisher, before anything is received from it.
func (s *Subscriber) joined(c *link.Conn) {
	c.Tag = peerOf(c)
	k := &s.connected
	k.mu.Lock()
	if len(k.conns) == 0 {
		k.conns, k.since = make(map[*link.Conn]struct{}), time.Now()
	}
	k.conns[c] = struct{}{}
	k.mu.Unlock()
	s.hub.PeerJoined()
}

// left takes note of the end of a publisher's connection, and passes on the reason
// that the publisher gave, if it did.
func (s *Subscriber) left(c *link.Conn, err error) {
	k := &s.connected
	k.mu.Lock()
	delete(k.conns, c)
	if heard := c.Heard(); heard.After(k.heard) {
		k.heard = heard
	}
	if len(k.conns) == 0 {
		k.since = time.Now()
	}
	k.mu.Unlock()
	var ended *link.EndedError
	if errors.As(err, &ended) {
		s.hub.PeerEnded(c.Endpoint(), ended)
	}
}
