package link

import (
	"context"
	"errors"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/handshake"
	"github.com/gozmq/gozmq/runtime/internal/notify"
	"github.com/gozmq/gozmq/runtime/internal/throttle"
	"github.com/gozmq/gozmq/runtime/internal/transport"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A Group is the set of connections of one socket. Its methods may be called
// from any goroutine.
type Group struct {
	// DialingChanged is called when the peer at an address has refused us, and when
	// an address is no longer dialed because the host name no longer has it. Set it
	// before the first Connect.
	DialingChanged func()

	cfg       Config
	handshake *handshake.Config
	handler   Handler

	ctx    context.Context // ends dialing, accepting and handshakes
	cancel context.CancelFunc
	ended  chan struct{}  // ends the clock
	wg     sync.WaitGroup // every goroutine of the group

	handshaking    sync.WaitGroup // handshakes in progress; none is added once closed is set
	handshakeEnded notify.Token   // set when one has ended

	mu          sync.Mutex
	closed      bool // accepts no new peers, except those whose handshake is in progress
	final       bool // accepts none at all
	listeners   []*transport.Listener
	mechanisms  map[string]string // by bound or dialed endpoint
	conns       map[*Conn]struct{}
	identities  map[string]*Conn // of accepted peers, at a ROUTER
	pending     pending
	accepted    int
	dialers     map[*dialer]struct{}
	hosts       []string // endpoints that stand for all addresses of a host
	dialErr     error
	wanted      int              // the number of waiters for a peer
	nowWanted   notify.Broadcast // of the first waiter
	clock       *time.Timer      // runs tick
	rechecks    bool             // recheck runs
	established connCounts
	departed    Traffic   // of connections that have ended
	end         sync.Once // closes ended

	events    eventCounts
	violators violators

	sources    map[netip.Addr]int // accepted connections by address; mu guards it
	handshakes *throttle.Sources[netip.Addr]
}

// NewGroup returns a group without connections. Shutdown must be called.
func NewGroup(cfg Config, h Handler) *Group {
	g := &Group{
		cfg: cfg, handler: h,
		conns: make(map[*Conn]struct{}), identities: make(map[string]*Conn), dialers: make(map[*dialer]struct{}),
		mechanisms: make(map[string]string),
		ended:      make(chan struct{}), handshakeEnded: notify.NewToken(),
	}
	g.cfg.events = &g.events
	g.cfg.incoming = newIncomingShare(&g.cfg, g.Each)
	g.violators = newViolators()
	g.sources, g.handshakes = make(map[netip.Addr]int), throttle.NewSources[netip.Addr](handshakeLimit, maxViolators)
	g.handshake = g.cfg.handshake()
	g.ctx, g.cancel = context.WithCancel(context.Background())
	return g
}

// Security returns the security of endpoints without their own.
func (g *Group) Security() *handshake.Security { return g.cfg.Security }

// Bind listens on ep and returns the endpoint with its actual port or name.
// Connections are secured as the group's configuration says.
func (g *Group) Bind(ep transport.Endpoint) (transport.Endpoint, error) {
	return g.BindSecured(ep, g.cfg.Security)
}

// BindSecured is Bind with sec in place of the configured security.
func (g *Group) BindSecured(ep transport.Endpoint, sec *handshake.Security) (transport.Endpoint, error) {
	ln, err := ep.Listen()
	if err != nil {
		return ep, err
	}
	return g.Adopt(ln, sec)
}

// Adopt is BindSecured for an existing listener. The group closes it.
func (g *Group) Adopt(ln *transport.Listener, sec *handshake.Security) (transport.Endpoint, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		ln.Close()
		return ln.Endpoint(), ErrClosed
	}
	g.listeners = append(g.listeners, ln)
	g.mechanisms[ln.Endpoint().String()] = sec.Name()
	g.wg.Go(func() { g.accept(ln, sec) })
	g.cfg.observe(Event{Kind: Listening, Endpoint: ln.Endpoint().String()})
	if sec.Exposes(ln.Addr()) {
		g.cfg.observe(Event{Kind: Exposed, Endpoint: ln.Endpoint().String(), Err: handshake.ErrExposed})
	}
	return ln.Endpoint(), nil
}

// Connect dials ep, and dials it again whenever the connection is lost, until the
// group is shut down. Connections are secured as the group's configuration says.
func (g *Group) Connect(ep transport.Endpoint) error { return g.ConnectSecured(ep, g.cfg.Security) }

// ConnectSecured is Connect with sec in place of the configured security.
func (g *Group) ConnectSecured(ep transport.Endpoint, sec *handshake.Security) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return ErrClosed
	}
	g.mechanisms[ep.String()] = sec.Name()
	if ep.Many() {
		g.hosts = append(g.hosts, ep.String())
		g.wg.Go(func() { g.followHost(ep, sec) })
		return nil
	}
	ctx, stop := context.WithCancel(g.ctx)
	d := &dialer{group: g, ep: ep, at: ep, security: sec, ctx: ctx, stop: stop}
	g.dialers[d] = struct{}{}
	g.wg.Go(d.run)
	return nil
}

