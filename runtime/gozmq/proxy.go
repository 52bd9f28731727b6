package gozmq

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

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
	// Frames are the whole message as the sender sent it, envelope included. They
	// are valid during the call only and must not be changed.
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

// ProxyStats are what a Proxy has counted since it was made.
type ProxyStats struct {
	// ToBack are messages that went from the front to the back.
	ToBack uint64
	// ToFront are replies that went from the back to the front.
	ToFront uint64
	// Unroutable are replies that were dropped because the peer that they are
	// for is gone or never was.
	Unroutable uint64
	// Dropped are messages that a peer missed: replies to a peer that does not
	// read them, publications for a subscriber whose queue was full, requests
	// that could not be passed on.
	Dropped uint64
}

// A Proxy passes messages on between a front, for the side that begins an exchange
// (clients, publishers, ventilators), and a back, for the other side. Its peers may
// be of any kind, further proxies among them: it looks at the frames that route a
// message and leaves the others as they are. Each side binds, connects or does both. Its methods may be called from
// any goroutine.
//
// What the two sides are on the wire, and what one peer can do to the others:
//
//   - PatternReqRep: ROUTER for clients, DEALER for servers. Requests are taken from
//     the clients in turn and go to the servers in turn, but not to one whose
//     queue is full; while all are full, or there is none, clients are not read.
//     A reply goes back to where its request came from, or is dropped if that
//     connection is gone. A client that does not read its replies is not read
//     either, and from 16 times the bytes of WithSendQueue on loses replies.
//     Requests that a server had not been sent when it went go to another one;
//     those that it had are lost, and their callers' deadlines tell them so.
//   - PatternPushPull: PULL for ventilators, PUSH for workers (or workers and sinks).
//     The same, without replies: nothing is dropped, whoever pushes waits.
//   - PatternPubSub: XSUB for publishers, XPUB for subscribers. Subscriptions are
//     merged: a publisher is told of each prefix once, and when the last
//     subscriber has given it up. A subscriber whose queue is full misses
//     messages, as it would at a publisher; no one waits for it.
//
// A client that gives a call up does not tell a server behind a proxy: that is
// an extension that the proxy does not announce. A request grows by 11 bytes at
// each proxy. A proxy disconnects a client that sends more than it allows
// (WithMaxMessageSize); what a server behind it does not allow, that answers. A
// server of a bare service, or with CURVE, should allow messages at least as large
// as the proxy in front of it, or one client that sends a larger one costs the
// proxy's connection to it, and with it the calls of others.
type Proxy struct {
	relay    relay.Relay
	observer *observer
	linger   time.Duration
	front    []string
	back     []string

	once   sync.Once
	closed chan struct{}
	err    error // of Close, once closed is
}

// NewProxy opens a proxy between the endpoints of Front and of Back, which passes
// messages on from then on. Options that are about sockets hold for both sides.
// Close, or Run, must be called.
func NewProxy(pattern Pattern, opts ...ProxyOption) (*Proxy, error) {
	cfg := proxyConfig{socketConfig: newSocketConfig(""), maxSubscriptions: 1 << 17}
	for _, o := range opts {
		o.applyProxy(&cfg)
	}
	if err := cfg.check(pattern); err != nil {
		return nil, fmt.Errorf("proxy: %w", err)
	}
	p := &Proxy{observer: newObserver(cfg.observer), linger: cfg.linger, closed: make(chan struct{})}
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

// Stats returns what was passed on and dropped so far; what its two sockets
// have counted is in FrontStats and BackStats.
func (p *Proxy) Stats() ProxyStats { return ProxyStats(p.relay.Stats()) }

// FrontStats returns what the front's socket has counted. It may be called at
// any time, also after Close.
func (p *Proxy) FrontStats() Stats {
	front, _ := p.relay.Links()
	return statsOf(front)
}

// BackStats is FrontStats for the back.
func (p *Proxy) BackStats() Stats {
	_, back := p.relay.Links()
	return statsOf(back)
}

// Run waits until ctx ends or Close is called, and closes the proxy. It returns
// what Close does.
func (p *Proxy) Run(ctx context.Context) error {
	select {
	case <-ctx.Done():
	case <-p.closed:
	}
	return p.Close()
}

// Close stops the proxy. It passes on the messages that it has read, until the
// linger time (WithLinger) is over, and closes all connections. Replies that come
// later are lost. It returns an error when messages were left. Further calls wait for the
// first one and return the same.
func (p *Proxy) Close() error {
	p.once.Do(func() {
		p.err = lingering(p.linger, p.relay.Close)
		p.observer.close()
		close(p.closed)
	})
	return p.err
}
