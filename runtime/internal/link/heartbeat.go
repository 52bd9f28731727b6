package link

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A pulse says how long ago a connection was heard from, in beats of its
// group's clock. Reading touches it once per read, not once per message.
type pulse struct {
	fresh  atomic.Bool // something came since the last beat
	reads  atomic.Uint32
	paused atomic.Int32 // the pattern does not read: silence means nothing

	// Only the group's clock uses these.
	silent int          // beats since something came
	unsaid int          // beats since a PING
	ttl    atomic.Int64 // of the peer's last PING
}

func (p *pulse) heard() {
	p.reads.Add(1)
	if !p.fresh.Load() {
		p.fresh.Store(true)
	}
}

// Pause tells the heartbeat that the pattern has stopped reading, because it
// has no room for more: silence is then our own doing. Unpause ends it.
func (c *Conn) Pause() { c.pulse.paused.Add(1) }

// Unpause ends a Pause.
func (c *Conn) Unpause() {
	c.pulse.heard()
	c.pulse.paused.Add(-1)
}

// WaitPaused waits, paused, until change is closed; it returns false when done
// is closed first. The end of the connection does not end the wait, so that
// messages which have been read whole are delivered.
func (c *Conn) WaitPaused(change, done <-chan struct{}) bool {
	c.Pause()
	defer c.Unpause()
	select {
	case <-change:
		return true
	case <-done:
		return false
	}
}

// beatsPerInterval is how fine the group's clock is.
const beatsPerInterval = 4

// beat is called by the group's clock. It sends a PING in each interval, which
// shows the peer that we live even while we do not read, and ends a connection
// that was silent for too long.
func (c *Conn) beat(every time.Duration) {
	c.reportDrops()
	p := &c.pulse
	if p.fresh.Swap(false) || p.paused.Load() > 0 {
		p.silent = 0
	} else {
		p.silent++
	}
	if c.Minor < 1 {
		return // ZMTP 3.0 has no heartbeats
	}
	if limit := c.patience(); limit > 0 && time.Duration(p.silent)*every > limit {
		c.lose(limit)
		return
	}
	if p.unsaid++; p.unsaid >= beatsPerInterval && c.cfg.HeartbeatInterval > 0 {
		p.unsaid = 0
		c.ping()
	}
}

// lose ends a connection whose peer was silent for that long.
func (c *Conn) lose(silence time.Duration) {
	err := fmt.Errorf("heartbeat lost: nothing heard for %v", silence)
	if c.Err() == nil {
		c.Report(HeartbeatLost, err)
		c.Close(err)
	}
}

// patience returns how long the peer may be silent; 0 is for ever. A peer's
// own wish, sent in its PINGs, counts when it is shorter.
func (c *Conn) patience() time.Duration {
	var limit time.Duration
	if c.cfg.HeartbeatInterval > 0 {
		limit = c.cfg.HeartbeatTimeout
	}
	if ttl := time.Duration(c.pulse.ttl.Load()); ttl > 0 && (limit == 0 || ttl < limit) {
		limit = ttl
	}
	return limit
}

func (c *Conn) ping(context ...byte) {
	b, err := c.BeginForced()
	if err != nil {
		return
	}
	if c.fullLocked() {
		c.Abort() // the peer does not read: one more PING would not help
		return
	}
	var ttl time.Duration // 0: we do not promise that more will come
	if c.cfg.HeartbeatInterval > 0 {
		ttl = c.cfg.HeartbeatTTL
	}
	c.CommitCommand(zmtp.AppendPing(b, ttl, context...))
}

// pong answers a PING and notes its time to live: how long the peer wants us to
// wait for more from it.
func (c *Conn) pong(body []byte) error {
	ttl, context, err := zmtp.ParsePing(body)
	if err != nil {
		return err
	}
	c.pulse.ttl.Store(int64(ttl))
	b, err := c.BeginForced()
	if err != nil {
		return err
	}
	if c.fullLocked() {
		c.Abort()
		return nil
	}
	c.CommitCommand(zmtp.AppendCommand(b, zmtp.CommandPong, context))
	return nil
}
