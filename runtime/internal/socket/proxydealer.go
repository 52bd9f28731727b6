package socket

import (
	"context"

	"github.com/gozmq/gozmq/runtime/internal/link"
)

// A ProxyDealer is the side of a proxy that servers see: a Push that passes on
// what its peers answer. Its methods may be called from any goroutine.
type ProxyDealer struct {
	push Push
	to   BatchReceiver
}

// NewProxyDealer returns a dealer without peers. Shutdown must be called.
func NewProxyDealer(cfg link.Config, to BatchReceiver) *ProxyDealer {
	d := &ProxyDealer{to: to}
	d.push.group = link.NewGroup(cfg, d)
	return d
}

// Links returns the dealer's connections.
func (d *ProxyDealer) Links() *link.Group { return d.push.group }

// Send is that of a Push.
func (d *ProxyDealer) Send(ctx context.Context, m Message) error { return d.push.Send(ctx, m) }

// Serve is that of a Push, but for what the peer sends (link.Handler).
func (d *ProxyDealer) Serve(c *link.Conn) error {
	return d.push.serve(c, func(c *link.Conn) error { return receive(c, d.to) })
}

// Shutdown is that of a Push. What peers answer is passed on until it returns.
func (d *ProxyDealer) Shutdown(ctx context.Context) error { return d.push.Shutdown(ctx) }
