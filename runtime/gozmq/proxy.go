package gozmq

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/bridge"
	"github.com/gozmq/gozmq/runtime/internal/handshake"
	"github.com/gozmq/gozmq/runtime/internal/relay"
)

// A Pattern is one of ZeroMQ's patterns.
type Pattern uint8

const (
	// PatternReqRep carries requests and their replies.
	PatternReqRep Pattern = iota + 1
	// PatternPubSub carries publications to their subscribers.
	PatternPubSub
	// PatternPushPull carries tasks, each to one worker; results, likewise.
	PatternPushPull
)

// String returns the pattern's name as ZeroMQ writes it.
func (p Pattern) String() string {
	switch p {
	case PatternReqRep:
		return "REQ/REP"
	case PatternPubSub:
		return "PUB/SUB"
	case PatternPushPull:
		return "PUSH/PULL"
	default:
		return fmt.Sprintf("pattern %d", uint8(p))
	}
}

// ProxyOption is an option of NewProxy.
type ProxyOption interface{ applyProxy(*proxyConfig) }

type proxyConfig struct {
	socketConfig
	front, back      Endpoints
	maxSubscriptions int
	capture          func(ProxyMessage)
}

func (o socketOption) applyProxy(c *proxyConfig)     { o(&c.socketConfig) }
func (o maxSubscriptions) applyProxy(c *proxyConfig) { c.maxSubscriptions = int(o) }

// A ProxyMessage is a message on its way through a Proxy.
type ProxyMessage struct {
	// ToFront is true for a reply, which goes from the back to the front.
	ToFront bool
	// Frames are the frames of the whole message as its sender sent it,
	// envelope included. They are valid during the call only and must not be
	// changed.
	Frames [][]byte
}

type proxyOption func(*proxyConfig)

func (o proxyOption) applyProxy(c *proxyConfig) { o(c) }

// Front gives the endpoints of a proxy's front.
func Front(endpoints ...Endpoints) ProxyOption {
	return proxyOption(func(c *proxyConfig) {
		for _, e := range endpoints {
			e.add(&c.front)
		}
	})
}

// Back gives the endpoints of a proxy's back.
func Back(endpoints ...Endpoints) ProxyOption {
	return proxyOption(func(c *proxyConfig) {
		for _, e := range endpoints {
			e.add(&c.back)
		}
	})
}

// WithCaptureHandler calls f with every message that a proxy passes on, before it
// does so, from several goroutines at once. f must not block: the messages behind
// this one wait for it.
func WithCaptureHandler(f func(ProxyMessage)) ProxyOption {
	return proxyOption(func(c *proxyConfig) { c.capture = f })
}

// ProxyStats are the counters of a Proxy since it was opened.
type ProxyStats struct {
	// ToBack are messages that went from the front to the back.
	ToBack uint64
	// ToFront are replies that went from the back to the front.
	ToFront uint64
	// Unroutable are replies that were dropped because their receiver is gone
	// or never existed.
	Unroutable uint64
	// Dropped are messages that a peer missed: replies to a peer that does not
	// read them, publications for a subscriber whose queue was full, requests
	// that could not be passed on.
	Dropped uint64
}

// A Proxy passes messages on between a front, for the side that begins an
// exchange (clients, publishers, ventilators), and a back, for the other side.
// Its peers may be any programs, also further proxies: it reads the frames that
// route a message and leaves the others unchanged. Each side binds, connects or
// does both. Its methods may be called from any goroutine.
//
// The sockets of the two sides, and the effect that one peer can have on
// others:
//
//   - PatternReqRep: ROUTER for clients, DEALER for servers. It takes requests
//     from the clients in turn and sends them to the servers in turn, except to
//     a server whose queue is full; while all queues are full, or no server is
//     connected, it does not read from clients. A reply goes back to the
//     connection that its request came from, or is dropped if that connection
//     is gone. The proxy does not read from a client that does not read its
//     replies, and drops replies beyond 16 times the bytes of WithSendQueue.
//     When a server disconnects, requests that were not sent to it yet go to
//     another server; the others are lost, and their callers wait until their
//     deadlines. All messages of a stream go to one server. A stream ends with
//     UNAVAILABLE when that server disconnects, is canceled when its client does,
//     and ends with RESOURCE_EXHAUSTED in place of a dropped reply.
//   - PatternPushPull: PULL for ventilators, PUSH for workers (or workers and
//     sinks). The same, without replies: nothing is dropped, and the senders
//     wait.
//   - PatternPubSub: XSUB for publishers, XPUB for subscribers. It merges
//     subscriptions: it subscribes to each prefix once, and unsubscribes when
//     the last subscriber has. A subscriber whose queue is full misses
//     messages, as it would at a publisher; nobody waits for it.
//
// A server behind a proxy does not learn that a client has canceled a call:
// that is an extension which the proxy does not announce. It learns that a stream
// is canceled. A request grows by 11
// bytes at each proxy. A proxy disconnects a client that sends a message larger
// than its limit (WithMaxMessageSize); a server answers a request that is
// larger than its own limit with an error. A server of a bare service, or with
// CURVE, should have a limit at least as large as that of the proxy in front of
// it: otherwise a client that sends a larger message ends the proxy's
// connection to the server, and with it the calls of other clients.
type Proxy struct {
	holdsProxy
	relay    relay.Relay
	observer *observer
	linger   time.Duration
	front    []string
	back     []string
	role     roleState

	once   sync.Once
	closed chan struct{}
	err    error // of Close, once closed is
}

