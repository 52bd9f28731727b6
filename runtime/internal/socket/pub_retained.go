package socket

import (
	"container/list"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/prefix"
)

// Traits are what a topic promises beyond delivery at most once.
type Traits uint8

const (
	// Sequenced topics have numbered messages.
	Sequenced Traits = 1 << iota
	// Retained topics keep their last message for those who subscribe later.
	Retained
	// LatestOnly topics are about the newest message: it replaces older ones
	// that have no room.
	LatestOnly
)

// stamped are the traits whose messages have a header.
const stamped = Sequenced | Retained

func (t Traits) any(of Traits) bool { return t&of != 0 }

// A Stamp is the place of a message among the numbered ones of its publisher.
type Stamp struct {
	// Position is its place among all of them, from 1.
	Position uint64
	// Previous is the position of the one before it under the same topic, or a
	// higher one if that is forgotten; 0 if there was none.
	Previous uint64
	// Sequence is its place among those of its topic, from 1. Where the topic
	// was forgotten, as many are skipped as any forgotten topic had.
	Sequence uint64
	// Time is when it was published.
	Time time.Time
	// Traits are those of its topic.
	Traits Traits
	// Replayed says that it is sent because of a subscription that came later.
	Replayed bool
}

// A memory is what a Pub remembers of topics with traits: of each the place of
// the last message, and that message where it is retained, up to a number of
// topics and of bytes. The topic that had no message for longest is forgotten
// first.
//
// Its lock is held while a message is given its place and appended to the
// queues of peers, and while a subscription is added and answered, so that each
// peer gets all in order, and nothing twice. It is taken before the Pub's own
// and before those of connections.
type memory struct {
	maxTopics, maxBytes int
	header              func(b []byte, s Stamp) []byte
	observe             func(link.Event)
	dropped             *atomic.Uint64
	superseded          atomic.Uint64

	mu       sync.Mutex
	topics   map[string]*topic
	recent   list.List // of *topic; in front the one that had a message last
	retained prefix.Tree[*topic]
	backlogs map[*link.Conn]*backlog
	bytes    int
	position uint64
	floor    Stamp // at least that of any topic that was forgotten
}

// A topic is what is remembered of one.
type topic struct {
	name    string
	last    Stamp
	frames  []byte // the last message but for its header; nil: it is not kept
	waiting int    // backlogs that have it
	at      *list.Element
}

// topicOverhead is what a topic takes beside its bytes, about.
const topicOverhead = 256

func (t *topic) size() int { return topicOverhead + len(t.name) + cap(t.frames) }

// Remember sets how much the Pub remembers of topics with traits, and how their
// header is appended as a frame. Call it before the Pub is used.
func (p *Pub) Remember(topics, bytes int, header func(b []byte, s Stamp) []byte) {
	m := &p.memory
	m.maxTopics, m.maxBytes, m.header = topics, bytes, header
	m.topics = make(map[string]*topic)
	m.backlogs = make(map[*link.Conn]*backlog)
}

// SendWith sends a message of a topic with these traits to those who
// subscribed. Where it has a header, which is appended to its frames, it is
// given its place; frames may be none then, if the topic is not retained and
// nobody had subscribed when it was to be encoded. It returns frames, to be used
// again.
func (p *Pub) SendWith(traits Traits, name, frames []byte, a *Audience) []byte {
	m := &p.memory
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.topics[string(name)]
	if traits.any(stamped) {
		t = m.stamp(t, name, traits)
	}
	if len(frames) == 0 {
		return frames
	}
	if traits.any(Retained) || t != nil && t.waiting > 0 && traits.any(LatestOnly) {
		m.keep(t, frames)
	}
	if !p.Audience(name, a) {
		return frames
	}
	whole := frames
	if traits.any(stamped) {
		whole = m.header(frames, t.last)
	}
	for i, c := range a.conns {
		if t != nil && m.inBacklog(c, t) || offer(c, whole) {
			a.conns[i] = nil
			continue
		}
		if t == nil { // only the newest counts, and nothing of it waits yet
			t = m.add(name)
			t.last.Traits = traits
			m.keep(t, frames)
		}
		m.miss(c, t)
		a.conns[i] = nil
	}
	return whole
}

