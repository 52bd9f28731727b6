package gozmq

import (
	"context"

	"github.com/gozmq/gozmq/runtime/internal/handshake"
	"github.com/gozmq/gozmq/runtime/internal/link"
)

// A Peer is the other end of a connection, as its handshake showed it. It must
// not be changed.
type Peer struct {
	// Address is the peer's address, such as "192.0.2.7:51034".
	Address string
	// Endpoint is the endpoint that was bound or dialed.
	Endpoint string
	// SocketType is the ZeroMQ type of the peer's socket, such as "DEALER".
	SocketType string
	// RoutingID is what the peer announced with WithRoutingID, or libzmq's
	// ZMQ_ROUTING_ID; "" without. Anyone can announce any: never decide by it who
	// someone is. That is what Identity is for.
	RoutingID string
	// Mechanism is the security mechanism of the connection.
	Mechanism Mechanism
	// PublicKey is the key that the peer has proved to own, under CURVE.
	PublicKey CurvePublicKey
	// User is the peer's user, under PLAIN.
	User string
	// Identity is who the peer was found to be by our authenticator; nil without
	// one, and for servers that we are a client of.
	Identity *AuthIdentity
}

func newPeer(p *handshake.Peer, endpoint, address string) *Peer {
	return &Peer{
		Address: address, Endpoint: endpoint, SocketType: string(p.SocketType), RoutingID: p.Identity,
		Mechanism: Mechanism(p.Mechanism), PublicKey: CurvePublicKey(p.PublicKey), User: p.User, Identity: (*AuthIdentity)(p.Auth),
	}
}

func peerOf(c *link.Conn) *Peer { return newPeer(&c.Peer, c.Endpoint(), c.Address()) }

type peerKey struct{}

// PeerFromContext returns the peer that a call or a task came from, in the
// handler, an interceptor or the WithTaskErrorHandler that ctx was given to; nil
// elsewhere. A task that came through a Proxy came from the proxy.
func PeerFromContext(ctx context.Context) *Peer {
	p, _ := ctx.Value(peerKey{}).(*Peer)
	return p
}
