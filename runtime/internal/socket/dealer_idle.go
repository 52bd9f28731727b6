package socket

import (
	"errors"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/link"
)

const (
	// idleAfter is how long the callers read the connection before the background
	// goroutine checks whether there are still any.
	idleAfter = 5 * time.Millisecond
	// idleLimit is the longest time between two checks.
	idleLimit = 100 * time.Millisecond
	// busyReplies in busyTime mean that callers should read the connection
	// themselves. A single caller must be able to reach that rate even while its
	// replies are handed to it, which is slower than reading them itself.
	busyReplies = 32
	busyTime    = 4 * time.Millisecond
)

// background reads the connection while there are few calls, and returns why it
// ended.
func (p *dealerPeer) background() error {
	timer := time.NewTimer(idleAfter)
	defer timer.Stop()
	for pause := idleAfter; ; {
		p.mu.Lock()
		if p.err != nil {
			p.mu.Unlock()
			return p.err
		}
		take := !p.reading && p.calls < busyReplies
		if p.reading && p.calls == 0 {
			pause = min(2*pause, idleLimit) // a long call reads
		} else {
			pause = idleAfter
		}
		p.calls = 0
		p.reading = p.reading || take
		p.mu.Unlock()
		if take {
			if err := p.readIdle(); err != nil {
				return err
			}
		}
		timer.Reset(pause)
		select {
		case <-timer.C:
		case <-p.conn.Closed():
			return p.conn.Err()
		}
	}
}

// readIdle reads until there are many calls, and hands the role over.
func (p *dealerPeer) readIdle() error {
	start, replies := time.Now(), 0
	for {
		frames, err := p.conn.Next()
		if errors.Is(err, link.ErrInterrupted) {
			p.conn.Resume()
			continue
		}
		size := oversized(frames, err)
		if err != nil && size == nil {
			p.fail(err)
			return err
		}
		p.deliver(frames, size, nil)
		if replies++; replies < busyReplies {
			continue
		}
		if now := time.Now(); now.Sub(start) > busyTime {
			start, replies = now, 0
			continue
		}
		p.mu.Lock()
		p.calls = busyReplies
		p.handOver()
		p.mu.Unlock()
		return nil
	}
}
