package subscription

import (
	"errors"
	"sync"
	"sync/atomic"

	"github.com/gozmq/gozmq/runtime/internal/prefix"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// A Hub passes the messages of one socket to subscriptions. Its methods may be
// called from any goroutine.
type Hub struct {
	cfg      Config
	conns    publisherConns
	counters counters
	done     chan struct{} // closed by Close
	version  atomic.Uint64 // starts at 1; grows with each change of tree

	mu            sync.Mutex
	values        lastValueCache
	tree          prefix.Tree[*Subscription]
	subscriptions map[*Subscription]struct{}
	prefix        []byte // reused memory for a prefix
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
	s.gaps.queue = s.queue
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, ErrClosed
	}
	h.subscriptions[s] = struct{}{}
	if bare {
		h.subscribe(s, "")
		return s, nil
	}
	s.patterns.grow(len(patterns))
	h.cfg.Socket.Together(func() {
		for _, p := range patterns {
			if s.patterns.add(p, 0) {
				h.subscribe(s, p.Prefix())
			}
		}
	})
	s.begin()
	return s, nil
}

// Close ends every subscription, and each waiting Receive.
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

// Usage is how much a Hub holds.
type Usage struct {
	Subscriptions int // open ones
	Prefixes      int // different ones
	Topics        int // topics whose last values are kept
	TopicBytes    int // their memory
}

// Usage returns how much the Hub holds now.
func (h *Hub) Usage() Usage {
	h.mu.Lock()
	defer h.mu.Unlock()
	return Usage{len(h.subscriptions), h.tree.Len(), h.values.topics.Len(), h.values.topics.Bytes()}
}

// PeerJoined must be called for each new connection, after the subscriptions were
// sent and before anything is received.
func (h *Hub) PeerJoined() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range h.subscriptions {
		if s.watching {
			s.queue.putItem(&item{kind: peerEntry})
		}
	}
}

// PeerEnded notifies every subscription that the publisher at an endpoint has ended
// its connection with reason.
func (h *Hub) PeerEnded(endpoint string, reason error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range h.subscriptions {
		if s.endQueued {
			continue // its last endedEntry still waits; one is enough
		}
		s.endQueued = true
		it := &item{kind: endedEntry, Publication: wire.Publication{From: Ended{endpoint, reason}}}
		if s.queue.cfg.Overflow != DropOldest {
			s.queue.putItem(it)
			continue
		}
		front := new(buffer)
		front.pushItem(it)
		s.queue.putFirst(front)
	}
}

// occurrence returns the notice of an endedEntry or an idleEntry.
func (h *Hub) occurrence(s *Subscription, it *item) Notice {
	switch n := it.From.(type) {
	case Idle:
		n.Publishers = h.cfg.Socket.Peers()
		return n
	case Ended:
		h.mu.Lock()
		defer h.mu.Unlock()
		s.endQueued = false
		return n
	}
	panic("an entry without its notice")
}

// watch makes s get a peerEntry for each new connection. It reports whether there
// already is a connection.
func (h *Hub) watch(s *Subscription) bool {
	h.mu.Lock()
	s.watching = true
	h.mu.Unlock()
	return h.cfg.Socket.Peers() > 0
}

// add adds a pattern to s, unless s has an equal one, is bare or closed.
func (h *Hub) add(s *Subscription, p Pattern) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s.closed || h.closed || s.bare || s.patterns.has(p) {
		return
	}
	s.resumeWith(p)
	s.patterns.add(p, s.resumptions.last)
	h.subscribe(s, p.Prefix())
}

// remove removes a pattern from s, if s has it.
func (h *Hub) remove(s *Subscription, p Pattern) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s.closed {
		return
	}
	old := s.patterns.remove(p, s.resumptions.latest())
	if old == nil {
		return
	}
	if s.patterns.prefixes[old.prefix] == 0 {
		h.tree.Remove([]byte(old.prefix), s)
	}
	h.version.Add(1)
	h.cancel([]byte(old.prefix), 1)
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
		h.cancel(nil, 1)
	}
	h.cfg.Socket.Together(func() {
		for prefix, n := range s.patterns.prefixes {
			h.cancel([]byte(prefix), n)
		}
	})
}

// subscribe makes s receive messages whose topic begins with prefix; h.mu is held.
func (h *Hub) subscribe(s *Subscription, prefix string) {
	h.prefix = append(h.prefix[:0], prefix...)
	h.tree.Add(h.prefix, s)
	h.version.Add(1)
	h.cfg.Socket.Subscribe(h.prefix)
}

// cancel ends n subscriptions to prefix, after it was removed from the tree;
// h.mu is held.
func (h *Hub) cancel(prefix []byte, n int) {
	h.values.release(prefix, h.tree.Matches)
	for range n {
		h.cfg.Socket.Cancel(prefix)
	}
}
