package gozmq

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/link"
)

// Traffic counts the messages and bytes of one connection, or of all
// connections of a socket. A message is counted as sent when the kernel has
// begun to take it. Bytes are those on the wire after the handshake, including
// headers, envelopes, heartbeats and subscriptions.
type Traffic struct {
	MessagesIn, MessagesOut uint64
	BytesIn, BytesOut       uint64
	Dropped                 uint64 // messages that a peer missed because its queue was full, or beyond its limit
	Malformed               uint64 // messages that made no sense and were dropped
}

// Stats are the counters of one socket since it was opened, and the peers that
// it is connected to now. The totals include peers that are gone, and never
// decrease. Counts may lag behind what is being transferred. Stats are a copy;
// the cost of taking it grows with the number of peers, none of which is held
// up for long.
type Stats struct {
	Accepted         uint64 // connections that peers made to us, after their handshake
	Dialed           uint64 // connections that we made, after their handshake
	Reconnected      uint64 // of those dialed: in place of one that was lost
	Disconnected     uint64
	AcceptsFailed    uint64 // the system refused a connection
	DialsFailed      uint64 // attempts to connect
	HandshakesFailed uint64 // peers that were refused, or refused us
	Probed           uint64 // connections that peers made and closed without a byte (EventProbed)
	HeartbeatsLost   uint64 // peers that were silent for too long
	Delayed          uint64 // connections that waited for what others from their address did (EventDelayed)
	Traffic                 // with all peers, past and present
	Peers            []PeerStats
}

// PeerStats are the counters of one open connection since its handshake.
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
		Probed: l.Probed, HeartbeatsLost: l.HeartbeatsLost, Delayed: l.Delayed,
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
func (c *Conn) Stats() Stats { return statsOf(c.client.Dealer.Links()) }

// Stats returns the server's counters; zero before it listens. It may be called
// at any time, also after the server has stopped.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	links := s.links
	s.mu.Unlock()
	if links == nil {
		return Stats{}
	}
	return statsOf(links)
}

// Stats returns the publisher's counters. It may be called at any time, also
// after Close.
func (p *Publisher) Stats() Stats { return statsOf(p.pub.Links()) }

// Stats returns the subscriber's counters. It may be called at any time, also
// after Close.
func (s *Subscriber) Stats() Stats { return statsOf(s.sub.Links()) }

// Stats returns the ventilator's counters. It may be called at any time, also
// after Close.
func (v *Ventilator) Stats() Stats { return statsOf(v.sender.links()) }

// Stats returns the sink's counters. It may be called at any time, also after
// Close.
func (s *Sink) Stats() Stats { return statsOf(s.source.links()) }
