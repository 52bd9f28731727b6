package gozmq

import (
	"context"
	"sync"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// PublicationInfo describes a publication to the code that receives it.
type PublicationInfo struct {
	// Topic is the publication's topic, as its publisher wrote it.
	Topic string
	// Sequence counts the publications of a sequenced topic; 0 for other topics.
	Sequence uint64
	// Time is when the publication was published, by the publisher's clock; zero
	// unless its topic is sequenced or retained, or it carries metadata.
	Time time.Time
	// Publisher is the id of the publisher, which differs each time it starts; 0
	// where Time is zero.
	Publisher uint64
	// Replayed says that it was published before the subscription for which it
	// came.
	Replayed bool
	// Metadata is what the publisher sent with it (AppendMetadata). It must not be
	// changed.
	Metadata Metadata
	// Peer is where it came from: the publisher, or the proxy before it.
	Peer *Peer

	ctx context.Context
}

type publicationInfoKey struct{}

// PublicationInfoFromContext returns the description of a publication, given the
// context of its handler, of an interceptor or of WithTopicErrorHandler; nil for
// any other context. A handler asks before it returns: afterwards its context has
// a description only if it was asked for before.
func PublicationInfoFromContext(ctx context.Context) *PublicationInfo {
	info, _ := ctx.Value(publicationInfoKey{}).(*PublicationInfo)
	return info
}

// set makes i describe a publication that was received. Metadata that breaks the
// rules of the protocol counts as none.
func (i *PublicationInfo) set(ctx context.Context, p *wire.Publication) {
	topic := i.Topic
	if topic != string(p.Topic) {
		topic = string(p.Topic)
	}
	*i = PublicationInfo{Topic: topic, ctx: ctx}
	i.Peer, _ = p.From.(*Peer)
	var h wire.PublicationHeader
	if p.Header == nil || !h.Parse(p.Header) {
		return
	}
	i.Sequence, i.Time, i.Publisher, i.Replayed = h.Sequence, h.Time(), h.Publisher, h.Replayed
	if m, err := h.Metadata.Decode(); err == nil {
		i.Metadata = Metadata(m)
	}
}

// Context returns the publication's context, as interceptors have changed it.
func (i *PublicationInfo) Context() context.Context { return i.ctx }

type storeInfoKey[I any] struct{}

// StoreInfo returns a context with which a loop over publications, or over results
// and tasks, stores the description of each message in to before it yields the
// message:
//
//	var info gozmq.PublicationInfo
//	for reading, err := range feed.Temperature(gozmq.StoreInfo(ctx, &info)) {
//
// For a snapshot (FollowState) it stores only the metadata of the reply. With
// DeliveryAtLeastOnce, a push with the context stores the method, id, batch and
// metadata of its task once that is queued. Only one loop or push at a time may use
// the context. Handlers get the same from PublicationInfoFromContext and
// TaskInfoFromContext.
func StoreInfo[I PublicationInfo | TaskInfo](ctx context.Context, to *I) context.Context {
	return context.WithValue(ctx, storeInfoKey[I]{}, to)
}

// storedInfo returns where a loop with ctx stores descriptions; nil: nowhere.
func storedInfo[I PublicationInfo | TaskInfo](ctx context.Context) *I {
	to, _ := ctx.Value(storeInfoKey[I]{}).(*I)
	return to
}

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
