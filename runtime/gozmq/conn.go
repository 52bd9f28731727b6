package gozmq

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/bridge"
	"github.com/gozmq/gozmq/runtime/internal/call"
	"github.com/gozmq/gozmq/runtime/internal/handshake"
	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

type dialConfig struct {
	socketConfig
	ready        time.Duration
	interceptors interceptorOption
}

// Options from other files that Dial takes.

func (o socketOption) applyDial(c *dialConfig) { o(&c.socketConfig) }
func (e Endpoints) applyDial(c *dialConfig)    { e.add(&c.endpoints) }
func (o codecOption) applyDial(c *dialConfig)  { o.apply(&c.socketConfig) }
func (o interceptorOption) applyDial(c *dialConfig) {
	c.interceptors = append(c.interceptors, o...)
}

func (c *dialConfig) check() error {
	errs := []error{c.socketConfig.check(), c.interceptors.check()}
	if c.ready < 0 {
		errs = append(errs, fmt.Errorf("WithReadyTimeout: %v, want 0 or more", c.ready))
	}
	return errors.Join(errs...)
}

// A Conn makes calls to one or more servers. Any number of calls may be in
// flight at once, from any goroutines; each goes to the server with the fewest
// of this Conn's calls in flight, and not to one that seems to hang while
// there is another. On the wire it is a DEALER socket.
type Conn struct {
	holdsConn
	client      call.Client
	methods     methodCounters
	observer    *observer
	interceptor Interceptor
	bodies      bodies
	linger      time.Duration
	addrs       []string
	role        roleState
}

// Dial returns a Conn that connects, or lets servers connect to it, in the
// background. It fails when an option is wrong or an endpoint cannot be bound;
// it does not fail because no server is there yet. Close must be called.
func Dial(opts ...DialOption) (*Conn, error) {
	cfg := dialConfig{socketConfig: newSocketConfig(zmtp.Dealer, handshake.RoleClient), ready: 10 * time.Second}
	for _, o := range opts {
		o.applyDial(&cfg)
	}
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("dial: %w", err)
	}
	c := &Conn{
		interceptor: cfg.interceptors.chain(),
		linger:      cfg.linger,
	}
	c.observer = newObserver(cfg.observer, &c.role)
	c.holdsConn = bridge.Hold[bridge.Conn[Event]]((*exchanging)(c))
	c.bodies = cfg.bodies(c.observer)
	cfg.Observe = c.observer.link(cfg.SocketType)
	c.client.Dealer, c.client.Ready = socket.NewDealer(cfg.Config), cfg.ready
	addrs, err := cfg.endpoints.open(c.client.Dealer.Links())
	if err != nil {
		c.Close()
		return nil, fmt.Errorf("dial: %w", err)
	}
	c.addrs = addrs
	return c, nil
}

type holdsConn = bridge.Held[bridge.Conn[Event]]

// exchanging is a Conn as gozmqzap sees it (bridge.Conn).
type exchanging Conn

func (c *exchanging) Role() bridge.Role[Event] { return &c.role }

func (c *exchanging) Do(ctx context.Context, x socket.Exchange) error {
	return c.client.Dealer.Do(ctx, x, c.client.Ready)
}

// WaitForServers waits until at least n servers are connected. It fails with
// the code of ctx's error when ctx ends first, and with CodeCanceled when the
// Conn is closed.
func (c *Conn) WaitForServers(ctx context.Context, n int) error {
	err := c.client.Dealer.WaitPeers(ctx, n)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, link.ErrClosed):
		return Errorf(CodeCanceled, "wait for servers: the Conn is closed")
	}
	return Errorf(CodeOf(err), "wait for servers: %w", err)
}

type readyTimeout time.Duration

func (o readyTimeout) applyDial(c *dialConfig) { c.ready = time.Duration(o) }

// WithReadyTimeout sets how long each attempt of a call waits for a server to be
// connected before it fails with CodeUnavailable. 0: as long as the call's context
// lasts. Default: 10 s.
func WithReadyTimeout(d time.Duration) DialOption { return readyTimeout(d) }

// Addrs returns the endpoints that were bound, with ports filled in.
func (c *Conn) Addrs() []string { return c.addrs }

// Close fails the calls in flight with CodeUnavailable and closes the
// connections, once the requests that were sent have reached the kernel or the
// linger time (WithLinger) is over. Calls made later fail with CodeCanceled.
func (c *Conn) Close() error {
	err := lingering(c.linger, c.client.Dealer.Shutdown)
	c.observer.close()
	return err
}
