package socket

import (
	"container/list"
	"sync"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/link"
)

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
}

// A memory is what a Pub remembers of topics whose messages are numbered: of
// each the last message, up to a number of topics and of bytes. The topic that
// had no message for longest is forgotten first.
//
// Its lock is held while a numbered message is given its place and appended to
// the queues of peers, so that each peer gets them in order. It is taken before
// the Pub's own and before those of connections.
type memory struct {
	maxTopics, maxBytes int
	header              func(b []byte, s Stamp) []byte
	observe             func(link.Event)

	mu       sync.Mutex
	topics   map[string]*topic
	recent   list.List // of *topic; in front the one that had a message last
	bytes    int
	position uint64
	floor    Stamp // at least that of any topic that was forgotten
}

// A topic is what is remembered of one.
type topic struct {
	name string
	last Stamp
	at   *list.Element // in recent
}

// topicOverhead is what a topic takes beside its bytes, about.
const topicOverhead = 256

// Remember sets how much the Pub remembers of numbered messages, and how their
// header is appended as a frame. Call it before the Pub is used.
func (p *Pub) Remember(topics, bytes int, header func(b []byte, s Stamp) []byte) {
	m := &p.memory
	m.maxTopics, m.maxBytes, m.header = topics, bytes, header
	m.topics = make(map[string]*topic)
}

// SendStamped gives a message of topic its place and sends it to those who
// subscribed. frames are the message without its header, which is appended;
// none, if nobody had subscribed when it was to be encoded. It returns frames,
// to be used again.
func (p *Pub) SendStamped(topic, frames []byte, a *Audience) []byte {
	m := &p.memory
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.stamp(topic)
	if len(frames) == 0 || !p.Audience(topic, a) {
		return frames
	}
	frames = m.header(frames, s)
	p.Send(a, frames)
	return frames
}

// stamp returns the place of the next message of a topic; m.mu is held.
func (m *memory) stamp(name []byte) Stamp {
	t := m.topics[string(name)]
	if t == nil {
		t = &topic{name: string(name), last: m.floor}
		t.at = m.recent.PushFront(t)
		m.topics[t.name] = t
		m.bytes += t.size()
	}
	m.recent.MoveToFront(t.at)
	m.position++
	t.last = Stamp{Position: m.position, Previous: t.last.Position, Sequence: t.last.Sequence + 1, Time: time.Now()}
	for len(m.topics) > 1 && (len(m.topics) > m.maxTopics || m.bytes > m.maxBytes) {
		m.forget(m.recent.Back().Value.(*topic))
	}
	return t.last
}

// forget forgets a topic; m.mu is held.
func (m *memory) forget(t *topic) {
	m.recent.Remove(t.at)
	delete(m.topics, t.name)
	m.bytes -= t.size()
	m.floor.Position = max(m.floor.Position, t.last.Position)
	m.floor.Sequence = max(m.floor.Sequence, t.last.Sequence)
	if m.observe != nil {
		m.observe(link.Event{Kind: link.Forgotten, Topic: t.name})
	}
}

func (t *topic) size() int { return topicOverhead + len(t.name) }
