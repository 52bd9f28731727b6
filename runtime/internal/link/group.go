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
	// an address is no longer dialed, because the host name has lost it. Set it
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
	conns       map[*Conn]struct{}
	identities  map[string]*Conn // of accepted peers, at a ROUTER
	pending     pending
	accepted    int
	dialers     map[*dialer]struct{}
	hosts       []string // endpoints that stand for all addresses of a host
	dialErr     error
	wanted      int              // waiters for a peer
	nowWanted   notify.Broadcast // of the first waiter
	clock       bool             // tick runs
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
		ended: make(chan struct{}), handshakeEnded: notify.NewToken(),
	}
	g.cfg.events = &g.events
	g.violators = newViolators()
	g.sources, g.handshakes = make(map[netip.Addr]int), throttle.NewSources[netip.Addr](handshakeLimit, maxViolators)
	g.handshake = g.cfg.handshake()
	g.ctx, g.cancel = context.WithCancel(context.Background())
	return g
}

// Security returns the security of endpoints that have none set.
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
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		ln.Close()
		return ep, ErrClosed
	}
	g.listeners = append(g.listeners, ln)
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

// Dialed returns the endpoints that are dialed, as Endpoint of their connections
// returns them, and why a peer has refused us at the last attempt, if one has.
// A host is listed once for each of its addresses, and once while no address is
// known.
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

// Unanswered returns an endpoint that is dialed, has no connection and has not
// refused us, the alphabetically first one; "" when there is none. A host has
// answered when one of its addresses has.
func (g *Group) Unanswered() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	answered := make(map[string]bool, len(g.dialers)+len(g.hosts))
	for _, host := range g.hosts {
		answered[host] = false // also when no address is known
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

// StopListening closes the listeners and stops dialing. Connections stay, and so do
// handshakes that the peer may consider complete.
func (g *Group) StopListening() {
	g.cancel()
	g.mu.Lock()
	listeners := g.listeners
	g.listeners, g.closed = nil, true
	g.mu.Unlock()
	for _, ln := range listeners {
		ln.Close()
	}
}

// Shutdown stops listening and dialing, and ends every connection in order: it
// hands committed messages to the kernel, closes our direction, and reads until
// the peer closes its own. The end of ctx cuts that short. Shutdown returns
// when all goroutines of the group have ended, with ctx's error when messages
// were left unsent.
func (g *Group) Shutdown(ctx context.Context) error {
	g.StopListening()
	g.awaitHandshakes(ctx)
	g.part(ctx)
	var left error
	for _, c := range g.snapshot() {
		if !wait(ctx, c.Flushed()) {
			left = context.Cause(ctx)
		}
		c.closeWrite()
	}
	g.drain(ctx, g.snapshot)
	g.mu.Lock()
	g.final = true
	g.mu.Unlock()
	for _, c := range g.snapshot() {
		c.Close(ErrClosed)
	}
	g.end.Do(func() { close(g.ended) })
	g.wg.Wait()
	return left
}

// A Parter is a Handler that has something to settle with a peer before its
// connection ends.
type Parter interface {
	// Part is called for each connection when the group is shut down, before our
	// direction is closed. It returns soon after the end of ctx.
	Part(ctx context.Context, c *Conn)
}

// partLimit is how long a peer may take to part.
const partLimit = time.Second

// part has the handler part from all peers.
func (g *Group) part(ctx context.Context) {
	parter, ok := g.handler.(Parter)
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, partLimit)
	defer cancel()
	var parting sync.WaitGroup
	for _, c := range g.snapshot() {
		parting.Go(func() { parter.Part(ctx, c) })
	}
	parting.Wait()
}

// beginHandshake counts a handshake of a dialed connection as in progress. It
// returns false when the group is closed. Whoever gets true calls handshaking.Done,
// or serve, which does.
func (g *Group) beginHandshake() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.closed {
		g.handshaking.Add(1)
	}
	return !g.closed
}

// awaitHandshakes waits until no handshake is in progress, which takes little time
// once the group is closed, or ctx ends.
func (g *Group) awaitHandshakes(ctx context.Context) {
	done := make(chan struct{})
	go func() { // it ends with the last handshake
		g.handshaking.Wait()
		close(done)
	}()
	ctx, cancel := context.WithTimeout(ctx, idleLimit)
	defer cancel()
	wait(ctx, done)
}

// idleLimit is how long a peer may neither send nor close after we have closed our
// direction.
const idleLimit = 500 * time.Millisecond

// drain waits until every connection that open returns is closed, or all of
// them are idle, or ctx ends. A connection that is not read, because its
// messages have to wait, is not idle.
func (g *Group) drain(ctx context.Context, open func() []*Conn) {
	last := make(map[*Conn]uint32)
	for {
		conns := open()
		busy := false
		for _, c := range conns {
			reads, known := last[c]
			now := c.liveness.reads.Load()
			busy = busy || !known || now != reads || c.liveness.paused.Load() > 0
			last[c] = now
		}
		if len(conns) == 0 || !busy {
			return
		}
		g.waitAll(ctx, conns)
		if ctx.Err() != nil {
			return
		}
	}
}

// waitAll waits until all of the connections are closed, but not longer than
// idleLimit or ctx.
func (g *Group) waitAll(ctx context.Context, conns []*Conn) {
	ctx, cancel := context.WithTimeout(ctx, idleLimit)
	defer cancel()
	for _, c := range conns {
		if !wait(ctx, c.Closed()) {
			return
		}
	}
}

// wait waits for done; it returns false when ctx ends first.
func wait(ctx context.Context, done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
	}
	select {
	case <-done:
		return true
	case <-ctx.Done():
		return false
	}
}

// serve runs one connection from the end of its handshake to its own end.
func (g *Group) serve(c *Conn) {
	added := g.add(c)
	g.handshaking.Done()
	if !added {
		c.Close(ErrClosed)
		g.release(c)
		return
	}
	c.detach = sync.OnceFunc(func() {
		<-c.Flushed()
		g.remove(c)
		// A pattern may have handled the size error that the reader returned.
		if !c.dialed && (c.violated.Load() || errors.As(c.Err(), new(*zmtp.SizeError))) {
			g.violators.record(c.raw.RemoteAddr(), c.Err())
		}
		g.reportEnd(c)
		g.release(c)
	})
	err := ErrClosed
	defer func() { // a handler may end its goroutine with runtime.Goexit
		c.Close(err)
		c.detach()
	}()
	if cause := g.handler.Serve(c); cause != nil {
		err = cause
	}
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
	if !g.clock {
		g.clock = true
		g.wg.Go(g.tick)
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

// release lets another connection take the place of c.
func (g *Group) release(c *Conn) {
	switch {
	case !c.dialed:
		g.vacate(c.raw)
	case c.detached != nil:
		close(c.detached)
	}
}

// defaultBeat is the clock's beat where our heartbeats are off: a peer's TTL counts
// all the same.
const defaultBeat = time.Second

// tick runs the clock of every connection's heartbeat.
func (g *Group) tick() {
	every := defaultBeat
	if g.cfg.HeartbeatInterval > 0 {
		every = max(g.cfg.HeartbeatInterval/beatsPerInterval, time.Millisecond)
	}
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		select {
		case <-g.ended:
			return
		case <-t.C:
			g.Each(func(c *Conn) { c.beat(every) })
		}
	}
}
