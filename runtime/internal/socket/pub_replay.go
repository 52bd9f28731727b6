package socket

import (
	"cmp"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/list"
	"github.com/gozmq/gozmq/runtime/internal/notify"
)

// A replay sends the last messages of retained topics to a peer that has
// subscribed to text, in the order of publication. It stops when the peer's
// queue is full, and goes on when there is room again; a peer has one at a
// time. The store's lock is free between two lots. A message published in the
// meantime has a position above last and is sent at once, after the not yet
// replayed message of its topic, if there is one.
type replay struct {
	text   string
	beside bool                 // the peer may already have some topics by other subscriptions
	last   uint64               // the position when the peer subscribed
	passed uint64               // the position up to which topics were sent or left out
	few    []*topic             // all the topics, in order, if they are few
	mark   list.Element[*topic] // otherwise the replay's place in the store's order
	sent   int                  // the number of messages sent
	done   notify.Broadcast
}

// Bounds on one lot of a replay. A replay of up to maxFew topics sorts them; a
// longer one passes through all topics, which are in order.
const (
	lotTopics   = 1024 // topics that are examined
	lotMessages = 64
	lotBytes    = 256 << 10
	maxFew      = 128
)

// beginReplay prepares the replay for a subscription of c to text, which is
// being added. It returns nil when there is nothing to send. s.mu and p.mu are
// held.
func (p *Pub) beginReplay(c *link.Conn, text []byte) *replay {
	s := &p.store
	beside := p.subs.Count(c) > 0
	if s.retained.Len() == 0 || beside && p.subs.Covers(c, text) {
		return nil
	}
	r := &replay{text: string(text), beside: beside, last: s.position}
	for t := range s.retained.Under(text) {
		if len(r.few) == maxFew {
			r.few = nil
			s.order.PushFront(&r.mark, nil)
			break
		}
		r.few = append(r.few, t)
	}
	if r.few == nil && s.order.First() != &r.mark {
		return nil
	}
	slices.SortFunc(r.few, func(a, b *topic) int { return cmp.Compare(a.last.Position, b.last.Position) })
	s.backlogOf(c).replay = r
	s.replays++
	return r
}

// next returns the next topic, nil if there is none. s.mu is held.
func (r *replay) next() *topic {
	for len(r.few) > 0 {
		if t := r.few[0]; t.frames != nil && t.last.Position <= r.last {
			return t
		}
		r.few = r.few[1:] // evicted, or published again
	}
	for at := r.mark.Next(); at != nil; at = at.Next() {
		if t := at.Value(); t != nil {
			if t.last.Position > r.last {
				return nil // so are all later ones
			}
			return t
		}
	}
	return nil
}

// pass moves the replay past t, which next has returned; s.mu is held.
func (s *topicStore) pass(r *replay, t *topic) {
	r.passed = t.last.Position
	if len(r.few) > 0 {
		r.few = r.few[1:]
		return
	}
	r.mark.Remove()
	s.order.InsertAfter(&r.mark, nil, &t.place)
}

// awaits reports whether the replay must still send t's last message; s.mu is held.
func (p *Pub) awaits(c *link.Conn, r *replay, t *topic) bool {
	at := t.last.Position
	if t.frames == nil || !t.last.Traits.any(Retained) || at <= r.passed || at > r.last || !strings.HasPrefix(t.name, r.text) {
		return false
	}
	if !r.beside {
		return true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.subs.CoversBeside(c, []byte(t.name), []byte(r.text))
}

// runReplay sends the remaining messages of c's replay, while there is room in c's
// queue.
func (p *Pub) runReplay(c *link.Conn) {
	for p.sendLot(c) {
		runtime.Gosched() // gives the lock to a goroutine that waits to publish
	}
}

// sendLot sends one lot of c's replay. It returns false when the replay has ended,
// or must wait for room. The lots of several peers follow one after the other, with
// pauses, so that a publishing goroutine waits for only one of them.
func (p *Pub) sendLot(c *link.Conn) bool {
	p.replaying.Lock()
	defer p.replaying.Unlock()
	begin := time.Now()
	more := p.sendLotNow(c)
	p.mu.Lock()
	sends := p.sends
	p.mu.Unlock()
	p.share.pace(time.Since(begin), sends)
	return more
}

// sendLotNow is sendLot without the pauses.
func (p *Pub) sendLotNow(c *link.Conn) bool {
	s := &p.store
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.backlogs[c]
	if b == nil || b.replay == nil || len(b.order) > 0 {
		return false
	}
	r := b.replay
	messages, bytes := 0, 0
	for range lotTopics {
		t := r.next()
		if t == nil {
			s.endReplay(b)
			delete(s.backlogs, c)
			return false
		}
		if p.awaits(c, r, t) {
			if err := s.sendReplayed(c, t); err != nil {
				if err != link.ErrFull { // the connection has ended
					c.Offend()
					s.endReplay(b)
				}
				return false
			}
			messages++
			r.sent++
			bytes += len(t.frames)
		}
		s.pass(r, t)
		if messages == lotMessages || bytes >= lotBytes {
			break
		}
	}
	return true
}

// sendReplayed sends t's last message. It fails with link.ErrFull when there is
// no room, and with another error when c has ended. s.mu is held.
func (s *topicStore) sendReplayed(c *link.Conn, t *topic) error {
	if c.Fits(t.frames) != nil {
		if c.Full() {
			return link.ErrFull
		}
		s.keepBack(c, t.frames)
		return nil
	}
	b, err := c.Begin()
	if err != nil {
		return err
	}
	c.CommitLater(s.message(b, t, true))
	return nil
}

// replayBefore sends t's last message to the peers whose replays have not reached
// it, because another message of t is about to be published. For a peer without
// room, the new message replaces it. s.mu is held; a is memory.
func (p *Pub) replayBefore(t *topic, a *Audience) {
	s := &p.store
	p.Audience([]byte(t.name), a)
	for i, c := range a.conns {
		if b := s.backlogs[c]; b != nil && b.replay != nil && len(b.order) == 0 && p.awaits(c, b.replay, t) {
			_ = s.sendReplayed(c, t)
		}
		a.conns[i] = nil
	}
}

// endReplay ends the replay of a backlog, if there is one; s.mu is held.
func (s *topicStore) endReplay(b *backlog) {
	if b.replay != nil {
		s.replays--
		b.replay.mark.Remove()
		b.replay.done.Notify()
		b.replay = nil
	}
}

// awaitReplay waits until the retained messages for c's last subscription are
// in its queue, so that a peer that subscribes repeatedly is not read before it has
// received them, and its other subscriptions do not change in the meantime. If
// canceled is not nil, it does not wait for the replay of a subscription to
// canceled.
func (s *topicStore) awaitReplay(c *link.Conn, canceled []byte) {
	s.mu.Lock()
	b := s.backlogs[c]
	if b == nil || b.replay == nil || canceled != nil && b.replay.text == string(canceled) {
		s.mu.Unlock()
		return
	}
	done := b.replay.done.Changed()
	s.mu.Unlock()
	c.Pause()
	defer c.Unpause()
	select {
	case <-done:
	case <-c.Closed():
	}
}
