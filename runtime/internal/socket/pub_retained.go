package socket

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/list"
	"github.com/gozmq/gozmq/runtime/internal/lru"
	"github.com/gozmq/gozmq/runtime/internal/prefix"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// Traits are a topic's guarantees about its messages. The zero value guarantees
// nothing.
type Traits uint8

const (
	// Sequenced topics have numbered messages.
	Sequenced Traits = 1 << iota
	// Retained topics keep their last message for peers that subscribe later.
	Retained
	// LatestOnly topics are conflated: the newest message replaces older ones that
	// wait for room in a peer's queue.
	LatestOnly
)

// stamped are the traits whose messages have a header.
const stamped = Sequenced | Retained

func (t Traits) any(of Traits) bool { return t&of != 0 }

// A Stamp numbers a message of a publisher.
type Stamp struct {
	// Position is the message's number among all numbered ones, from 1.
	Position uint64
	// Previous is the position of the topic's last earlier message, or a higher one
	// if the topic was evicted; 0 if there was none.
	Previous uint64
	// Sequence is the message's number under its topic, from 1. After the topic was
	// evicted it continues after the highest number of all evicted topics.
	Sequence uint64
	// Time is when the message was published.
	Time time.Time
	// Traits are the topic's.
	Traits Traits
	// Replayed says that the message answers a later subscription.
	Replayed bool
	// Metadata is the header's encoded metadata.
	Metadata []byte
}

// A topicStore keeps, for each topic with traits, the number of its last
// message, and that message if it is retained. It is bounded by a number of
// topics and of bytes, and evicts the least recently published topic.
//
// Its lock is held while a message is numbered and appended to the queues of
// peers, and while a subscription is added, so that each peer gets all messages
// in order and none twice. A subscription is answered in lots, between which
// the lock is free (replay). It is taken before the Pub's and before those of
// connections.
type topicStore struct {
	header    func(b []byte, s Stamp) []byte
	observe   func(link.Event)
	dropped   *atomic.Uint64
	conflated atomic.Uint64

	mu       sync.Mutex
	topics   *lru.Cache[*topic] // by name
	retained prefix.Tree[*topic]
	order    list.List[*topic] // the retained ones by position, and nil for the mark of a replay
	backlogs map[*link.Conn]*backlog
	replays  int // the number of backlogs with a replay
	position uint64
	floor    Stamp // its numbers are at least those of all evicted topics
}

// A topic is one topic of a topicStore.
type topic struct {
	name    string
	last    Stamp
	frames  []byte // the last message without its header; nil: it is not kept
	meta    []byte // that message's Stamp.Metadata, which last lacks
	waiting int    // the number of backlogs that contain it
	place   list.Element[*topic]
	entry   *lru.Entry[*topic]
}

func (t *topic) size() int { return lru.Overhead + len(t.name) + cap(t.frames) + cap(t.meta) }

// KeepTopics sets how many topics with traits, and how many bytes of them, the
// Pub keeps, and the function that appends a message's header as a frame. Call
// it before the Pub is used.
func (p *Pub) KeepTopics(topics, bytes int, header func(b []byte, s Stamp) []byte) {
	s := &p.store
	s.header = header
	s.topics = lru.New[*topic](lru.Bounds{Count: topics, Bytes: bytes})
	s.backlogs = make(map[*link.Conn]*backlog)
}

// SendWith sends a message of a topic with these traits to the peers that have
// subscribed. A message of a Sequenced or Retained topic is numbered, and its
// header, with the metadata, appended to its frames; frames may be empty if the
// topic is not Retained and nobody had subscribed before the message was encoded.
// SendWith returns the frames' memory, for reuse.
func (p *Pub) SendWith(traits Traits, name, frames, metadata []byte, a *Audience) []byte {
	s := &p.store
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.find(name)
	if t != nil && s.replays > 0 {
		p.replayBefore(t, a)
	}
	if traits.any(stamped) {
		t = s.stamp(t, name, traits)
	}
	if len(frames) == 0 {
		return frames
	}
	if traits.any(Retained) || t != nil && t.waiting > 0 && traits.any(LatestOnly) {
		s.keep(t, frames, metadata)
	}
	if !p.Audience(name, a) {
		return frames
	}
	whole := frames
	if traits.any(stamped) {
		stamp := t.last
		stamp.Metadata = metadata
		whole = s.header(frames, stamp)
	}
	for i, c := range a.conns {
		if t != nil && s.replaceQueued(c, t) || s.offer(c, whole) {
			a.conns[i] = nil
			continue
		}
		if t == nil { // a LatestOnly topic without a waiting message
			t = s.add(name)
			t.last.Traits = traits
			s.keep(t, frames, nil)
		}
		s.queueMissed(c, t)
		a.conns[i] = nil
	}
	return whole
}

