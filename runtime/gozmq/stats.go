package gozmq

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/link"
)

// Traffic counts what went through one connection, or through all of a socket.
// Messages are whole ones; they are counted as sent when the kernel has begun
// to take them. Bytes are those on the wire behind the handshake: headers,
// envelopes, heartbeats and subscriptions included.
type Traffic struct {
	MessagesIn, MessagesOut uint64
	BytesIn, BytesOut       uint64
	Dropped                 uint64 // messages that a peer missed because its queue was full
	Malformed               uint64 // messages that made no sense and were dropped
}

// Stats are the counters of one socket since it was opened, and the peers that
// it is connected to now. What departed peers were counted for stays in the
// totals, which never go back. Counts may lag behind what is being transferred.
// They are a copy; reading them costs in proportion to the number of peers, and
// holds up each of them for no longer than a look at it.
type Stats struct {
	Accepted         uint64 // connections that peers made to us, after their handshake
	Dialed           uint64 // connections that we made, after their handshake
	Reconnected      uint64 // of those dialed: in place of one that was lost
	Disconnected     uint64
	AcceptsFailed    uint64 // the system refused a connection
	DialsFailed      uint64 // attempts to connect
	HandshakesFailed uint64 // peers that were refused, or refused us
	HeartbeatsLost   uint64 // peers that were silent for too long
	Delayed          uint64 // connections that waited for what others from their address did (EventDelayed)
	Traffic                 // with all peers, past and present
	Peers            []PeerStats
}

// PeerStats are the counters of one connection that is open, since its
// handshake.
type PeerStats struct {
	Endpoint   string    // that was bound or dialed
	Address    string    // of the peer
	SocketType string    // the ZeroMQ type of the peer's socket, such as "DEALER"
	RoutingID  string    // that the peer announced; "" for none. Anyone can announce any
	Dialed     bool      // by us, and not accepted
	Since      time.Time // the end of its handshake
	Traffic
	QueuedMessages int // that wait to be taken by the kernel; heartbeats and subscriptions, too
	QueuedBytes    int
	Subscriptions  int // that the peer holds, at a publisher or the back of a proxy
}

// statsOf returns those of a socket's connections, oldest peer first.
func statsOf(g *link.Group) Stats {
	l := g.Stats()
	s := Stats{
		Accepted: l.Accepted, Dialed: l.Dialed, Reconnected: l.Reconnected, Disconnected: l.Disconnected,
		AcceptsFailed: l.AcceptsFailed, DialsFailed: l.DialsFailed, HandshakesFailed: l.HandshakesFailed,
		HeartbeatsLost: l.HeartbeatsLost, Delayed: l.Delayed,
		Traffic: Traffic(l.Traffic),
		Peers:   make([]PeerStats, 0, len(l.Peers)),
	}
	for _, p := range l.Peers {
		s.Peers = append(s.Peers, PeerStats{
			Endpoint: p.Endpoint, Address: p.Address, SocketType: string(p.SocketType), RoutingID: p.Identity,
			Dialed: p.Dialed, Since: p.Since,
			Traffic:        Traffic(p.Traffic),
			QueuedMessages: p.QueuedMessages, QueuedBytes: p.QueuedBytes,
			Subscriptions: p.Subscriptions,
		})
	}
	slices.SortFunc(s.Peers, func(a, b PeerStats) int {
		return cmp.Or(a.Since.Compare(b.Since), strings.Compare(a.Address, b.Address))
	})
	return s
}

// Stats returns what the Conn has counted. It may be called at any time, also
// after Close.
func (c *Conn) Stats() Stats { return statsOf(c.dealer.Links()) }

// Stats returns what the server has counted; zero before it listens. It may be
// called at any time, also after its end.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	router := s.router
	s.mu.Unlock()
	if router == nil {
		return Stats{}
	}
	return statsOf(router.Links())
}

// Stats returns what the publisher has counted. It may be called at any time,
// also after Close.
func (p *Publisher) Stats() Stats { return statsOf(p.pub.Links()) }

// Stats returns what the subscriber has counted. It may be called at any time,
// also after Close.
func (s *Subscriber) Stats() Stats { return statsOf(s.sub.Links()) }

// Stats returns what the ventilator has counted. It may be called at any time,
// also after Close.
func (v *Ventilator) Stats() Stats { return statsOf(v.sender.links()) }

// Stats returns what the sink has counted. It may be called at any time, also
// after Close.
func (s *Sink) Stats() Stats { return statsOf(s.source.links()) }