// Position returns the place of the last message that has one, 0 if there was
// none.
func (p *Pub) Position() uint64 {
	p.memory.mu.Lock()
	defer p.memory.mu.Unlock()
	return p.memory.position
}

// offer appends a message to a connection's queue; it returns false when that
// is full.
func offer(c *link.Conn, frames []byte) bool {
	b, err := c.Begin()
	if err == nil {
		c.CommitLater(append(b, frames...))
	}
	return err != link.ErrFull
}

// add begins to remember a topic; m.mu is held.
func (m *memory) add(name []byte) *topic {
	t := &topic{name: string(name)}
	t.at = m.recent.PushFront(t)
	m.topics[t.name] = t
	m.bytes += t.size()
	return t
}

// stamp gives the next message of a topic, t if it is known, its place; m.mu is
// held.
func (m *memory) stamp(t *topic, name []byte, traits Traits) *topic {
	if t == nil {
		t = m.add(name)
		t.last = m.floor
	}
	m.recent.MoveToFront(t.at)
	m.position++
	t.last = Stamp{
		Position: m.position, Previous: t.last.Position, Sequence: t.last.Sequence + 1,
		Time: time.Now(), Traits: traits,
	}
	m.shrink()
	return t
}

// keep makes frames the message that is kept of t; m.mu is held.
func (m *memory) keep(t *topic, frames []byte) {
	m.recent.MoveToFront(t.at)
	m.bytes -= t.size()
	if t.frames == nil && t.last.Traits.any(Retained) {
		m.retained.Add([]byte(t.name), t)
	}
	if cap(t.frames) > 2*len(frames)+topicOverhead {
		t.frames = nil // a message that was large once
	}
	t.frames = append(t.frames[:0], frames...)
	m.bytes += t.size()
	m.shrink()
}

// shrink forgets what is too much; m.mu is held.
func (m *memory) shrink() {
	for len(m.topics) > 1 && (len(m.topics) > m.maxTopics || m.bytes > m.maxBytes) {
		m.forget(m.recent.Back().Value.(*topic))
	}
}

// remove takes a topic out of the memory; m.mu is held.
func (m *memory) remove(t *topic) {
	m.recent.Remove(t.at)
	delete(m.topics, t.name)
	m.bytes -= t.size()
	if t.last.Traits.any(Retained) {
		m.retained.Remove([]byte(t.name), t)
	}
	t.frames = nil // which backlogs that have it see
}

// forget removes a topic because there are too many; m.mu is held.
func (m *memory) forget(t *topic) {
	m.remove(t)
	m.dropped.Add(uint64(t.waiting))
	m.floor.Position = max(m.floor.Position, t.last.Position)
	m.floor.Sequence = max(m.floor.Sequence, t.last.Sequence)
	if m.observe != nil {
		m.observe(link.Event{Kind: link.Forgotten, Topic: t.name})
	}
}

// retainedFor returns what a peer that is about to subscribe to text is to be
// sent, in the order in which it was published: the last messages under text
// that none of its other subscriptions covers. m.mu and the Pub's are held.
func (m *memory) retainedFor(c *link.Conn, text []byte, subs *prefix.Tree[*link.Conn]) (list []*topic) {
	others := subs.Count(c) > 0
	if m.retained.Len() == 0 || others && subs.Covers(c, text) {
		return nil
	}
	m.retained.Under(text, func(t *topic) {
		if !others || !subs.Covers(c, []byte(t.name)) {
			list = append(list, t)
		}
	})
	slices.SortFunc(list, func(a, b *topic) int {
		if a.last.Position < b.last.Position {
			return -1
		}
		return 1
	})
	return list
}
