package gozmq

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/subscription"
)

// Traffic counts the messages and bytes of one connection, or of all
// connections of a socket. A message is counted as sent when the kernel has
// begun to take it. Bytes are those on the wire after the handshake, including
// headers, envelopes, heartbeats and subscriptions.
type Traffic struct {
	MessagesIn, MessagesOut uint64
	BytesIn, BytesOut       uint64
	Dropped                 uint64 // messages that a peer missed because its queue was full, or beyond its limit
	TooLarge                uint64 // of these: beyond its limit
	Malformed               uint64 // messages that made no sense and were dropped
}

// Stats are the counters of one socket since it was opened, and the peers that
// it is connected to now. The totals include peers that are gone, and never
// decrease. Counts may lag behind what is being transferred. Stats are a copy;
// the cost of taking it grows with the number of peers, none of which is held
// up for long.
type Stats struct {
	Role             string // "client", "server", "publisher", "subscriber", "ventilator", "worker", "sink" or "proxy"
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
	Endpoints        []EndpointStats
	Peers            []PeerStats

	Calls CallStats // of clients and servers; streams are calls
	Tasks Progress  // of ventilators, workers and sinks; Failed are a ventilator's dead letters
	// OldestTask is how long the oldest task, or at a sink the oldest result, that
	// is not finished has been here. 0 with DeliveryAtMostOnce.
	OldestTask time.Duration
	Overflowed uint64 // messages that a subscriber's full queues have dropped (WithOverflow)
	Superseded uint64 // messages of latest_only topics that newer ones replaced; publishers and subscribers

	// SendQueue and SendQueueBytes are the marks of each peer's queue
	// (WithSendQueue).
	SendQueue, SendQueueBytes int
	// Queues are a subscriber's subscriptions, or a sink's methods. With
	// DeliveryAtLeastOnce they are also the task queue of a ventilator, the tasks
	// that a worker or a puller has, and the results that no sink has acknowledged.
	Queues []QueueStats
	// Methods are all methods of a server and of a worker, the methods that a
	// client, a ventilator and a sink have used, and the topics that a publisher
	// and a subscriber have; sorted by name.
	Methods []MethodStats
}

// EndpointStats are an endpoint that is open, and how many peers it has.
type EndpointStats struct {
	Endpoint string
	Dialed   bool // by us, and not bound
	Peers    int

	Mechanism Mechanism
}

// CallStats count the calls of a Conn, or of a Server.
type CallStats struct {
	Running int // calls that a handler runs; at a Conn, calls that a server has
	Waiting int // calls that wait for a place (WithMaxWaiting); at a Conn, for a server
	// Refused are calls that a server did not take: too many ran and waited, or it
	// was stopping.
	Refused uint64
	Retried uint64 // attempts of a Conn after one that has failed
	Hedged  uint64 // further attempts of a Conn because of WithHedging
	// FailedOver are calls of a Conn that went to another server, because theirs
	// had gone or was stopping.
	FailedOver uint64
}

// QueueStats say how full a queue is.
type QueueStats struct {
	Name                  string // the subscription's first pattern, or the procedure; "tasks" and "results" for what is not finished
	Messages, Bytes       int    // that wait; of tasks and results, that are not finished
	MaxMessages, MaxBytes int    // beyond which it is full; of a worker's tasks, its credit; 0: no limit
	Dropped               uint64 // because it was full
}

// PeerStats are the counters of one open connection since its handshake.
type PeerStats struct {
	Endpoint   string // that was bound or dialed
	Address    string // of the peer
	SocketType string // the ZeroMQ type of the peer's socket, such as "DEALER"
	RoutingID  string // that the peer announced; "" for none. Anyone can announce any
	Mechanism  Mechanism
	PublicKey  PublicKey `json:",omitzero"` // with CURVE; zero without
	User       string    `json:",omitzero"` // with PLAIN, where we are the server
	Identity   string    `json:",omitzero"` // the name that our authenticator gave to the peer
	Dialed     bool      // by us, and not accepted
	Since      time.Time // the end of its handshake
	Traffic
	QueuedMessages int // that wait to be taken by the kernel
	QueuedBytes    int
	Subscriptions  int // that the peer holds, at a publisher or the back of a proxy
	InFlight       int // calls, at a client or server; tasks that a worker has, at a ventilator with DeliveryAtLeastOnce
	// RoundTrip is how long a ping to the peer took lately; 0: it was not measured,
	// as few roles do.
	RoundTrip time.Duration
}

// statsOf returns those of a socket's connections, oldest peer first.
func statsOf(role string, g *link.Group) Stats {
	l := g.Stats()
	s := Stats{
		Role:     role,
		Accepted: l.Accepted, Dialed: l.Dialed, Reconnected: l.Reconnected, Disconnected: l.Disconnected,
		AcceptsFailed: l.AcceptsFailed, DialsFailed: l.DialsFailed, HandshakesFailed: l.HandshakesFailed,
		Probed: l.Probed, HeartbeatsLost: l.HeartbeatsLost, Delayed: l.Delayed,
		Traffic: Traffic(l.Traffic),
		Peers:   make([]PeerStats, 0, len(l.Peers)),
	}
	s.SendQueue, s.SendQueueBytes = g.SendQueue()
	for _, e := range g.Endpoints() {
		s.Endpoints = append(s.Endpoints, EndpointStats{Endpoint: e.Endpoint, Dialed: e.Dialed, Peers: e.Peers, Mechanism: Mechanism(e.Mechanism)})
	}
	for _, p := range l.Peers {
		s.Peers = append(s.Peers, newPeerStats(&p))
	}
	slices.SortFunc(s.Peers, func(a, b PeerStats) int {
		return cmp.Or(a.Since.Compare(b.Since), strings.Compare(a.Address, b.Address))
	})
	return s
}

