package link

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/handshake"
)

// The longest pauses before the next attempt to dial while a caller waits for a
// peer: after a failed attempt, and after one that the peer ended.
const (
	wantedPause   = time.Second
	unwantedPause = 5 * time.Second
)

// Want registers a caller that waits for a peer, until release is called. In the
// meantime the pauses between attempts to dial are short, except after a refusal.
func (g *Group) Want() (release func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.wanted++; g.wanted == 1 {
		g.nowWanted.Notify()
	}
	return func() {
		g.mu.Lock()
		g.wanted--
		g.mu.Unlock()
	}
}

// pauseWhenWanted returns the longest pause after an attempt that ended with
// err, while a caller waits for a peer.
func (g *Group) pauseWhenWanted(err error) time.Duration {
	switch {
	case errors.As(err, new(*handshake.RefusedError)):
		return g.cfg.ReconnectMax
	case errors.As(err, new(*handshake.MismatchError)), errors.As(err, new(*shortError)):
		return unwantedPause
	}
	return wantedPause
}

// pause waits for d, or for soon if that is shorter and a caller waits for a peer.
// It returns false when ctx ends first.
func (g *Group) pause(ctx context.Context, d, soon time.Duration) bool {
	began := time.Now()
	for {
		g.mu.Lock()
		change := g.nowWanted.Changed()
		left := d
		if g.wanted > 0 {
			left = min(d, soon)
		}
		g.mu.Unlock()
		timer := time.NewTimer(left - time.Since(began))
		select {
		case <-timer.C:
			return true
		case <-change:
		case <-ctx.Done():
			timer.Stop()
			return false
		}
		timer.Stop()
	}
}

// sleep waits for d; it returns false when ctx ends first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// jitter returns d changed by up to a quarter at random, so that many peers do not
// reconnect at the same moment.
func jitter(d time.Duration) time.Duration {
	return d*3/4 + rand.N(d/2+1)
}