// Dialed returns the dialed endpoints, as Conn.Endpoint returns them, and the error
// of a peer that refused our last attempt, if there is one. A host is listed once
// for each of its addresses, and once while no address is known.
func (g *Group) Dialed() (endpoints []string, refused error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for d := range g.dialers {
		endpoints = append(endpoints, d.ep.String())
		if refused == nil {
			refused = d.refused
		}
	}
	for _, host := range g.hosts {
		if !slices.Contains(endpoints, host) {
			endpoints = append(endpoints, host)
		}
	}
	return endpoints, refused
}

// Unanswered returns the alphabetically first dialed endpoint that has no
// connection and has not refused us; "" when there is none. A host has answered
// when one of its addresses has.
func (g *Group) Unanswered() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	answered := make(map[string]bool, len(g.dialers)+len(g.hosts))
	for _, host := range g.hosts {
		answered[host] = false // even when no address is known
	}
	for d := range g.dialers {
		ep := d.ep.String()
		answered[ep] = answered[ep] || d.conn != nil || d.refused != nil
	}
	for _, endpoint := range slices.Sorted(maps.Keys(answered)) {
		if !answered[endpoint] {
			return endpoint
		}
	}
	return ""
}

// DialError returns why the last attempt to dial failed, nil when it did not.
func (g *Group) DialError() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.dialErr
}

func (g *Group) setDialError(err error) {
	g.mu.Lock()
	g.dialErr = err
	g.mu.Unlock()
}

// Each calls visit for every connection, without a lock held.
func (g *Group) Each(visit func(*Conn)) {
	for _, c := range g.snapshot() {
		visit(c)
	}
}

func (g *Group) snapshot() []*Conn {
	g.mu.Lock()
	defer g.mu.Unlock()
	conns := make([]*Conn, 0, len(g.conns))
	for c := range g.conns {
		conns = append(conns, c)
	}
	return conns
}

// serve runs one connection from the end of its handshake to the connection's end.
func (g *Group) serve(c *Conn) {
	added := g.add(c)
	g.handshaking.Done()
	if !added {
		c.Close(ErrClosed)
		g.release(c)
		return
	}
	if g.cfg.Detachable {
		c.OnClose(func(error) { g.wg.Go(func() { g.detach(c) }) })
		_ = g.handler.Serve(c)
		return
	}
	err := ErrClosed
	defer func() { // a handler may end its goroutine with runtime.Goexit
		c.Close(err)
		g.detach(c)
	}()
	if cause := g.handler.Serve(c); cause != nil {
		err = cause
	}
}

// detach removes a closed connection from the group, and reports its end.
func (g *Group) detach(c *Conn) {
	c.giveBack()
	<-c.Flushed()
	g.remove(c)
	if !c.dialed && c.offended.Load() {
		g.violators.offend(c.raw.RemoteAddr())
	}
	// A pattern may have handled the size error that the reader returned.
	if !c.dialed && (c.violated.Load() || errors.As(c.Err(), new(*zmtp.SizeError))) {
		g.violators.record(c.raw.RemoteAddr(), c.Err())
	}
	g.reportEnd(c)
	g.release(c)
}

func (g *Group) reportEnd(c *Conn) {
	c.reportDrops()
	if reason := c.Err(); errors.Is(reason, ErrClosed) {
		c.Report(Disconnected, nil)
	} else {
		c.Report(Disconnected, reason)
	}
}

func (g *Group) add(c *Conn) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.final {
		return false
	}
	g.conns[c] = struct{}{}
	g.established.count(c)
	if g.clock == nil {
		g.clock = time.AfterFunc(g.cfg.beat(), g.tick)
	}
	if c.mayBeRevoked() && !g.rechecks {
		g.rechecks = true
		g.wg.Go(g.recheck)
	}
	return true
}

func (g *Group) remove(c *Conn) {
	g.mu.Lock()
	delete(g.conns, c)
	g.releaseIdentity(c)
	g.departed.add(c.stats().Traffic)
	g.mu.Unlock()
}

// release frees the place of c.
func (g *Group) release(c *Conn) {
	switch {
	case !c.dialed:
		g.vacate(c.raw)
	case c.detached != nil:
		close(c.detached)
	}
}

// defaultBeat is the clock's beat when our heartbeats are off: a peer's TTL still
// counts.
const defaultBeat = time.Second

// beat returns the time between two beats of the clock.
func (c *Config) beat() time.Duration {
	if c.HeartbeatInterval > 0 {
		return max(c.HeartbeatInterval/beatsPerInterval, time.Millisecond)
	}
	return defaultBeat
}

// tick is one beat of the clock for the heartbeats of all connections. A timer runs
// it, because a waiting goroutine would cost more than an idle connection.
func (g *Group) tick() {
	g.mu.Lock()
	if g.final {
		g.mu.Unlock()
		return
	}
	g.wg.Add(1)
	g.mu.Unlock()
	defer g.wg.Done()
	every := g.cfg.beat()
	g.Each(func(c *Conn) { c.beat(every) })
	g.mu.Lock()
	defer g.mu.Unlock()
	g.clock.Reset(every)
}
