package link

import (
	"context"
	"encoding/binary"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/notify"
)

// ErrNoPing is returned by Sync for a peer that announced ZMTP 3.0.
var ErrNoPing = errors.New("peer speaks ZMTP 3.0, which has no PING")

// repeatPing is when an unanswered PING is repeated: a peer whose queue to us
// was full did not answer.
const repeatPing = time.Second

// A fence counts the PINGs of Sync and Measure. Their context is a number, which
// the PONG returns.
type fence struct {
	mu     sync.Mutex
	sent   uint64
	seen   uint64           // the highest number that was answered
	change notify.Broadcast // of seen

	timed  uint64       // the PING of Measure; 0: none is under way
	timeAt time.Time    // when it was sent
	trip   atomic.Int64 // a time.Duration, which mu guards for writing; 0: not known
}

// Measure begins to measure the round trip to the peer, unless that is under way.
// It does not wait. It has no effect on a peer of ZMTP 3.0.
func (c *Conn) Measure() {
	f := &c.fence
	f.mu.Lock()
	busy := f.timed > 0
	if !busy {
		f.timed, f.timeAt = f.sent+1, time.Now()
	}
	f.mu.Unlock()
	if !busy && c.Minor > 0 {
		c.numberedPing()
	}
}

// RoundTrip returns the measured time between PINGs and their PONGs, 0 if it is not
// known. The time in queues is part of it, so the shortest times weigh the most.
func (c *Conn) RoundTrip() time.Duration {
	return time.Duration(c.fence.trip.Load())
}

// measured ends a measurement; f.mu is held.
func (f *fence) measured(now time.Time) {
	took, trip := int64(max(now.Sub(f.timeAt), 1)), f.trip.Load()
	if f.timed = 0; trip == 0 || took < trip {
		f.trip.Store(took)
	} else {
		f.trip.Store(trip + (took-trip)/4)
	}
}

// Sync returns when the peer has read everything that was committed before. It
// sends a PING, and commands are answered in order (RFC 37). libzmq answers before
// it passes the messages that it has read with the PING to its socket, so a peer
// that is not ours gets a second PING. Sync fails when ctx ends, with the reason
// when the connection ends, and with ErrNoPing.
func (c *Conn) Sync(ctx context.Context) error {
	if c.Minor < 1 {
		return ErrNoPing
	}
	err := c.roundTrip(ctx)
	if err == nil && !c.ours {
		err = c.roundTrip(ctx)
	}
	return err
}

// roundTrip sends a PING and waits for its PONG.
func (c *Conn) roundTrip(ctx context.Context) error {
	first := c.numberedPing()
	repeat := time.NewTicker(repeatPing)
	defer repeat.Stop()
	for {
		change := c.fence.until(first)
		if change == nil {
			return nil
		}
		select {
		case <-change:
		case <-repeat.C:
			c.numberedPing()
		case <-c.closed:
			return c.Err()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// numberedPing sends a PING with the next number, which it returns.
func (c *Conn) numberedPing() uint64 {
	f := &c.fence
	f.mu.Lock()
	f.sent++
	n := f.sent
	f.mu.Unlock()
	c.ping(binary.BigEndian.AppendUint64(nil, n)...)
	return n
}

// until returns a channel that is closed when the next PONG comes; nil once PING n
// was answered.
func (f *fence) until(n uint64) <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.seen >= n {
		return nil
	}
	return f.change.Changed()
}

// passed handles the context of a PONG. It ignores a context that no PING had.
func (f *fence) passed(context []byte) {
	if len(context) != 8 {
		return
	}
	n := binary.BigEndian.Uint64(context)
	f.mu.Lock()
	defer f.mu.Unlock()
	if n <= f.seen || n > f.sent {
		return
	}
	f.seen = n
	f.change.Notify()
	if f.timed > 0 && n >= f.timed {
		f.measured(time.Now())
	}
}
