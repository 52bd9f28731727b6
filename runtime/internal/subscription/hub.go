package subscription

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/gozmq/gozmq/runtime/internal/prefix"
)

// A Hub hands what one socket receives to subscriptions. Its methods may be
// called from any goroutine.
type Hub struct {
	cfg      Config
	conns    publisherConns
	counters counters
	done     chan struct{} // closed by Close
	version  atomic.Uint64 // begins at 1; one more with each change of tree

	mu            sync.Mutex
	values        lastValueCache
	tree          prefix.Tree[*Subscription]
	subscriptions map[*Subscription]struct{}
	closed        bool
}

// New returns a Hub without subscriptions.
func New(cfg Config) *Hub {
	cfg.Events = cfg.Events.withDefaults()
	h := &Hub{
		cfg: cfg, done: make(chan struct{}), values: newLastValueCache(cfg.Topics, cfg.Events.Evicted),
		subscriptions: make(map[*Subscription]struct{}),
	}
	h.version.Store(1)
	return h
}

// ErrClosed says that a Hub is closed.
var ErrClosed = errors.New("the subscriber is closed")

// Open begins a subscription to the topics of patterns, or, if bare, to all
// messages without a topic. Close must be called. It fails with ErrClosed after
// Close of the Hub.
func (h *Hub) Open(cfg QueueConfig, patterns []Pattern, bare bool) (*Subscription, error) {
	s := &Subscription{hub: h, bare: bare, turn: make(chan struct{}, 1), gaps: newGapDetector(h.cfg.Topics, h.cfg.Lag, &h.conns)}
	if len(patterns) > 0 {
		s.name = patterns[0].String()
	}
	s.queue = newQueue(cfg, h.cfg.Topics, &h.counters, func(count int) { h.cfg.Events.Overflow(s.name, count) })
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return nil, ErrClosed
	}
	h.subscriptions[s] = struct{}{}
	if bare {
		h.subscribe(s, nil)
	}
	h.mu.Unlock()
	for _, p := range patterns {
		h.add(s, p)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	s.running = true
	return s, nil
}

// Close ends every subscription, and each Receive that waits.
func (h *Hub) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.closed {
		h.closed = true
		close(h.done)
	}
	for s := range h.subscriptions {
		s.queue.Close()
	}
}

// Dropped returns how many messages all subscriptions have dropped because
// their queues were full.
func (h *Hub) Dropped() uint64 { return h.counters.dropped.Load() }

// Superseded returns how many messages of conflated topics a newer one
// replaced.
func (h *Hub) Superseded() uint64 { return h.counters.superseded.Load() }

// Usage says how much a Hub holds.
type Usage struct {
	Subscriptions int // that are open
	Prefixes      int // that they subscribed to
	Topics        int // whose last values are kept
	TopicBytes    int // that these take
}

// Usage returns how much the Hub holds now.
func (h *Hub) Usage() Usage {
	h.mu.Lock()
	defer h.mu.Unlock()
	return Usage{len(h.subscriptions), h.tree.Len(), h.values.topics.Len(), h.values.topics.Bytes()}
}

// PeerJoined is to be called for each new connection, after the subscriptions
// were sent and before anything is received.
func (h *Hub) PeerJoined() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range h.subscriptions {
		if s.watching {
			s.queue.putItem(&item{kind: peerEntry})
		}
	}
}

// watch has a peerEntry come to s with each new connection. It reports whether
// there is a connection already.
func (h *Hub) watch(s *Subscription) bool {
	h.mu.Lock()
	s.watching = true
	h.mu.Unlock()
	return h.cfg.Socket.Peers() > 0
}

// add gives s a pattern, unless it has an equal one, is bare or closed.
func (h *Hub) add(s *Subscription, p Pattern) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s.closed || h.closed || s.bare || slices.ContainsFunc(s.patterns, p.Equal) {
		return
	}
	s.begin(p)
	s.patterns = append(s.patterns, p)
	h.subscribe(s, p.Prefix())
}

// remove takes a pattern from s, if it is there.
func (h *Hub) remove(s *Subscription, p Pattern) {
	h.mu.Lock()
	defer h.mu.Unlock()
	i := slices.IndexFunc(s.patterns, p.Equal)
	if i < 0 || s.closed {
		return
	}
	s.patterns = slices.Delete(s.patterns, i, i+1)
	prefix := p.Prefix()
	if !slices.ContainsFunc(s.patterns, func(other Pattern) bool { return string(other.Prefix()) == string(prefix) }) {
		h.tree.Remove(prefix, s)
	}
	h.version.Add(1)
	h.cancel(prefix)
}

// closeOne removes s.
func (h *Hub) closeOne(s *Subscription) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s.closed {
		return
	}
	s.closed = true
	delete(h.subscriptions, s)
	h.version.Add(1)
	h.tree.RemoveAll(s)
	if s.bare {
		h.cancel(nil)
	}
	for _, p := range s.patterns {
		h.cancel(p.Prefix())
	}
}

// subscribe makes s receive what begins with prefix; h.mu is held.
func (h *Hub) subscribe(s *Subscription, prefix []byte) {
	h.tree.Add(prefix, s)
	h.version.Add(1)
	h.cfg.Socket.Subscribe(prefix)
}

// cancel ends one subscription to prefix, after it was removed from the tree;
// h.mu is held.
func (h *Hub) cancel(prefix []byte) {
	h.values.release(prefix, h.tree.Matches)
	h.cfg.Socket.Cancel(prefix)
}