func newPeerStats(p *link.PeerStats) PeerStats {
	s := PeerStats{
		Endpoint: p.Endpoint, Address: p.Address, SocketType: string(p.SocketType), RoutingID: p.Peer.Identity,
		Mechanism: Mechanism(p.Peer.Mechanism), PublicKey: PublicKey(p.Peer.PublicKey), User: p.Peer.User,
		Dialed: p.Dialed, Since: p.Since,
		Traffic:        Traffic(p.Traffic),
		QueuedMessages: p.QueuedMessages, QueuedBytes: p.QueuedBytes,
		Subscriptions: p.Subscriptions, InFlight: p.InFlight, RoundTrip: p.RoundTrip,
	}
	if auth := p.Peer.Auth; auth != nil {
		s.Identity = auth.Name
	}
	return s
}

// Stats returns what the Conn has counted. It may be called at any time, also
// after Close.
func (c *Conn) Stats() Stats {
	s := statsOf("client", c.client.Dealer.Links())
	n, again := c.client.Dealer.Counts(), c.client.Counts()
	s.Calls = CallStats{
		Running: n.Running, Waiting: n.Waiting,
		Retried: again.Retried, Hedged: again.Hedged, FailedOver: again.Moved + n.Moved,
	}
	s.Methods = c.methods.stats()
	return s
}

// Stats returns the server's counters; before it listens, only its methods. It
// may be called at any time, also after the server has stopped.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	links := s.links
	var methods []MethodStats
	for _, svc := range s.services {
		for _, h := range svc.Handlers {
			methods = append(methods, outcomesOf(h.Method, s.engine.Method(h.Method.Procedure).Outcomes()))
		}
	}
	s.mu.Unlock()
	stats := Stats{Role: "server"}
	if links != nil {
		stats = statsOf("server", links)
	}
	stats.Methods = sortMethods(methods)
	n := s.engine.Counts()
	stats.Calls = CallStats{Running: n.Running, Waiting: n.Waiting, Refused: n.Refused}
	return stats
}

// Stats returns the publisher's counters. It may be called at any time, also
// after Close.
func (p *Publisher) Stats() Stats {
	s := statsOf("publisher", p.pub.Links())
	s.Superseded, s.Methods = p.Superseded(), p.methods.stats()
	return s
}

// Stats returns the subscriber's counters. It may be called at any time, also
// after Close.
func (s *Subscriber) Stats() Stats {
	stats := statsOf("subscriber", s.sub.Links())
	stats.Overflowed, stats.Superseded = s.Dropped(), s.Superseded()
	stats.Queues, stats.Methods = queuesOf(s.hub.Fills()), s.methods.stats()
	return stats
}

// queuesOf returns how full queues are, by name.
func queuesOf(fills []subscription.Fill) []QueueStats {
	var list []QueueStats
	for _, f := range fills {
		list = append(list, QueueStats(f))
	}
	slices.SortFunc(list, func(a, b QueueStats) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// Stats returns the ventilator's counters. It may be called at any time, also
// after Close.
func (v *Ventilator) Stats() Stats {
	s := statsOf("ventilator", v.sender.Links())
	s.Tasks, s.Methods = v.Progress(), v.methods.stats()
	if q, ok := v.sender.(*queuedSender); ok {
		f := q.Fill()
		s.Queues = []QueueStats{{Name: "tasks", Messages: f.Tasks, Bytes: f.Bytes, MaxMessages: f.MaxTasks, MaxBytes: f.MaxBytes}}
		s.OldestTask = ageOf(f.Oldest)
	}
	return s
}

// Stats returns the sink's counters. It may be called at any time, also after
// Close.
func (s *Sink) Stats() Stats {
	stats := statsOf("sink", s.source.Links())
	queues, oldest := s.source.Fills()
	stats.Tasks, stats.Methods = s.Progress(), s.methods.stats()
	stats.Queues, stats.OldestTask = queuesOf(queues), ageOf(oldest)
	return stats
}

// ageOf returns how long ago a time was; 0 for the zero time.
func ageOf(t time.Time) time.Duration {
	if t.IsZero() {
		return 0
	}
	return time.Since(t)
}

// Progress counts the tasks or results of a ventilator, a worker or a sink.
// Numbers that this end cannot know are 0.
type Progress struct {
	// Queued is how many tasks wait; at a sink, how many results have come and do.
	Queued int
	// InFlight is how many tasks a worker holds or a handler runs; at a sink,
	// how many results the bodies of loops process.
	InFlight int
	// Done is how many tasks were done. A ventilator with DeliveryAtMostOnce
	// counts the tasks that it has put into the queue of a worker's connection.
	Done uint64
	// Failed is how many tasks a ventilator gave up; at a worker, how many
	// attempts failed.
	Failed uint64
	// Redelivered is how many attempts were not the first one; at a sink, how
	// many results were duplicates and dropped.
	Redelivered uint64
	// Results is how many results wait at a worker: for a sink or, with
	// DeliveryAtLeastOnce, for its acknowledgement.
	Results int
	// Standby says that another ventilator owns the task store's queue, or nobody
	// can: this one hands out nothing.
	Standby bool
}

// String returns the numbers that are not 0, as text.
func (p Progress) String() string {
	text := fmt.Sprintf("%d done", p.Done)
	add := func(n uint64, what string) {
		if n > 0 {
			text += fmt.Sprintf(", %d %s", n, what)
		}
	}
	add(uint64(p.InFlight), "in flight")
	add(uint64(p.Queued), "queued")
	add(p.Failed, "failed")
	add(p.Redelivered, "redelivered")
	add(uint64(p.Results), "results waiting")
	if p.Standby {
		text += ", standing by"
	}
	return text
}
