package link

import (
	"context"
	"sync"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/notify"
)

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

// Shutdown stops listening and dialing, and ends every connection gracefully: it
// hands committed messages to the kernel, closes our direction, and reads until the
// peer closes its own. When ctx ends, it closes the connections at once. Shutdown
// returns when all goroutines of the group have ended, with ctx's error when
// messages were left unsent.
func (g *Group) Shutdown(ctx context.Context) error {
	g.StopListening()
	g.awaitHandshakes(ctx)
	g.part(ctx)
	var left error
	for _, c := range g.snapshot() {
		if !notify.Wait(ctx, c.Flushed()) {
			left = context.Cause(ctx)
		}
		c.closeWrite()
	}
	g.drain(ctx, g.snapshot)
	g.mu.Lock()
	g.final = true
	if g.clock != nil {
		g.clock.Stop()
	}
	g.mu.Unlock()
	for _, c := range g.snapshot() {
		c.Close(ErrClosed)
	}
	g.end.Do(func() { close(g.ended) })
	g.wg.Wait()
	return left
}

// A Parter is a Handler that exchanges last commands with a peer before its
// connection ends.
type Parter interface {
	// Part is called for each connection when the group is shut down, before our
	// direction is closed. It returns soon after the end of ctx.
	Part(ctx context.Context, c *Conn)
}

// partLimit is how long a peer may take to part.
const partLimit = time.Second

// part calls the handler's Part for all peers.
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
// returns false when the group is closed. After true the caller must call
// handshaking.Done, or serve, which calls it.
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
	notify.Wait(ctx, done)
}

// idleLimit is how long a connection may be idle after we have closed our
// direction: the peer neither sends nor closes.
const idleLimit = 500 * time.Millisecond

// drain waits until every connection that open returns is closed, or all of
// them are idle, or ctx ends. A connection whose reading is paused, because its
// messages must wait, is not idle.
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
		if !notify.Wait(ctx, c.Closed()) {
			return
		}
	}
}
