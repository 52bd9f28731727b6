package gozmq

import (
	"context"
	"sync"

	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// A publicationContext is the context in which one publication is handled. It has
// its PublicationInfo and its Peer.
type publicationContext struct {
	context.Context
	of   *publicationContexts // nil: info is there already
	turn uint64
	info *PublicationInfo // guarded by of.mu; nil before it is asked for
}

// Value returns the publication's PublicationInfo and its Peer, else what the
// context above has (context.Context).
func (c *publicationContext) Value(key any) any {
	switch key {
	case publicationInfoKey{}:
		if info := c.describe(); info != nil {
			return info
		}
	case peerKey{}:
		if info := c.describe(); info != nil {
			return info.Peer
		}
	}
	return c.Context.Value(key)
}

// describe returns the description; nil when nobody asked for it before the
// publication was handled.
func (c *publicationContext) describe() *PublicationInfo {
	if c.of == nil {
		return c.info
	}
	c.of.mu.Lock()
	defer c.of.mu.Unlock()
	if c.info == nil && c.of.turn == c.turn && c.of.current != nil {
		c.info = new(PublicationInfo)
		c.info.set(c, c.of.current)
	}
	return c.info
}

// publicationContexts makes the contexts of the publications that one goroutine
// handles. A description is made only when it is asked for, and contexts are
// allocated many at a time: those which nobody asks cost next to nothing.
type publicationContexts struct {
	free []publicationContext

	mu      sync.Mutex
	turn    uint64            // of the publication that is being handled
	current *wire.Publication // nil: none
}

// contextsAtOnce is how many contexts are allocated together.
const contextsAtOnce = 32

// begin returns the context of a publication, whose bytes are valid until end.
func (s *publicationContexts) begin(ctx context.Context, p *wire.Publication) context.Context {
	if len(s.free) == 0 {
		s.free = make([]publicationContext, contextsAtOnce)
	}
	c := &s.free[0]
	s.free = s.free[1:]
	s.mu.Lock()
	defer s.mu.Unlock()
	s.turn++
	s.current = p
	c.Context, c.of, c.turn = ctx, s, s.turn
	return c
}

func (s *publicationContexts) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current = nil
}
