package socket

import (
	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/notify"
)

// A backlog holds topics that wait for room in one peer's queue. When there is room the
// peer gets the last message that each topic has by then.
type backlog struct {
	order      []*topic // first in, first out
	replayed   map[*topic]bool
	replays    int              // topics in order that wait because of a subscription
	replayDone notify.Broadcast // of replays becoming 0
}

// replaceQueued reports whether an older message of t waits for c. If so, c gets the new
// one in its place. s.mu is held.
func (s *topicStore) replaceQueued(c *link.Conn, t *topic) bool {
	b := s.backlogs[c]
	if b == nil {
		return false
	}
	replayed, waits := b.replayed[t]
	if !waits {
		return false
	}
	switch {
	case replayed:
		b.setLive(t)
	case t.last.Traits.any(LatestOnly):
		s.conflated.Add(1)
	default:
		s.dropped.Add(1)
		c.Drop()
	}
	return true
}

// queueMissed is called when c's queue has no room for a message of t. It puts t into the
// backlog, or counts the message as dropped if t keeps none. s.mu is held.
func (s *topicStore) queueMissed(c *link.Conn, t *topic) {
	if t.frames == nil {
		s.dropped.Add(1)
		c.Drop()
		return
	}
	s.enqueue(c, t, false)
}

// enqueue puts t into c's backlog, unless it is there; s.mu is held.
func (s *topicStore) enqueue(c *link.Conn, t *topic, replay bool) {
	b := s.backlogs[c]
	if b == nil {
		b = &backlog{replayed: make(map[*topic]bool)}
		s.backlogs[c] = b
	}
	if _, waits := b.replayed[t]; waits {
		return
	}
	b.order = append(b.order, t)
	b.replayed[t] = replay
	if replay {
		b.replays++
	}
	t.waiting++
}

// setLive says that the waiting message of t is a new one, and not replayed because of a
// subscription.
func (b *backlog) setLive(t *topic) {
	if b.replayed[t] {
		b.replayed[t] = false
		b.endReplay()
	}
}

// endReplay ends one replay.
func (b *backlog) endReplay() {
	b.replays--
	if b.replays == 0 {
		b.replayDone.Notify()
	}
}

// replay sends t's last message to a peer that has just subscribed to it. scratch is
// memory for the message, which is returned for reuse. s.mu is held.
func (s *topicStore) replay(c *link.Conn, t *topic, scratch []byte) []byte {
	scratch = s.message(scratch[:0], t, true)
	if b := s.backlogs[c]; b != nil && len(b.order) > 0 || !offer(c, scratch) {
		s.enqueue(c, t, true)
	}
	return scratch
}

// drain moves c's backlog to its queue while there is room. A connection calls it when
// there is room again (link.Conn.Writable).
func (s *topicStore) drain(c *link.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.backlogs[c]
	if b == nil {
		return
	}
	var scratch []byte
	for len(b.order) > 0 {
		t := b.order[0]
		if t.frames != nil { // it was not evicted
			scratch = s.message(scratch[:0], t, b.replayed[t])
			if !offer(c, scratch) {
				return
			}
		}
		b.order[0] = nil
		b.order = b.order[1:]
		b.setLive(t)
		delete(b.replayed, t)
		s.dequeued(t)
	}
	delete(s.backlogs, c)
}

// dequeued is called when a backlog no longer contains t; s.mu is held.
func (s *topicStore) dequeued(t *topic) {
	t.waiting--
	if t.waiting == 0 && t.frames != nil && !t.last.Traits.any(stamped) {
		s.remove(t)
	}
}

// message appends t's last message, with its header if it has one.
func (s *topicStore) message(b []byte, t *topic, replayed bool) []byte {
	b = append(b, t.frames...)
	if !t.last.Traits.any(stamped) {
		return b
	}
	stamp := t.last
	stamp.Replayed = replayed
	return s.header(b, stamp)
}

// dropBacklog removes the backlog of a connection that has ended.
func (s *topicStore) dropBacklog(c *link.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.backlogs[c]
	if b == nil {
		return
	}
	for _, t := range b.order {
		s.dequeued(t)
	}
	delete(s.backlogs, c)
}

// awaitReplay waits until the retained messages for c's subscriptions are in its queue, so
// that a peer which subscribes repeatedly is not read before it has taken them.
func (s *topicStore) awaitReplay(c *link.Conn) {
	s.mu.Lock()
	b := s.backlogs[c]
	if b == nil || b.replays == 0 {
		s.mu.Unlock()
		return
	}
	done := b.replayDone.Changed()
	s.mu.Unlock()
	c.Pause()
	defer c.Unpause()
	select {
	case <-done:
	case <-c.Closed():
	}
}
