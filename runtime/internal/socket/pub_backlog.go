package socket

import "github.com/gozmq/gozmq/runtime/internal/link"

// A backlog holds what waits for room in one peer's queue: first topics, whose last
// messages the peer gets when there is room, and then a replay.
type backlog struct {
	order  []*topic // first in, first out
	waits  map[*topic]struct{}
	replay *replay // nil: none is in progress
}

// replaceQueued reports whether an older message of t waits for c. If so, c
// gets the new one in its place. s.mu is held.
func (s *topicStore) replaceQueued(c *link.Conn, t *topic) bool {
	b := s.backlogs[c]
	if b == nil {
		return false
	}
	if _, waits := b.waits[t]; !waits {
		return false
	}
	if t.last.Traits.any(LatestOnly) {
		s.conflated.Add(1)
	} else {
		s.dropped.Add(1)
		c.Drop()
	}
	return true
}

// queueMissed is called when c's queue has no room for a message of t. It puts
// t into the backlog, or counts the message as dropped if t keeps none. s.mu is
// held.
func (s *topicStore) queueMissed(c *link.Conn, t *topic) {
	if t.frames == nil {
		s.dropped.Add(1)
		c.Drop()
		return
	}
	b := s.backlogOf(c)
	if _, waits := b.waits[t]; waits {
		return
	}
	b.order = append(b.order, t)
	b.waits[t] = struct{}{}
	t.waiting++
}

// backlogOf returns c's backlog, which it makes if there is none; s.mu is held.
func (s *topicStore) backlogOf(c *link.Conn) *backlog {
	b := s.backlogs[c]
	if b == nil {
		b = &backlog{waits: make(map[*topic]struct{})}
		s.backlogs[c] = b
	}
	return b
}

// drain moves c's backlog to its queue while there is room. A connection calls
// it when there is room again (link.Conn.OnWritable).
func (p *Pub) drain(c *link.Conn) {
	if p.store.drainTopics(c) {
		p.runReplay(c)
	}
}

// drainTopics moves the topics of c's backlog to its queue while there is room. It
// reports whether a replay follows.
func (s *topicStore) drainTopics(c *link.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.backlogs[c]
	if b == nil {
		return false
	}
	var scratch []byte
	for len(b.order) > 0 {
		t := b.order[0]
		if t.frames != nil { // it was not evicted
			scratch = s.message(scratch[:0], t, false)
			if !s.offer(c, scratch) {
				return false
			}
		}
		b.order[0] = nil
		b.order = b.order[1:]
		delete(b.waits, t)
		s.dequeued(t)
	}
	if b.replay == nil {
		delete(s.backlogs, c)
	}
	return b.replay != nil
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
	stamp.Replayed, stamp.Metadata = replayed, t.meta
	return s.header(b, stamp)
}

// dropBacklog removes the backlog of a connection that has ended. A connection that
// ends during a replay counts as an offense: a peer that reconnects again and again
// to get the retained messages would starve the others.
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
	if b.replay != nil {
		c.Offend()
	}
	s.endReplay(b)
	delete(s.backlogs, c)
}
