package gozmq

import (
	"context"
	"errors"

	"github.com/gozmq/gozmq/runtime/internal/handshake"
	"github.com/gozmq/gozmq/runtime/internal/link"
)

// A Peer describes the other end of a connection, as its handshake showed it.
// It must not be changed.
type Peer struct {
	// Address is the peer's address, such as "192.0.2.7:51034".
	Address string
	// Endpoint is the endpoint that was bound or dialed.
	Endpoint string
	// SocketType is the ZeroMQ type of the peer's socket, such as "DEALER".
	SocketType string
	// RoutingID is the id that the peer announced with WithRoutingID, or
	// libzmq's ZMQ_ROUTING_ID; "" for none. Any peer can announce any id: use
	// Identity, never RoutingID, to decide who a peer is.
	RoutingID string
	// Mechanism is the security mechanism of the connection.
	Mechanism Mechanism
	// PublicKey is the peer's key under CURVE; the peer has proved that it owns
	// it.
	PublicKey PublicKey
	// User is the peer's user, under PLAIN.
	User string
	// Identity is the identity that our authenticator gave the peer; nil
	// without an authenticator, and for a peer in the server's role of the
	// mechanism.
	Identity *AuthIdentity
}

func newPeer(p *handshake.Peer, endpoint, address string) *Peer {
	return &Peer{
		Address: address, Endpoint: endpoint, SocketType: string(p.SocketType), RoutingID: p.Identity,
		Mechanism: Mechanism(p.Mechanism), PublicKey: PublicKey(p.PublicKey), User: p.User, Identity: (*AuthIdentity)(p.Auth),
	}
}

func peerOf(c *link.Conn) *Peer { return newPeer(&c.Peer, c.Endpoint(), c.Address()) }

// describe is peerOf for engines.
func describe(c *link.Conn) any { return peerOf(c) }

type peerKey struct{}

// PeerFromContext returns the peer that sent a call, a task or a publication,
// given the context of its handler or interceptor, of WithTaskErrorHandler or
// of WithTopicErrorHandler; nil for any other context. Behind a Proxy the peer
// is the proxy.
func PeerFromContext(ctx context.Context) *Peer {
	p, _ := ctx.Value(peerKey{}).(*Peer)
	return p
}

var errDisconnected = &link.RevokedError{Err: errors.New("Disconnect was called")}

// disconnect ends the connections of g whose peers match selects.
func disconnect(g *link.Group, match func(*Peer) bool) int {
	return g.Disconnect(func(c *link.Conn) bool { return match(peerOf(c)) }, errDisconnected)
}

// Disconnect ends the connections to the servers that match selects, and returns
// how many. Their calls fail or move to another server, as when a server goes. An
// endpoint that was dialed is dialed again. match must not block.
func (c *Conn) Disconnect(match func(*Peer) bool) int {
	return disconnect(c.client.Dealer.Links(), match)
}

// Disconnect ends the connections of the clients that match selects, with their
// calls, and returns how many. A client may come back, unless an authenticator or
// admission rule refuses it: change that first. match must not block.
func (s *Server) Disconnect(match func(*Peer) bool) int {
	s.mu.Lock()
	links := s.links
	s.mu.Unlock()
	if links == nil {
		return 0
	}
	return disconnect(links, match)
}

// Disconnect ends the connections of the subscribers that match selects, and
// returns how many. What waits in their queues is lost. A subscriber may come back,
// as a client may (Server.Disconnect).
func (p *Publisher) Disconnect(match func(*Peer) bool) int { return disconnect(p.pub.Links(), match) }

// Disconnect ends the connections of the publishers that match selects, and returns
// how many. One that was dialed is dialed again.
func (s *Subscriber) Disconnect(match func(*Peer) bool) int { return disconnect(s.sub.Links(), match) }

// Disconnect ends the connections of the workers that match selects, and returns
// how many. With DeliveryAtLeastOnce their tasks go to other workers. A worker may
// come back, as a client may (Server.Disconnect).
func (v *Ventilator) Disconnect(match func(*Peer) bool) int {
	return disconnect(v.sender.Links(), match)
}

// Disconnect ends the connections of the ventilators and sinks that match selects,
// and returns how many. One that was dialed is dialed again.
func (w *Worker) Disconnect(match func(*Peer) bool) int {
	tasks, results := w.engine.Links()
	n := disconnect(tasks, match)
	if results != nil {
		n += disconnect(results, match)
	}
	return n
}

// Disconnect ends the connections of the workers that match selects, and returns
// how many. With DeliveryAtLeastOnce they keep the results that were not
// acknowledged. A worker may come back, as a client may (Server.Disconnect).
func (s *Sink) Disconnect(match func(*Peer) bool) int { return disconnect(s.source.Links(), match) }

// Disconnect ends the connections of the peers on both sides that match selects,
// and returns how many. One that was dialed is dialed again.
func (p *Proxy) Disconnect(match func(*Peer) bool) int {
	front, back := p.relay.Links()
	return disconnect(front, match) + disconnect(back, match)
}
