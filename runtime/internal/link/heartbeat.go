package link

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/throttle"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A liveness says how long ago bytes came from the peer, in beats of the group's
// clock. Reading touches it once per read, not once per message.
type liveness struct {
	fresh    atomic.Bool  // bytes came since the last beat
	received atomic.Int64 // the last beat before which bytes came, in ns since the connection began
	reads    atomic.Uint32
	paused   atomic.Int32 // more than 0: the pattern does not read, so silence means nothing
	ttl      atomic.Int64 // of the peer's last PING
	pings    atomic.Bool  // the peer sends heartbeats
	pinged   atomic.Int64 // when its last PING came, in ns since the connection began
	pace     atomic.Int64 // how often it needs a sign of life; 0: unknown

	signing atomic.Bool // sign runs periodically

	// Only the group's clock uses these.
	silent    int // beats since bytes came
	sincePing int // beats since we sent a PING
	progress  progress
}

func (l *liveness) noteRead() {
	l.reads.Add(1)
	if !l.fresh.Load() {
		l.fresh.Store(true)
	}
}

// Pause says that the pattern has stopped reading, because it has no room for more
// messages. Until Unpause the peer's silence does not end the connection. The
// peer's PINGs are not read and so not answered; instead it gets signs of life as
// often as its heartbeat needs them.
func (c *Conn) Pause() {
	if c.liveness.paused.Add(1) == 1 {
		c.giveSigns()
	}
}

// giveSigns begins to send signs of life, if the peer needs them more often than we
// send PINGs.
func (c *Conn) giveSigns() {
	l := &c.liveness
	pace := time.Duration(l.pace.Load())
	if pace <= 0 || c.cfg.HeartbeatInterval > 0 && c.cfg.HeartbeatInterval <= pace {
		return
	}
	if l.signing.CompareAndSwap(false, true) {
		time.AfterFunc(pace, c.sign)
	}
}

// sign sends a sign of life, and runs again after the pace, until the pause is
// over.
func (c *Conn) sign() {
	l := &c.liveness
	if l.paused.Load() > 0 && c.Err() == nil {
		c.ping()
		time.AfterFunc(time.Duration(l.pace.Load()), c.sign)
		return
	}
	l.signing.Store(false)
	if l.paused.Load() > 0 && c.Err() == nil { // paused again in the meantime
		c.giveSigns()
	}
}

// LastReceived returns when something was last received, to within a beat of the
// group's clock: a quarter of the heartbeat interval.
func (c *Conn) LastReceived() time.Time {
	if c.liveness.fresh.Load() {
		return time.Now()
	}
	return c.since.Add(time.Duration(c.liveness.received.Load()))
}

// minPace is the shortest time between two signs of life.
const minPace = 25 * time.Millisecond

// notePing learns from a PING how often the peer needs a sign of life: twice per
// time to live that it asks for, or, without one, twice between its PINGs. It
// ignores PINGs with a context, which are no heartbeats.
func (c *Conn) notePing(ttl time.Duration, context []byte) {
	l := &c.liveness
	l.ttl.Store(int64(ttl))
	if len(context) > 0 {
		return
	}
	need := ttl
	now := time.Since(c.since)
	if last := time.Duration(l.pinged.Swap(int64(now))); last > 0 && (need == 0 || now-last < need) {
		need = now - last
	}
	l.pings.Store(true)
	if need > 0 {
		l.pace.Store(int64(max(need/2, minPace)))
	}
}

// Unpause ends a Pause.
func (c *Conn) Unpause() {
	c.liveness.noteRead()
	c.liveness.paused.Add(-1)
}

// WaitPaused waits, paused, until change is closed; it returns false when done
// is closed first. The end of the connection does not end the wait, so that whole
// messages are still delivered.
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

// beatsPerInterval is how often the group's clock beats in a heartbeat interval.
const beatsPerInterval = 4

// beat is called by the group's clock. It sends a PING in each interval, which
// shows the peer that we are alive even while we do not read, and ends a connection
// whose peer was silent for too long and accepted no bytes.
func (c *Conn) beat(every time.Duration) {
	c.reportDrops()
	l := &c.liveness
	limit := c.silenceLimit() // 0: none
	fresh := l.fresh.Swap(false)
	if fresh {
		l.received.Store(int64(time.Since(c.since)))
	}
	switch {
	case fresh || l.paused.Load() > 0:
		l.silent = 0
		c.noteAlive()
	case 2*time.Duration(l.silent)*every >= limit && c.showsProgress(limit): // it is late
		l.silent = 0
	default:
		l.silent++
	}
	if c.Minor < 1 {
		return // ZMTP 3.0 has no heartbeats
	}
	if limit > 0 && time.Duration(l.silent)*every > limit {
		c.timeOut(limit)
		return
	}
	if l.sincePing++; l.sincePing >= beatsPerInterval && c.cfg.HeartbeatInterval > 0 {
		l.sincePing = 0
		c.ping()
	}
}

// timeOut ends a connection whose peer was silent for that long.
func (c *Conn) timeOut(silence time.Duration) {
	err := fmt.Errorf("heartbeat lost: nothing received for %v", silence)
	if c.Err() == nil {
		c.Report(HeartbeatLost, err)
		c.Close(err)
	}
}

// silenceLimit returns how long the peer may be silent; 0 is forever. The TTL of
// the peer's PINGs counts when it is shorter than our timeout.
func (c *Conn) silenceLimit() time.Duration {
	var limit time.Duration
	if c.cfg.HeartbeatInterval > 0 {
		limit = c.cfg.HeartbeatTimeout
	}
	if ttl := time.Duration(c.liveness.ttl.Load()); ttl > 0 && (limit == 0 || ttl < limit) {
		limit = ttl
	}
	return limit
}

func (c *Conn) ping(context ...byte) {
	b, err := c.BeginForced()
	if err != nil {
		return
	}
	if c.crowdedLocked() {
		c.Abort() // the peer does not read: another PING would not help
		return
	}
	var ttl time.Duration // 0: we do not promise further PINGs
	if c.cfg.HeartbeatInterval > 0 {
		ttl = c.cfg.HeartbeatTTL
	}
	c.CommitCommand(zmtp.AppendPing(b, ttl, context...))
}

// pingLimit is how many PINGs of one peer are answered without pauses in reading
// it. Each answer costs a system call, and a heartbeat needs at most a few per
// second.
var pingLimit = throttle.Limit{Burst: 500, Every: time.Millisecond, Max: time.Second}

// pacePing counts a PING of the peer, and pauses after too many of them.
func (c *Conn) pacePing() {
	if d := c.pings.Take(pingLimit, time.Now(), 1); d > 0 {
		c.PauseReading(d)
	}
}

// pong answers a PING and keeps its TTL, which is how long we may wait for the
// peer's next bytes.
func (c *Conn) pong(body []byte) error {
	ttl, context, err := zmtp.ParsePing(body)
	if err != nil {
		return err
	}
	c.notePing(ttl, context)
	b, err := c.BeginForced()
	if err != nil {
		return err
	}
	if c.crowdedLocked() {
		c.Abort()
		return nil
	}
	c.CommitCommand(zmtp.AppendCommand(b, zmtp.CommandPong, context))
	return nil
}
