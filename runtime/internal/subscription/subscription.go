package subscription

import (
	"context"

	"github.com/gozmq/gozmq/runtime/internal/lru"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// A Subscription receives the messages whose topics at least one of its patterns
// selects, or, if it is bare, all messages without a topic. Hub.Open makes it. Its
// methods may be called from any goroutine.
type Subscription struct {
	hub   *Hub
	name  string // its first pattern, for people to read
	bare  bool
	queue *Queue

	turn chan struct{} // holds one value while a goroutine is in Each; guards gaps and kept
	gaps *gapDetector
	kept *keptMessage

	registration
}

// A registration is the part of a Subscription that its Hub guards with mu.
type registration struct {
	patterns    patternSet
	resumptions resumptions
	closed      bool
	watching    bool // a peerEntry comes with each new connection
	endQueued   bool // an endedEntry is in the queue
}

// Add makes the subscription select p's topics as well, unless it has an equal
// pattern. A closed or bare subscription does not change.
func (s *Subscription) Add(p Pattern) { s.hub.add(s, p) }

// Remove removes the pattern equal to p, if there is one. Waiting messages stay.
func (s *Subscription) Remove(p Pattern) { s.hub.remove(s, p) }

// Close ends the subscription. Waiting messages can still be taken. It may be
// called more than once.
func (s *Subscription) Close() {
	s.queue.Close()
	s.hub.closeOne(s)
}

// Dropped returns how many messages the overflow policy has dropped.
func (s *Subscription) Dropped() uint64 { return s.queue.Dropped() }

// Queued returns the number of waiting messages.
func (s *Subscription) Queued() int {
	queued, _ := s.queue.Progress()
	return queued
}

// Each calls deliver with each message, and report with each notice before a
// message, until one of them returns false, a Lag ends the iteration, the
// subscription is closed and no message waits, or ctx ends. Messages are valid
// during the call. Calls of Each take turns; each goes on where the last one ended.
// A Lag that ended an iteration closes the subscription.
func (s *Subscription) Each(ctx context.Context, deliver func(*wire.Publication) bool, report func(*wire.Publication, Notice) bool) {
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return
	}
	defer func() {
		if s.gaps.ended {
			s.Close()
		}
		<-s.turn
	}()
	if k := s.kept; k != nil && ctx.Err() == nil {
		s.kept = nil
		if !s.pass(&k.Publication, k.notices, deliver, report) {
			return
		}
	}
	if s.gaps.ended {
		return
	}
	s.queue.drain(ctx, func(it *item) bool {
		if it.kind != messageEntry {
			return s.handleEntry(it, report)
		}
		fresh, notices := s.gaps.check(&it.Publication)
		if len(notices) == 0 {
			return !fresh || deliver(&it.Publication)
		}
		return s.pass(&it.Publication, notices, deliver, report) && !s.gaps.ended
	})
}

// handleEntry handles an entry that is not a message, for Each.
func (s *Subscription) handleEntry(it *item, report func(*wire.Publication, Notice) bool) (goOn bool) {
	switch it.kind {
	case resumeEntry:
		s.resume(it)
	case tooLargeEntry:
		return report(&it.Publication, it.tooLarge())
	case endedEntry, idleEntry:
		n := s.hub.occurrence(s, it)
		it.From = nil
		return report(&it.Publication, n)
	}
	return true
}

// A keptMessage is a message that was not taken because the loop ended with a
// notice before it.
type keptMessage struct {
	wire.Publication
	notices []Notice // not yet passed on
}

// pass reports notices and then delivers p, unless the iteration ends with a
// notice.
func (s *Subscription) pass(p *wire.Publication, notices []Notice, deliver func(*wire.Publication) bool, report func(*wire.Publication, Notice) bool) bool {
	for i, n := range notices {
		if !report(p, n) {
			if !s.gaps.ended || i+1 < len(notices) {
				s.kept = &keptMessage{p.Clone(), notices[i+1:]}
			}
			return false
		}
	}
	return !s.gaps.ended && deliver(p)
}

// resume makes the gap detector forget the topics of a resumption: those that its
// pattern selects, and no other pattern selected at that time.
func (s *Subscription) resume(it *item) {
	n := it.resumption()
	s.hub.mu.Lock()
	p := s.resumptions.pattern(n)
	s.hub.mu.Unlock()
	if p == nil {
		return // a message that looks like the entry of a resumption
	}
	gone := func(topic []byte) bool {
		if !p.Matches(topic) {
			return false
		}
		s.hub.mu.Lock()
		defer s.hub.mu.Unlock()
		return !s.patterns.tookAt(topic, n)
	}
	s.gaps.forget([]byte(p.Prefix()), gone)
	s.queue.forgetDroppedOf(gone)
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	if s.resumptions.end(n) {
		s.patterns.purge()
	}
}

// match reports whether the subscription selects a topic, and whether every pattern
// that does conflates it; hub.mu is held.
func (s *Subscription) match(topic []byte) (taken, conflated bool) {
	if s.bare {
		return true, false
	}
	return s.patterns.match(topic)
}

// begin queues the last values of all patterns' topics, which a new subscription
// gets first. hub.mu is held.
func (s *Subscription) begin() {
	h := s.hub
	if h.values.topics.Len() == 0 {
		return
	}
	var list []*lru.Entry[lastValue]
	for prefix := range s.patterns.prefixes {
		text := []byte(prefix)
		if n := len(text); n > 0 && h.tree.Covers(s, text[:n-1]) {
			continue // a shorter prefix has the same values
		}
		list = h.values.under(text, func(topic []byte) bool { taken, _ := s.match(topic); return taken }, list)
	}
	front := new(buffer)
	appendValues(front, list)
	s.queue.putFirst(front)
}

// resumeWith queues what must precede the messages of p, which is being added: a
// resumeEntry and the last values of its topics. If there are values, or waiting
// messages may be dropped, all of it goes to the front. hub.mu is held.
func (s *Subscription) resumeWith(p Pattern) {
	list := s.hub.values.under([]byte(p.Prefix()), func(topic []byte) bool {
		taken, _ := s.match(topic)
		return !taken && p.Matches(topic)
	}, nil)
	front := new(buffer)
	if !p.Conflated() {
		mark := resumeItem(s.resumptions.add(p))
		if len(list) > 0 || s.queue.cfg.Overflow == DropOldest {
			front.pushItem(mark)
		} else {
			s.queue.putItem(mark)
		}
	}
	appendValues(front, list)
	s.queue.putFirst(front)
}
