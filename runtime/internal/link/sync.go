package link

import (
	"context"
	"encoding/binary"
	"errors"
	"sync"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/notify"
)

// ErrNoPing is returned by Sync for a peer that announced ZMTP 3.0.
var ErrNoPing = errors.New("peer speaks ZMTP 3.0, which has no PING")

// markAgain is when a mark is sent once more: a peer whose queue to us was full
// did not answer.
const markAgain = time.Second

// A marker counts the PINGs of Sync: their context is a number, the PONG says
// that it has been passed.
type marker struct {
	mu     sync.Mutex
	sent   uint64
	seen   uint64
	change notify.Broadcast // of seen
}

// Sync returns when the peer has read everything that was committed before: a
// PING goes out, and commands are answered in order (RFC 37). libzmq answers
// before it passes what it has read with the PING on to the socket; so a peer
// that is not ours is asked once more. It fails when ctx ends, with the reason
// when the connection does, and with ErrNoPing.
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
	first := c.mark()
	again := time.NewTicker(markAgain)
	defer again.Stop()
	for {
		change := c.marker.until(first)
		if change == nil {
			return nil
		}
		select {
		case <-change:
		case <-again.C:
			c.mark()
		case <-c.closed:
			return c.Err()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// mark sends a PING with the next number, which it returns.
func (c *Conn) mark() uint64 {
	m := &c.marker
	m.mu.Lock()
	m.sent++
	n := m.sent
	m.mu.Unlock()
	c.ping(binary.BigEndian.AppendUint64(nil, n)...)
	return n
}

// until returns what to wait on until mark n has been passed, nil when it has.
func (m *marker) until(n uint64) <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.seen >= n {
		return nil
	}
	return m.change.Changed()
}

// passed takes the context of a PONG. What was not sent is ignored.
func (m *marker) passed(context []byte) {
	if len(context) != 8 {
		return
	}
	n := binary.BigEndian.Uint64(context)
	m.mu.Lock()
	defer m.mu.Unlock()
	if n <= m.seen || n > m.sent {
		return
	}
	m.seen = n
	m.change.Notify()
}
