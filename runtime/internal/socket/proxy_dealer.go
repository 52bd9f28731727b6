package socket

import (
	"context"

	"github.com/gozmq/gozmq/runtime/internal/link"
)

// A ProxyDealer is the side of a proxy that servers connect to: a Push that
// passes on the replies of its peers. Its methods may be called from any
// goroutine.
type ProxyDealer struct {
	push Push
	to   BatchReceiver
}

// NewProxyDealer returns a dealer without peers. Shutdown must be called.
func NewProxyDealer(cfg link.Config, to BatchReceiver) *ProxyDealer {
	cfg.IgnoreLimits = true // the server answers what is too large for it
	d := &ProxyDealer{to: to}
	d.push.init(cfg, d)
	return d
}

// Links returns the dealer's connections.
func (d *ProxyDealer) Links() *link.Group { return d.push.group }

// Send sends a request (Push.Send).
func (d *ProxyDealer) Send(ctx context.Context, m Message) error { return d.push.Send(ctx, m) }

// Serve adds a peer until its connection ends, and passes on its replies
// (link.Handler).
func (d *ProxyDealer) Serve(c *link.Conn) error {
	return d.push.serve(c, func(c *link.Conn) error { return receive(c, d.to) })
}

// Shutdown closes every connection (Push.Shutdown). Replies are passed on until it
// returns.
func (d *ProxyDealer) Shutdown(ctx context.Context) error { return d.push.Shutdown(ctx) }
