package gozmq

import (
	"errors"

	"github.com/gozmq/gozmq/runtime/internal/handshake"
)

// WithAdmission calls f to decide whether a peer that connects to one of our
// endpoints is admitted, after the handshake has shown who it is: a worker at a
// ventilator, a ventilator or worker at a sink, any peer of any socket. An error
// refuses the peer, which learns that, but not why, and dials again after a long
// pause; the event handler gets the error (EventAuthFailed). So does a panic. f is called from many
// goroutines at once and must return soon.
func WithAdmission(f func(*Peer) error) SocketOption {
	return socketOption(func(c *socketConfig) {
		c.Admit = func(p *handshake.Peer, endpoint, address string) error { return f(newPeer(p, endpoint, address)) }
		if f == nil {
			c.errs = append(c.errs, errors.New("WithAdmission: the function is nil"))
		}
	})
}
