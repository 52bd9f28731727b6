package gozmq

import (
	"context"

	"github.com/gozmq/gozmq/runtime/internal/handshake"
	"github.com/gozmq/gozmq/runtime/internal/link"
)

// A Peer is the other end of a connection, as its handshake showed it. It must
// not be changed.
type Peer struct {
	// Address is the peer's address, as "192.0.2.7:51034".
	Address string
	// Endpoint is the endpoint that was bound or dialled.
	Endpoint string
	// SocketType is the ZeroMQ type of the peer's socket, as "DEALER".
	SocketType string
	// Announced is the identity that the peer's socket gave itself; "" without.
	// Anyone can announce anything: never decide by it who someone is.
	Announced string
	// Mechanism is MechanismNull, MechanismPlain or MechanismCurve.
	Mechanism string
	// PublicKey is the key that the peer has proved to own, under CURVE.
	PublicKey CurvePublicKey
	// User is the peer's user, under PLAIN.
	User string
	// Identity is what our authenticator made of the peer; nil where there is
	// none, as on the client's side.
	Identity *AuthIdentity
}

func newPeer(p *handshake.Peer, endpoint, address string) *Peer {
	return &Peer{
		Address: address, Endpoint: endpoint, SocketType: string(p.SocketType), Announced: p.Identity,
		Mechanism: p.Mechanism, PublicKey: CurvePublicKey(p.PublicKey), User: p.User, Identity: (*AuthIdentity)(p.Auth),
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
