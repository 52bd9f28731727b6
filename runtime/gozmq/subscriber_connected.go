package gozmq

import (
	"errors"
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

// Connected returns whether s has publishers, since when, and when it last heard of
// one. EventConnected and EventDisconnected say when it may have changed, and
// WithIdleError tells a loop that nothing comes. Ready waits for publishers.
func (s *Subscriber) Connected() Connected {
	n, since, heard := s.connected.State()
	return Connected{Publishers: n, Since: since, Heard: heard}
}

// joined takes note of a publisher, before anything is received from it.
func (s *Subscriber) joined(c *link.Conn) {
	c.Tag = peerOf(c)
	s.connected.Joined(c)
	s.hub.PeerJoined()
}

// left takes note of the end of a publisher's connection, and passes on the reason
// that the publisher gave, if it did.
func (s *Subscriber) left(c *link.Conn, err error) {
	s.connected.Left(c)
	var ended *link.EndedError
	if errors.As(err, &ended) {
		s.hub.PeerEnded(c.Endpoint(), ended)
	}
}
