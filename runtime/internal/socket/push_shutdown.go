package socket

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/gozmq/gozmq/runtime/internal/link"
)

// Shutdown makes Send fail, hands queued messages to the kernel until ctx ends, and
// closes every connection. It returns an error when messages were left unsent.
func (p *Push) Shutdown(ctx context.Context) error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.retry()
	err := p.Flush(ctx)
	err = errors.Join(err, p.group.Shutdown(ctx))
	p.mu.Lock()
	defer p.mu.Unlock()
	if err == nil && !p.unsent.empty() {
		err = errUnsent
	}
	return err
}

var errUnsent = errors.New("a peer went before it had been sent everything, and no other was there")

// Flush waits until the kernel has every message that was sent. Unsent messages of
// peers whose connections end in the meantime go to others. If ctx ends first, or
// has already ended, Flush returns ctx's error only when messages are left.
func (p *Push) Flush(ctx context.Context) error {
	for {
		p.mu.Lock()
		done := p.reassign()
		peers, change := slices.Clone(p.peers), p.change.Changed()
		p.mu.Unlock()
		for _, c := range peers {
			select {
			case <-c.Flushed():
			case <-ctx.Done():
				return p.left(ctx)
			}
		}
		p.mu.Lock()
		// Unsent messages may have moved to another peer if peers changed
		// meanwhile.
		done = done && slices.Equal(peers, p.peers) && p.unsent.empty() && !slices.ContainsFunc(p.peers, (*link.Conn).Failed)
		p.mu.Unlock()
		if done {
			return p.lostMessages()
		}
		select {
		case <-change:
		case <-ctx.Done():
			return p.left(ctx)
		}
	}
}

// left returns the error of ctx, which has ended, if messages are unsent, otherwise
// the error of lostMessages.
func (p *Push) left(ctx context.Context) error {
	p.mu.Lock()
	left := !p.reassign()
	for _, c := range p.peers {
		select {
		case <-c.Flushed():
		default:
			left = true
		}
	}
	p.mu.Unlock()
	if left {
		return context.Cause(ctx)
	}
	return p.lostMessages()
}

// lostMessages returns an error if messages were given up.
func (p *Push) lostMessages() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lost == 0 {
		return nil
	}
	return fmt.Errorf("messages given up: %d (%d peers went while they were sent each; are they too large?)", p.lost, maxCuts)
}
