package link

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/notify"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// errIdentityTaken is sent to a peer that announces the identity of another live
// peer.
var errIdentityTaken = errors.New("identity is taken")

// claimIdentity reserves the identity that an accepted peer announced, until its
// connection ends. Only a ROUTER uses it (RFC 37): it refuses a second peer with
// the same identity while the first one is alive, and waits until it knows that.
func (g *Group) claimIdentity(c *Conn) error {
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
		if g.isAlive(holder) {
			return fmt.Errorf("%w: %q is that of the peer at %s", errIdentityTaken, c.Identity, holder.address)
		}
		holder.timeOut(g.cfg.HeartbeatTimeout)
	}
}

// releaseIdentity frees c's identity; g.mu is held.
func (g *Group) releaseIdentity(c *Conn) {
	if g.identities[c.Identity] == c {
		delete(g.identities, c.Identity)
	}
}

// aliveCheckEvery is how often isAlive looks for an answer.
const aliveCheckEvery = 5 * time.Millisecond

// isAlive sends a peer a PING and waits for bytes from it for as long as a
// heartbeat may be late. A peer that we do not read, because it does not read, is
// alive if it accepts bytes in the meantime. Without heartbeats every peer counts
// as alive.
func (g *Group) isAlive(c *Conn) bool {
	if g.cfg.HeartbeatInterval == 0 || c.Minor < 1 {
		return true
	}
	reads, taken := c.liveness.reads.Load(), c.stats().BytesOut
	c.ping()
	tick := time.NewTicker(aliveCheckEvery)
	defer tick.Stop()
	limit := time.NewTimer(g.cfg.HeartbeatTimeout)
	defer limit.Stop()
	for {
		select {
		case <-tick.C:
			if c.liveness.reads.Load() != reads {
				return true
			}
		case <-limit.C:
			return c.liveness.paused.Load() > 0 && c.stats().BytesOut != taken
		case <-c.Closed():
			return false
		case <-g.ctx.Done():
			return true
		}
	}
}

// refuseTime is how long sending a refusal may take.
const refuseTime = time.Second

// refuse sends a peer, after its handshake, an ERROR with the reason, and
// closes the connection.
func (c *Conn) refuse(reason error) {
	if b, err := c.BeginForced(); err == nil {
		c.CommitCommand(zmtp.AppendCommand(b, zmtp.CommandError, zmtp.ErrorBody(reason.Error())))
	}
	ctx, cancel := context.WithTimeout(context.Background(), refuseTime)
	defer cancel()
	notify.Wait(ctx, c.Flushed())
	c.Close(reason)
}
