package link

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// errTaken is what a peer is told that announces the identity of another one.
var errTaken = errors.New("identity is taken")

// claim gives an accepted peer the identity that it announced, until its
// connection ends. It has a meaning for a ROUTER only (RFC 37); there a second
// peer with an identity is refused for as long as the first one lives, and
// waits for as long as that is not known.
func (g *Group) claim(c *Conn) error {
	if g.cfg.SocketType != zmtp.Router || c.Identity == "" {
		return nil
	}
	for {
		g.mu.Lock()
		holder := g.identities[c.Identity]
		if holder == nil || holder.Err() != nil {
			g.identities[c.Identity] = c
			g.mu.Unlock()
			return nil
		}
		g.mu.Unlock()
		if g.lives(holder) {
			return fmt.Errorf("%w: %q is that of the peer at %s", errTaken, c.Identity, holder.address)
		}
		holder.lose(g.cfg.HeartbeatTimeout)
	}
}

// unclaim gives c's identity back; g.mu is held.
func (g *Group) unclaim(c *Conn) {
	if g.identities[c.Identity] == c {
		delete(g.identities, c.Identity)
	}
}

// signOfLife is how often a peer is looked at that was asked whether it lives.
const signOfLife = 5 * time.Millisecond

// lives asks a peer for a sign of life and waits for it for as long as a
// heartbeat may be late. A peer that is not read, because it does not read,
// shows that it lives by reading. Where there are no heartbeats every peer
// lives.
func (g *Group) lives(c *Conn) bool {
	if g.cfg.HeartbeatInterval == 0 || c.Minor < 1 {
		return true
	}
	reads, taken := c.pulse.reads.Load(), c.stats().BytesOut
	c.ping()
	tick := time.NewTicker(signOfLife)
	defer tick.Stop()
	limit := time.NewTimer(g.cfg.HeartbeatTimeout)
	defer limit.Stop()
	for {
		select {
		case <-tick.C:
			if c.pulse.reads.Load() != reads {
				return true
			}
		case <-limit.C:
			return c.pulse.paused.Load() > 0 && c.stats().BytesOut != taken
		case <-c.Closed():
			return false
		case <-g.ctx.Done():
			return true
		}
	}
}

// refusal is how long a peer may take to be told that it is refused.
const refusal = time.Second

// refuse tells a peer, after its handshake, why it is not wanted, and closes
// the connection.
func (c *Conn) refuse(reason error) {
	if b, err := c.BeginForced(); err == nil {
		c.CommitCommand(zmtp.AppendCommand(b, zmtp.CommandError, zmtp.ErrorBody(reason.Error())))
	}
	ctx, cancel := context.WithTimeout(context.Background(), refusal)
	defer cancel()
	wait(ctx, c.Flushed())
	c.Close(reason)
}
