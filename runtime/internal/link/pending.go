package link

import (
	"context"
	"net"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/handshake"
	"github.com/gozmq/gozmq/runtime/internal/list"
)

// How long a handshake may wait for its peer before it can be evicted, when others
// wait for its place: for the peer's greeting, and for each later step. The first
// is enough for each connection of a burst, and the second for a distant peer.
const (
	silentGrace  = 100 * time.Millisecond
	greetedGrace = time.Second
)

// placePause is how long a connection waits for a place before it looks again.
const placePause = 50 * time.Millisecond

// pending are the accepted connections whose handshake is in progress: those that
// wait for their peers, oldest first, and the number of those that wait for this
// side, mostly for its authenticator. The latter are not evicted, because their
// peers are not late. The group's lock guards it.
type pending struct {
	silent   list.List[*pendingConn]
	greeted  list.List[*pendingConn]
	checking int
}

type pendingConn struct {
	raw     net.Conn
	cancel  context.CancelFunc // ends the handshake's context
	since   time.Time
	stage   handshake.Stage
	place   list.Element[*pendingConn]
	evicted bool
	ended   bool
}

func (p *pending) len() int { return p.silent.Len() + p.greeted.Len() + p.checking }

func (p *pending) add(raw net.Conn, cancel context.CancelFunc) *pendingConn {
	e := &pendingConn{raw: raw, cancel: cancel, since: time.Now()}
	p.silent.PushBack(&e.place, e)
	return e
}

// remove removes e, if it is still there.
func (p *pending) remove(e *pendingConn) {
	if e.ended {
		return
	}
	e.ended = true
	if e.stage == handshake.Checking {
		p.checking--
		return
	}
	e.place.Remove()
}

// move moves e to the list of the stage that it has reached.
func (p *pending) move(e *pendingConn, to handshake.Stage) {
	if e.ended || e.stage == to {
		return
	}
	if e.stage == handshake.Checking {
		p.checking--
	} else {
		e.place.Remove()
	}
	e.stage, e.since = to, time.Now()
	if to == handshake.Checking {
		p.checking++
		return
	}
	p.greeted.PushBack(&e.place, e)
}

// renew restarts the stage of e.
func (p *pending) renew(e *pendingConn) {
	e.place.Remove()
	e.since = time.Now()
	if e.stage == handshake.Silent {
		p.silent.PushBack(&e.place, e)
	} else {
		p.greeted.PushBack(&e.place, e)
	}
}

// evictable returns the connection that is evicted next, and how long it must not
// be evicted yet; nil when there is none.
func (p *pending) evictable() (e *pendingConn, left time.Duration) {
	if first := p.silent.First(); first != nil {
		e, left = first.Value(), silentGrace-time.Since(first.Value().since)
	}
	if first := p.greeted.First(); first != nil && (e == nil || left > 0) {
		if l := greetedGrace - time.Since(first.Value().since); e == nil || l < left {
			e, left = first.Value(), l
		}
	}
	return e, left
}

func (p *pending) evict(e *pendingConn) {
	p.remove(e)
	e.evicted = true
	e.cancel()
	e.raw.Close()
}

func (g *Group) setStage(e *pendingConn, s handshake.Stage) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.pending.move(e, s)
}

// awaitPlace waits until fewer than MaxHandshakes are in progress, or one of them
// can be evicted, and takes the place. It returns nil when the group is closed.
func (g *Group) awaitPlace(raw net.Conn, cancel context.CancelFunc) *pendingConn {
	for {
		e, left := g.takePlace(raw, cancel)
		if e != nil || left <= 0 {
			return e
		}
		timer := time.NewTimer(min(left, placePause))
		select {
		case <-g.handshakeEnded:
		case <-timer.C:
		case <-g.ctx.Done():
		}
		timer.Stop()
	}
}

// takePlace is awaitPlace without the wait: it returns how long to wait.
func (g *Group) takePlace(raw net.Conn, cancel context.CancelFunc) (e *pendingConn, left time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return nil, 0
	}
	if g.pending.len() >= g.cfg.MaxHandshakes {
		oldest, left := g.pending.evictable()
		for ; oldest != nil && left <= 0 && unread(oldest.raw); oldest, left = g.pending.evictable() {
			g.pending.renew(oldest) // this side is late, not the peer
		}
		switch {
		case oldest == nil:
			return nil, placePause
		case left > 0:
			return nil, left
		}
		g.pending.evict(oldest)
	}
	g.handshaking.Add(1)
	return g.pending.add(raw, cancel), 0
}
