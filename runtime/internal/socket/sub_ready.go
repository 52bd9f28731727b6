package socket

import (
	"context"
	"errors"
	"fmt"

	"github.com/gozmq/gozmq/runtime/internal/link"
)

// Ready returns when there is a publisher at every dialed endpoint, and at
// least one in all, and each of them has read the subscriptions made before. If a
// publisher's connection ends in the meantime, it waits until the publisher is
// back. It fails when ctx ends, an endpoint refuses us or the socket is closed.
// When a peer speaks ZMTP 3.0, which has no PING, it fails once all others are
// ready.
func (s *Sub) Ready(ctx context.Context) error {
	defer s.group.Want()()
	for {
		peers, change, err := s.complete(ctx)
		if err != nil {
			return err
		}
		err = syncAll(ctx, peers)
		if err == nil || ctx.Err() != nil || errors.Is(err, link.ErrNoPing) {
			return err
		}
		select { // a publisher's connection has ended
		case <-change:
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ctx.Err(), err)
		}
	}
}

// complete waits until no publisher is missing. It returns them, and a channel
// that is closed when that may have changed.
func (s *Sub) complete(ctx context.Context) ([]*link.Conn, <-chan struct{}, error) {
	for {
		s.mu.Lock()
		if s.closed {
			s.mu.Unlock()
			return nil, nil, link.ErrClosed
		}
		peers := append([]*link.Conn(nil), s.peers...)
		change := s.change.Changed()
		s.mu.Unlock()
		endpoints, refused := s.group.Dialed()
		if refused != nil {
			return nil, nil, refused
		}
		absent := missing(endpoints, peers)
		if absent == "" && len(peers) > 0 {
			return peers, change, nil
		}
		select {
		case <-change:
		case <-ctx.Done():
			return nil, nil, s.incomplete(ctx, absent)
		}
	}
}

// missing returns an endpoint without a connection; "" when there is none.
func missing(endpoints []string, peers []*link.Conn) string {
	connected := make(map[string]int)
	for _, c := range peers {
		connected[c.Endpoint()]++
	}
	for _, ep := range endpoints {
		if connected[ep]--; connected[ep] < 0 {
			return ep
		}
	}
	return ""
}

func (s *Sub) incomplete(ctx context.Context, absent string) error {
	switch why := s.group.DialError(); {
	case absent == "":
		return fmt.Errorf("%w: no publisher has connected", ctx.Err())
	case why == nil:
		return fmt.Errorf("%w: no publisher at %s", ctx.Err(), absent)
	default:
		return fmt.Errorf("%w: no publisher at %s: %w", ctx.Err(), absent, why)
	}
}

// syncAll waits until each of the peers has read the messages sent to it.
func syncAll(ctx context.Context, peers []*link.Conn) error {
	failed := make(chan error, len(peers))
	for _, c := range peers {
		go func() {
			if err := c.Sync(ctx); err != nil {
				failed <- fmt.Errorf("publisher %s: %w", c.Address(), err)
				return
			}
			failed <- nil
		}()
	}
	var lost, old error
	for range peers {
		switch err := <-failed; {
		case errors.Is(err, link.ErrNoPing):
			old = err
		case err != nil:
			lost = err
		}
	}
	if lost != nil {
		return lost
	}
	return old
}