// holdsProxy is what gozmqops finds in a Proxy.
type holdsProxy = bridge.Held[bridge.Roled[Event]]

// passing is a Proxy as gozmqops sees it (bridge.Roled).
type passing Proxy

func (p *passing) Role() bridge.Role[Event] { return &p.role }

// NewProxy opens a proxy between the endpoints of Front and of Back, and starts
// to pass messages on. A SocketOption applies to both sides. Run or Close must
// be called.
func NewProxy(pattern Pattern, opts ...ProxyOption) (*Proxy, error) {
	cfg := proxyConfig{socketConfig: newSocketConfig("", handshake.RoleProxy), maxSubscriptions: 1 << 17}
	for _, o := range opts {
		o.applyProxy(&cfg)
	}
	if err := cfg.check(pattern); err != nil {
		return nil, fmt.Errorf("proxy: %w", err)
	}
	p := &Proxy{linger: cfg.linger, closed: make(chan struct{})}
	p.observer = newObserver(cfg.observer, &p.role)
	p.holdsProxy = bridge.Hold[bridge.Roled[Event]]((*passing)(p))
	p.relay = newRelay(pattern, cfg.relay(p.observer))
	if err := p.open(cfg.front, cfg.back); err != nil {
		_ = p.Close()
		return nil, fmt.Errorf("proxy: %w", err)
	}
	return p, nil
}

// check reports everything that is wrong with the options.
func (c *proxyConfig) check(pattern Pattern) error {
	errs := []error{c.socketConfig.check()}
	if c.maxSubscriptions < 1 {
		errs = append(errs, fmt.Errorf("WithMaxSubscriptions: %d, want at least 1", c.maxSubscriptions))
	}
	if pattern < PatternReqRep || pattern > PatternPushPull {
		errs = append(errs, fmt.Errorf("%v: want gozmq.PatternReqRep, PatternPubSub or PatternPushPull", pattern))
	}
	if err := c.front.check(); err != nil {
		errs = append(errs, fmt.Errorf("front: %w", err))
	}
	if err := c.back.check(); err != nil {
		errs = append(errs, fmt.Errorf("back: %w", err))
	}
	return errors.Join(errs...)
}

func newRelay(p Pattern, cfg relay.Config) relay.Relay {
	switch p {
	case PatternPubSub:
		return relay.NewPubSub(cfg)
	case PatternPushPull:
		return relay.NewPushPull(cfg)
	default:
		return relay.NewReqRep(cfg)
	}
}

// relay returns the configuration of the engine.
func (c *proxyConfig) relay(o *observer) relay.Config {
	cfg := relay.Config{Socket: c.Config, Observe: o.link, MaxSubscriptions: c.maxSubscriptions}
	cfg.Socket.Wanted = o.wanted
	if capture := c.capture; capture != nil {
		cfg.Capture = func(toFront bool, frames [][]byte) {
			_ = o.guard("", "the capture handler", "", func() { capture(ProxyMessage{ToFront: toFront, Frames: frames}) })
		}
	}
	return cfg
}

// open opens the back first, so that messages that come to the front find it.
func (p *Proxy) open(front, back Endpoints) (err error) {
	p.relay.Start()
	frontLinks, backLinks := p.relay.Links()
	if p.back, err = back.open(backLinks); err != nil {
		return fmt.Errorf("back: %w", err)
	}
	if p.front, err = front.open(frontLinks); err != nil {
		return fmt.Errorf("front: %w", err)
	}
	return nil
}

// FrontAddrs returns the endpoints that were bound at the front, with ports
// filled in.
func (p *Proxy) FrontAddrs() []string { return p.front }

// BackAddrs returns the endpoints that were bound at the back, with ports
// filled in.
func (p *Proxy) BackAddrs() []string { return p.back }

// Stats returns how many messages the proxy has passed on and dropped.
// FrontStats and BackStats return the counters of its two sockets.
func (p *Proxy) Stats() ProxyStats { return ProxyStats(p.relay.Stats()) }

// FrontStats returns the counters of the front's socket. It may be called at
// any time, also after Close.
func (p *Proxy) FrontStats() Stats {
	front, _ := p.relay.Links()
	return statsOf("proxy", front)
}

// BackStats is FrontStats for the back.
func (p *Proxy) BackStats() Stats {
	_, back := p.relay.Links()
	return statsOf("proxy", back)
}

// Run waits until ctx ends or Close is called, closes the proxy, and returns
// Close's error.
func (p *Proxy) Run(ctx context.Context) error {
	select {
	case <-ctx.Done():
	case <-p.closed:
	}
	return p.Close()
}

// Close stops the proxy. It passes on the messages that it has read, until the
// linger time (WithLinger) is over, and closes all connections. Replies that come
// later are lost. It returns an error when messages were left. Further calls
// wait for the first one and return the same.
func (p *Proxy) Close() error {
	p.once.Do(func() {
		p.err = lingering(p.linger, p.relay.Close)
		p.observer.close()
		close(p.closed)
	})
	return p.err
}
