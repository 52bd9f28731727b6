package link

import (
	"sync/atomic"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// Traffic counts what went through connections. Messages are whole ones, in:
// handed to the pattern or about to be, out: handed to the kernel; commands are
// not among them. Bytes are those on the wire after the handshake, in: read,
// out: handed to the kernel, commands among them.
type Traffic struct {
	MessagesIn, MessagesOut uint64
	BytesIn, BytesOut       uint64
	Dropped                 uint64 // messages that the peer missed because its queue was full
	Malformed               uint64 // messages that made no sense
}

func (t *Traffic) add(u Traffic) {
	t.MessagesIn += u.MessagesIn
	t.MessagesOut += u.MessagesOut
	t.BytesIn += u.BytesIn
	t.BytesOut += u.BytesOut
	t.Dropped += u.Dropped
	t.Malformed += u.Malformed
}

// Stats are what a group has counted since it was made.
type Stats struct {
	Accepted         uint64 // connections after their handshake
	Dialled          uint64 // connections after their handshake
	Reconnected      uint64 // of those dialled: after an earlier one to the same endpoint
	Disconnected     uint64
	AcceptsFailed    uint64
	DialsFailed      uint64
	HandshakesFailed uint64
	HeartbeatsLost   uint64
	Delayed          uint64
	Traffic          // of all connections, those that have ended included
	Peers            []PeerStats
}

// PeerStats are those of one connection that is open.
type PeerStats struct {
	Endpoint   string // that was bound or dialled
	Address    string
	SocketType zmtp.SocketType
	Identity   string
	Dialled    bool
	Since      time.Time // the end of its handshake
	Traffic
	QueuedMessages int // that wait to be handed to the kernel
	QueuedBytes    int
	Subscriptions  int // that the peer holds
}

// A tally counts the events of a group, by kind.
type tally [eventKinds]atomic.Uint64

// made counts connections whose handshake is done.
type made struct{ accepted, dialled, reconnected uint64 }

func (m *made) count(c *Conn) {
	switch {
	case !c.dialled:
		m.accepted++
	case c.again:
		m.reconnected++
		fallthrough
	default:
		m.dialled++
	}
}

// Stats returns what was counted so far. From any goroutine, also after
// Shutdown.
func (g *Group) Stats() Stats {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := Stats{
		Accepted:         g.made.accepted,
		Dialled:          g.made.dialled,
		Reconnected:      g.made.reconnected,
		Disconnected:     g.tally[Disconnected].Load(),
		AcceptsFailed:    g.tally[AcceptFailed].Load(),
		DialsFailed:      g.tally[DialFailed].Load(),
		HandshakesFailed: g.tally[HandshakeFailed].Load() + g.tally[AuthFailed].Load(),
		HeartbeatsLost:   g.tally[HeartbeatLost].Load(),
		Delayed:          g.tally[Delayed].Load(),
		Traffic:          g.departed,
		Peers:            make([]PeerStats, 0, len(g.conns)),
	}
	for c := range g.conns {
		p := c.stats()
		s.Traffic.add(p.Traffic)
		s.Peers = append(s.Peers, p)
	}
	return s
}

func (c *Conn) stats() PeerStats {
	p := PeerStats{
		Endpoint: c.endpoint, Address: c.address, SocketType: c.SocketType, Identity: c.Identity,
		Dialled: c.dialled, Since: c.since, Subscriptions: int(c.subscriptions.Load()),
		Traffic: Traffic{
			MessagesIn: c.reader.seen.messages.Load(), BytesIn: c.reader.seen.bytes.Load(),
			Dropped: c.drops.Load(), Malformed: c.malformed.Load(),
		},
	}
	w := &c.writer
	w.mu.Lock()
	defer w.mu.Unlock()
	p.MessagesOut, p.BytesOut = w.gone.messages, w.gone.bytes
	p.QueuedMessages, p.QueuedBytes = w.msgs, w.bytes
	return p
}

// A readCount counts what one goroutine at a time reads. What it has counted
// others see after publish, which comes before each wait: so counting costs no
// more than an addition per message.
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

// A writeCount counts what was handed to the kernel; the writer's lock guards
// it.
type writeCount struct{ messages, bytes uint64 }

// count counts a chunk of which sent bytes have gone, as they are on the wire.
// Those of its messages that had begun, begun bytes long as plain frames, are
// counted, for none of them is sent again.
func (g *writeCount) count(c *chunk, begun, sent int) {
	g.bytes += uint64(sent)
	if begun == len(c.b) {
		g.messages += uint64(c.msgs - c.commands)
		return
	}
	zmtp.EachMessage(c.b[:begun], func([]byte) { g.messages++ })
}