// Position returns the position of the last numbered message, 0 if there was none.
func (p *Pub) Position() uint64 {
	p.store.mu.Lock()
	defer p.store.mu.Unlock()
	return p.store.position
}

// offer appends a message to a connection's queue. It returns false when the
// queue is full. A message that is too large for the peer counts as dropped.
func (s *topicStore) offer(c *link.Conn, frames []byte) bool {
	if s.keepBack(c, frames) {
		return true
	}
	b, err := c.Begin()
	if err == nil {
		c.CommitLater(append(b, frames...))
	}
	return err != link.ErrFull
}

// keepBack reports whether a message is too large for the peer. If so, it counts
// the message as dropped, and sends OVERSIZED in its place.
func (s *topicStore) keepBack(c *link.Conn, frames []byte) bool {
	limit := c.Beyond(frames)
	if limit == nil {
		return false
	}
	s.dropped.Add(1)
	c.DropTooLarge(limit)
	sendOversized(c, frames, limit.Size)
	return true
}

// sendOversized sends OVERSIZED to a peer that announces X-Gozmq or is a proxy, for
// a publication that it misses. frames has at least the whole first frame. A proxy
// passes the command on.
func sendOversized(c *link.Conn, frames []byte, size uint64) {
	if !c.Gozmq() && !c.Proxy() {
		return
	}
	b, err := c.Begin()
	if err != nil {
		return // the peer sees a gap at the next message, if the topic is sequenced
	}
	b, ok := zmtp.AppendOversized(b, frames, size)
	if !ok {
		c.Abort()
		return
	}
	c.CommitLater(b)
}

// find returns a topic, nil if it is not known; s.mu is held.
func (s *topicStore) find(name []byte) *topic {
	if e := s.topics.Get(name); e != nil {
		return e.Value
	}
	return nil
}

// add adds a topic; s.mu is held.
func (s *topicStore) add(name []byte) *topic {
	t := &topic{name: string(name)}
	t.entry = s.topics.Add(t.name, t, t.size())
	return t
}

// stamp numbers the next message of a topic, which is t if it is known; s.mu is
// held.
func (s *topicStore) stamp(t *topic, name []byte, traits Traits) *topic {
	if t == nil {
		t = s.add(name)
		t.last = s.floor
	}
	s.topics.Touch(t.entry)
	s.position++
	t.last = Stamp{
		Position: s.position, Previous: t.last.Position, Sequence: t.last.Sequence + 1,
		Time: time.Now(), Traits: traits,
	}
	s.shrink()
	return t
}

// keep stores frames as t's last message, and the metadata of its header; s.mu is
// held.
func (s *topicStore) keep(t *topic, frames, metadata []byte) {
	s.topics.Touch(t.entry)
	if t.last.Traits.any(Retained) {
		if t.frames == nil {
			s.retained.Add([]byte(t.name), t)
		}
		t.place.Remove()
		s.order.PushBack(&t.place, t)
	}
	if cap(t.frames) > 2*len(frames)+lru.Overhead {
		t.frames = nil // an earlier message was much larger
	}
	t.frames = append(t.frames[:0], frames...)
	if t.meta = append(t.meta[:0], metadata...); len(metadata) == 0 {
		t.meta = nil
	}
	s.topics.Resize(t.entry, t.size())
	s.shrink()
}

// shrink evicts topics until the bounds are met; s.mu is held.
func (s *topicStore) shrink() {
	s.topics.Evict(func(e *lru.Entry[*topic]) {
		t := e.Value
		s.forget(t)
		s.dropped.Add(uint64(t.waiting))
		s.floor.Position = max(s.floor.Position, t.last.Position)
		s.floor.Sequence = max(s.floor.Sequence, t.last.Sequence)
		if s.observe != nil {
			s.observe(link.Event{Kind: link.Forgotten, Topic: t.name})
		}
	})
}

// remove removes a topic; s.mu is held.
func (s *topicStore) remove(t *topic) {
	s.topics.Remove(t.entry)
	s.forget(t)
}

// forget drops the message of a topic that was removed; s.mu is held.
func (s *topicStore) forget(t *topic) {
	if t.last.Traits.any(Retained) {
		s.retained.Remove([]byte(t.name), t)
	}
	t.place.Remove()
	t.meta = nil
	t.frames = nil // so backlogs that contain it skip it
}
