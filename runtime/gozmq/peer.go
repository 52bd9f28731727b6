package gozmq

import (
	"context"

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
