package link

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/handshake"
	"github.com/gozmq/gozmq/runtime/internal/notify"
	"github.com/gozmq/gozmq/runtime/internal/transport"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A Group is the set of connections of one socket. Its methods may be called
// from any goroutine.
type Group struct {
	// Ended is called when an address is dialled no more, because the peer there
	// refuses us or the name does not have it any longer. Set it before the
	// first Connect.
	Ended func()

	cfg       Config
	handshake *handshake.Config
	handler   Handler

	ctx    context.Context // ends dialling, accepting and handshakes
	cancel context.CancelFunc
	ended  chan struct{}  // ends the clock
	place  notify.Token   // set when a handshake has ended
	wg     sync.WaitGroup // every goroutine of the group

	meeting sync.WaitGroup // connections that shake hands; none is added once closed is set

	mu         sync.Mutex
	closed     bool // takes no new peers, but those that are shaking hands
	final      bool // takes none at all
	listeners  []*transport.Listener
	conns      map[*Conn]struct{}
	identities map[string]*Conn // of accepted peers, at a ROUTER
	pending    pending
	accepted   int
	diallers   map[*dialler]struct{}
	names      []string // endpoints that stand for many addresses
	dialErr    error
	clock      bool
	made       made
	departed   Traffic   // of connections that have ended
	end        sync.Once // closes ended

	tally     tally
	violators violators
}

// NewGroup returns a group without connections. Shutdown must be called.
func NewGroup(cfg Config, h Handler) *Group {
	g := &Group{
		cfg: cfg, handler: h,
		conns: make(map[*Conn]struct{}), identities: make(map[string]*Conn), diallers: make(map[*dialler]struct{}),
		ended: make(chan struct{}), place: notify.NewToken(),
	}
	g.cfg.tally = &g.tally
	g.violators = newViolators()
	g.handshake = g.cfg.handshake()
	g.ctx, g.cancel = context.WithCancel(context.Background())
	return g
}

// Security returns how connections are secured that are not secured otherwise.
func (g *Group) Security() *Security { return g.cfg.Security }

// Bind listens on ep and returns the endpoint with what was chosen filled in.
// Connections are secured as the group's configuration says.
func (g *Group) Bind(ep transport.Endpoint) (transport.Endpoint, error) {
	return g.BindSecured(ep, g.cfg.Security)
}

// BindSecured is Bind with a security of the endpoint's own.
func (g *Group) BindSecured(ep transport.Endpoint, sec *Security) (transport.Endpoint, error) {
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

// Connect dials ep, and dials it again whenever the connection is lost, until
// the group is shut down or the peer refuses us. Connections are secured as the
// group's configuration says.
func (g *Group) Connect(ep transport.Endpoint) error { return g.ConnectSecured(ep, g.cfg.Security) }

// ConnectSecured is Connect with a security of the endpoint's own.
func (g *Group) ConnectSecured(ep transport.Endpoint, sec *Security) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return ErrClosed
	}
	if ep.Many() {
		g.names = append(g.names, ep.String())
		g.wg.Go(func() { g.follow(ep, sec) })
		return nil
	}
	ctx, stop := context.WithCancel(g.ctx)
	d := &dialler{group: g, ep: ep, at: ep, security: sec, ctx: ctx, stop: stop}
	g.diallers[d] = struct{}{}
	g.wg.Go(d.run)
	return nil
}

// Dialled returns the endpoints that are to be connected, as Endpoint of their
// connections has them, and why one was given up, if it was. A name is there
// once for each of its addresses, and once when none is known yet.
func (g *Group) Dialled() (endpoints []string, refused error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for d := range g.diallers {
		endpoints = append(endpoints, d.ep.String())
		if refused == nil {
			refused = d.refused
		}
	}
	for _, name := range g.names {
		if !slices.Contains(endpoints, name) {
			endpoints = append(endpoints, name)
		}
	}
	return endpoints, refused
}

