package gozmq

import (
	"errors"

	"github.com/gozmq/gozmq/runtime/internal/handshake"
)

// WithAdmission has f decide whether a peer that connects to an endpoint of ours
// may come in, after the handshake has shown who it is: a worker at a
// ventilator, a ventilator or worker at a sink, any peer of any socket. An error
// refuses the peer, which is told so and does not come again by itself; the
// observer is told why (EventAuthFailed). f is called from many goroutines at
// once and must return soon. A panic is a refusal.
func WithAdmission(f func(*Peer) error) SocketOption {
	return socketOption(func(c *socketConfig) {
		c.Admit = func(p *handshake.Peer, endpoint, address string) error { return f(newPeer(p, endpoint, address)) }
		if f == nil {
			c.errs = append(c.errs, errors.New("WithAdmission: the function is nil"))
		}
	})
}
