package socket

import (
	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/notify"
)

// A backlog is what waits for room in one peer's queue: topics, of each of
// which the peer gets the last message that there is by then.
type backlog struct {
	order    []*topic // first in, first out
	replayed map[*topic]bool
	replays  int              // of those in order that a subscription asked for
	answered notify.Broadcast // of replays becoming 0
}

// inBacklog reports whether an older message of t waits for c, which then gets
// the one of now in its place; m.mu is held.
func (m *memory) inBacklog(c *link.Conn, t *topic) bool {
	b := m.backlogs[c]
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
		m.superseded.Add(1)
	default:
		m.dropped.Add(1)
		c.Drop()
	}
	return true
}

// miss is called when there was no room for a message of t; m.mu is held.
func (m *memory) miss(c *link.Conn, t *topic) {
	if t.frames == nil {
		m.dropped.Add(1)
		c.Drop()
		return
	}
	m.wait(c, t, false)
}

// wait has c get t's last message when there is room; m.mu is held.
func (m *memory) wait(c *link.Conn, t *topic, replay bool) {
	b := m.backlogs[c]
	if b == nil {
		b = &backlog{replayed: make(map[*topic]bool)}
		m.backlogs[c] = b
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

// setLive notes that what waits of t is not a message of before the
// subscription any more.
func (b *backlog) setLive(t *topic) {
	if b.replayed[t] {
		b.replayed[t] = false
		b.answer()
	}
}

// answer counts one replay less.
func (b *backlog) answer() {
	b.replays--
	if b.replays == 0 {
		b.answered.Notify()
	}
}

// replay sends t's last message to a peer that has subscribed to it just now;
// m.mu is held.
func (m *memory) replay(c *link.Conn, t *topic, scratch []byte) []byte {
	scratch = m.message(scratch[:0], t, true)
	if b := m.backlogs[c]; b != nil && len(b.order) > 0 || !offer(c, scratch) {
		m.wait(c, t, true)
	}
	return scratch
}

// drain moves what waits for c into its queue while there is room. A
// connection calls it when there is room again (link.Conn.Room).
func (m *memory) drain(c *link.Conn) {
	m.mu.Lock()
	defer m.mu.Unlock()
	b := m.backlogs[c]
	if b == nil {
		return
	}
	var scratch []byte
	for len(b.order) > 0 {
		t := b.order[0]
		if t.frames != nil { // it was not forgotten
			scratch = m.message(scratch[:0], t, b.replayed[t])
			if !offer(c, scratch) {
				return
			}
		}
		b.order[0] = nil
		b.order = b.order[1:]
		b.setLive(t)
		delete(b.replayed, t)
		m.waitsNoMore(t)
	}
	delete(m.backlogs, c)
}

// waitsNoMore takes note that a backlog has t no more; m.mu is held.
func (m *memory) waitsNoMore(t *topic) {
	t.waiting--
	if t.waiting == 0 && t.frames != nil && !t.last.Traits.any(stamped) {
		m.remove(t)
	}
}

// message appends what is sent of t's last message.
func (m *memory) message(b []byte, t *topic, replayed bool) []byte {
	b = append(b, t.frames...)
	if !t.last.Traits.any(stamped) {
		return b
	}
	stamp := t.last
	stamp.Replayed = replayed
	return m.header(b, stamp)
}

// abandon forgets what waits for a connection that has ended.
func (m *memory) abandon(c *link.Conn) {
	m.mu.Lock()
	defer m.mu.Unlock()
	b := m.backlogs[c]
	if b == nil {
		return
	}
	for _, t := range b.order {
		m.waitsNoMore(t)
	}
	delete(m.backlogs, c)
}

// awaitAnswer waits until all that c's subscriptions have asked for is in its
// queue, so that a peer which subscribes again and again takes what it asked
// for before it is heard again.
func (m *memory) awaitAnswer(c *link.Conn) {
	m.mu.Lock()
	b := m.backlogs[c]
	if b == nil || b.replays == 0 {
		m.mu.Unlock()
		return
	}
	answered := b.answered.Changed()
	m.mu.Unlock()
	c.Pause()
	defer c.Unpause()
	select {
	case <-answered:
	case <-c.Closed():
	}
}