// Unanswered returns an endpoint that is dialled, has no connection and has not
// refused us, the first one in the alphabet; "" when there is none. A name has
// answered when one of its addresses has.
func (g *Group) Unanswered() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	answered := make(map[string]bool, len(g.diallers)+len(g.names))
	for _, name := range g.names {
		answered[name] = false // also when no address is known
	}
	for d := range g.diallers {
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

// StopListening closes the listeners and stops dialling; connections stay. Of
// those that are shaking hands the ones stay, too, that the peer may take for
// made.
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

// Shutdown stops listening and dialling, and ends every connection in order:
// what was committed is handed to the kernel, the peer is told that no more
// will come, and what it has sent until it closes is still read. What is not
// done when ctx ends is cut short. Shutdown returns when all goroutines of the
// group have ended, with ctx's error when something was left unsent.
func (g *Group) Shutdown(ctx context.Context) error {
	g.StopListening()
	g.settle(ctx)
	var left error
	for _, c := range g.snapshot() {
		if !wait(ctx, c.Flushed()) {
			left = context.Cause(ctx)
		}
		c.closeWrite()
	}
	g.readOut(ctx, g.snapshot)
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

// meet counts a connection that begins to shake hands; it returns false when the
// group is closed. serve, or whoever gives it up, counts it out.
func (g *Group) meet() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.closed {
		g.meeting.Add(1)
	}
	return !g.closed
}

// settle waits until those who are shaking hands have become peers or given up,
// which does not take long any more, or ctx ends.
func (g *Group) settle(ctx context.Context) {
	met := make(chan struct{})
	go func() { // it ends with the last handshake
		g.meeting.Wait()
		close(met)
	}()
	ctx, cancel := context.WithTimeout(ctx, quiet)
	defer cancel()
	wait(ctx, met)
}

// quiet is how long a peer that was told of our end may neither send nor close.
const quiet = 500 * time.Millisecond

// readOut waits until every peer of those that are open has closed, no peer says
// anything more, or ctx ends. A connection that is not read because there is no room is not quiet.
func (g *Group) readOut(ctx context.Context, open func() []*Conn) {
	last := make(map[*Conn]uint32)
	for {
		conns := open()
		alive := false
		for _, c := range conns {
			reads, known := last[c]
			now := c.pulse.reads.Load()
			alive = alive || !known || now != reads || c.pulse.paused.Load() > 0
			last[c] = now
		}
		if len(conns) == 0 || !alive {
			return
		}
		g.waitAll(ctx, conns)
		if ctx.Err() != nil {
			return
		}
	}
}

// waitAll waits until all of the connections are closed, but not longer than
// quiet or ctx.
func (g *Group) waitAll(ctx context.Context, conns []*Conn) {
	ctx, cancel := context.WithTimeout(ctx, quiet)
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
	g.meeting.Done()
	if !added {
		c.Close(ErrClosed)
		g.over(c)
		return
	}
	c.leave = sync.OnceFunc(func() {
		<-c.Flushed()
		g.remove(c)
		if !c.dialled && (c.offended.Load() || errors.As(c.Err(), new(*zmtp.SizeError))) { // which a pattern may have taken
			g.violators.record(c.raw.RemoteAddr(), c.Err())
		}
		g.reportEnd(c)
		g.over(c)
	})
	err := ErrClosed
	defer func() { // a handler may end its goroutine with runtime.Goexit
		c.Close(err)
		c.leave()
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
	g.made.count(c)
	if !g.clock {
		g.clock = true
		g.wg.Go(g.tick)
	}
	return true
}

func (g *Group) remove(c *Conn) {
	g.mu.Lock()
	delete(g.conns, c)
	g.unclaim(c)
	g.departed.add(c.stats().Traffic)
	g.mu.Unlock()
}

// over lets another connection come in the place of c.
func (g *Group) over(c *Conn) {
	switch {
	case !c.dialled:
		g.vacate()
	case c.left != nil:
		close(c.left)
	}
}

// idleBeat is the clock's beat where heartbeats are off: peers may still ask
// for them.
const idleBeat = time.Second

// tick is the clock of every connection's heartbeat.
func (g *Group) tick() {
	every := idleBeat
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
