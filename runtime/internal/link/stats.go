package link

import (
	"sync/atomic"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/handshake"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// Traffic counts the messages and bytes of connections. A message counts as in
// when the pattern gets it, and as out when the kernel has all of it; commands do
// not count. Bytes are counted on the wire after the handshake, including commands:
// in when they are read, out when the kernel has accepted them.
type Traffic struct {
	MessagesIn, MessagesOut uint64
	BytesIn, BytesOut       uint64
	Dropped                 uint64 // messages that the peer missed
	TooLarge                uint64 // of Dropped: beyond the peer's limit; for the others the queue was full
	Malformed               uint64 // messages that could not be interpreted
}

func (t *Traffic) add(u Traffic) {
	t.MessagesIn += u.MessagesIn
	t.MessagesOut += u.MessagesOut
	t.BytesIn += u.BytesIn
	t.BytesOut += u.BytesOut
	t.Dropped += u.Dropped
	t.TooLarge += u.TooLarge
	t.Malformed += u.Malformed
}

// Stats are the counts of a group since it was made.
type Stats struct {
	Accepted         uint64 // connections after their handshake
	Dialed           uint64 // connections after their handshake
	Reconnected      uint64 // of Dialed: after an earlier one to the same endpoint
	Disconnected     uint64
	AcceptsFailed    uint64
	DialsFailed      uint64
	HandshakesFailed uint64
	Probed           uint64 // closed by the peer before its first byte
	HeartbeatsLost   uint64
	Delayed          uint64
	Traffic          // of all connections, including those that have ended
	Peers            []PeerStats
}

// PeerStats are the counts of one open connection.
type PeerStats struct {
	Endpoint   string // the bound or dialed one
	Address    string
	SocketType zmtp.SocketType
	Peer       *handshake.Peer // which must not be changed
	Dialed     bool
	Since      time.Time // the end of its handshake
	Traffic
	QueuedMessages int // queued for the kernel
	QueuedBytes    int
	Subscriptions  int           // held by the peer
	InFlight       int           // the result of CountInFlight's function
	RoundTrip      time.Duration // 0: unknown
}

// eventCounts counts the events of a group, by kind.
type eventCounts [eventKinds]atomic.Uint64

// connCounts counts connections whose handshake is done.
type connCounts struct{ accepted, dialed, reconnected uint64 }

func (n *connCounts) count(c *Conn) {
	switch {
	case !c.dialed:
		n.accepted++
	case c.reconnected:
		n.reconnected++
		fallthrough
	default:
		n.dialed++
	}
}

// Stats returns the counts so far. It may be called from any goroutine, even after
// Shutdown.
func (g *Group) Stats() Stats {
	s, conns := g.stats()
	for i, c := range conns {
		if count := c.inFlight.Load(); count != nil {
			s.Peers[i].InFlight = (*count)()
		}
	}
	return s
}

// CountInFlight sets the function that returns how many requests or tasks are in
// flight at the peer. It is called by Group.Stats, without a lock held.
func (c *Conn) CountInFlight(count func() int) { c.inFlight.Store(&count) }

// stats returns the counts, and the connection of each peer.
func (g *Group) stats() (s Stats, conns []*Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	s = Stats{
		Accepted:         g.established.accepted,
		Dialed:           g.established.dialed,
		Reconnected:      g.established.reconnected,
		Disconnected:     g.events[Disconnected].Load(),
		AcceptsFailed:    g.events[AcceptFailed].Load(),
		DialsFailed:      g.events[DialFailed].Load(),
		HandshakesFailed: g.events[HandshakeFailed].Load() + g.events[AuthFailed].Load(),
		Probed:           g.events[Probed].Load(),
		HeartbeatsLost:   g.events[HeartbeatLost].Load(),
		Delayed:          g.events[Delayed].Load(),
		Traffic:          g.departed,
		Peers:            make([]PeerStats, 0, len(g.conns)),
	}
	for c := range g.conns {
		p := c.stats()
		s.Traffic.add(p.Traffic)
		s.Peers = append(s.Peers, p)
		conns = append(conns, c)
	}
	return s, conns
}

func (c *Conn) stats() PeerStats {
	p := PeerStats{
		Endpoint: c.endpoint, Address: c.address, SocketType: c.SocketType, Peer: &c.Peer, RoundTrip: c.RoundTrip(),
		Dialed: c.dialed, Since: c.since, Subscriptions: int(c.subscriptions.Load()),
		Traffic: Traffic{
			MessagesIn: c.reader.published.messages.Load(), BytesIn: c.reader.published.bytes.Load(),
			Dropped: c.drops.Load(), TooLarge: c.tooLarge.Load(), Malformed: c.malformed.Load(),
		},
	}
	w := &c.writer
	w.mu.Lock()
	defer w.mu.Unlock()
	p.MessagesOut, p.BytesOut = w.handed.messages, w.handed.bytes
	p.QueuedMessages, p.QueuedBytes = w.messages(), w.bytes
	return p
}

// A readCount is counted only by the reader, at the cost of an addition per
// message. Others see the counts after publish, which comes before each wait.
type readCount struct{ messages, bytes uint64 }

type publishedCount struct{ messages, bytes atomic.Uint64 }

func (p *publishedCount) publish(c readCount) {
	if p.bytes.Load() != c.bytes {
		p.bytes.Store(c.bytes)
	}
	if p.messages.Load() != c.messages {
		p.messages.Store(c.messages)
	}
}

// A writeCount counts the messages and bytes that the kernel has accepted; the
// writer's lock guards it.
type writeCount struct {
	messages, bytes uint64
	end             uint64 // the number of bytes up to the end of the last message
}

// count counts a chunk of which the kernel has accepted sent bytes on the wire. It
// counts each message of which the kernel has accepted at least one byte, because
// such a message is not sent again; begun is the length of these messages as plain
// frames.
func (n *writeCount) count(c *chunk, begun, sent int) {
	n.bytes += uint64(sent)
	if begun == len(c.b) {
		if c.messages() > 0 {
			n.messages += uint64(c.messages())
			n.end = n.bytes
		}
		return
	}
	zmtp.EachMessage(c.b[:begun], func([]byte) { n.messages++ })
}
