package subscription

import (
	"bytes"

	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// A Conn is a connection that messages are received from.
type Conn interface {
	publisherConn
	Waiter
	// Tagged returns the value of Publication.From for its messages.
	Tagged() any
	// Malformed reports a message that is dropped.
	Malformed(format string, args ...any)
}

// A Batch is a run of messages, each a list of frames that is valid until the
// next call of Message.
type Batch interface {
	Len() int
	Message(i int) [][]byte
	// Run returns the run of messages (wire.CutRun) behind message i, which has the
	// same topic.
	Run(i int) (run []byte, messages int)
}

// Receive passes each message to every subscription that selects it. It waits while
// one of their queues is full and blocks. It keeps no memory of the batch.
func (h *Hub) Receive(c Conn, b Batch) {
	var last match
	from := origin{hub: h, conn: c}
	defer from.end()
	waiter, tag := Waiter(c), c.Tagged()
	for i := range b.Len() {
		p, err := wire.ParsePublication(b.Message(i))
		if err != nil {
			c.Malformed("%w", err)
			continue
		}
		p.From = tag
		var header wire.PublicationHeader
		numbered := p.Header != nil && header.Parse(p.Header) && header.Numbered()
		if numbered {
			from.check(&p, &header)
		}
		if numbered && header.Retained {
			h.matchRetained(&p, header, &last)
		} else {
			h.match(&p, &last)
		}
		if p.Bare() && len(last.all) == 0 {
			c.Malformed("%w", wire.ErrPublicationTopic)
		}
		if !h.pass(waiter, &p, last.newest, last.all) {
			return // closed
		}
		if run, n := b.Run(i); n > 0 && !h.receiveRun(waiter, &p, &last, run, n) {
			return
		}
	}
}

// pass puts a message into the queues of the subscriptions that conflate it, and of
// those that get every message. It returns false when the hub is closed.
func (h *Hub) pass(c Waiter, p *wire.Publication, newest, all []*Subscription) bool {
	for _, s := range newest {
		s.queue.putNewest(p)
	}
	for _, s := range all {
		if !s.queue.Put(c, p, h.done) {
			return false
		}
	}
	return true
}

// receiveRun is Receive for the run behind first, whose subscriptions are in m. A
// queue without room for all of it gets one message after the other, in turn with
// the queues after it, so that none waits for what the next one has not got.
func (h *Hub) receiveRun(c Waiter, first *wire.Publication, m *match, run []byte, messages int) bool {
	p, left := wire.Publication{Topic: first.Topic, From: first.From}, m.all
	for len(m.newest) == 0 && len(left) > 0 && left[0].queue.putRun(&p, run, messages) {
		left = left[1:]
	}
	for len(run) > 0 && len(m.newest)+len(left) > 0 {
		var n int
		p.Topic, p.Body, n = wire.CutRun(run, len(first.Topic))
		run = run[n:]
		if !h.pass(c, &p, m.newest, left) {
			return false
		}
	}
	return true
}

// An origin tracks the publishers of a batch's messages.
type origin struct {
	hub       *Hub
	conn      Conn
	publisher uint64 // the id of the last one
	source    *source
	high      uint64 // its highest position
	memory    []byte
}

// check records a message, and sets the publisher that it counts for.
func (o *origin) check(p *wire.Publication, h *wire.PublicationHeader) {
	if h.Publisher != o.publisher {
		o.end()
		o.publisher, o.high, o.source = h.Publisher, 0, o.hub.conns.record(h.Publisher, o.conn)
	}
	if h.Position <= o.source.before && !h.Replayed {
		o.high, o.source = 0, o.hub.conns.renew(o.publisher, o.source)
	}
	o.high = max(o.high, h.Position)
	if h.Publisher != o.source.as {
		h.Publisher = o.source.as
		o.memory = h.Append(o.memory[:0])
		p.Header = o.memory
	}
}

// end stores the highest position of the last publisher.
func (o *origin) end() {
	if s := o.source; s != nil && o.high > s.high.Load() {
		s.high.Store(o.high)
	}
}

// TooLarge notifies the subscriptions that select a message which was skipped;
// frames are the ones before the frame that exceeds the limit. It waits as Receive
// does.
func (h *Hub) TooLarge(c Conn, frames [][]byte, size uint64, limit int) {
	it := tooLargeItem(nil, size, limit)
	it.From = c.Tagged()
	var m match
	h.mu.Lock()
	topic, ok := wire.TopicOfOversized(frames)
	if ok {
		it.Topic = topic
		h.values.drop(topic)
	}
	h.findMatch(topic, !ok, &m)
	h.mu.Unlock()
	for _, s := range append(m.all, m.newest...) {
		if !s.queue.put(c, &it.Publication, tooLargeEntry, h.done) {
			return // closed
		}
	}
}

// A match holds the subscriptions that select a topic. It can be reused for later
// messages of the same topic.
type match struct {
	topic   []byte
	bare    bool
	version uint64          // of the subscriptions; 0: nothing was matched yet
	all     []*Subscription // subscriptions that get every message
	newest  []*Subscription // subscriptions that conflate the topic
}

// match sets m to the subscriptions that select a message: by its topic, or, if it
// has none, the bare ones.
func (h *Hub) match(p *wire.Publication, m *match) {
	topic := matched(p)
	if m.version == h.version.Load() && m.bare == p.Bare() && bytes.Equal(m.topic, topic) {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.findMatch(topic, p.Bare(), m)
}

// matched returns the bytes to which subscriptions of prefixes apply.
func matched(p *wire.Publication) []byte {
	if p.Bare() {
		return p.Body
	}
	return p.Topic
}

// matchRetained is match for a message of a retained topic, which it keeps for
// later subscriptions: they get it from the cache, and the subscriptions in m from
// the connection.
func (h *Hub) matchRetained(p *wire.Publication, header wire.PublicationHeader, m *match) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.findMatch(p.Topic, false, m)
	if h.tree.Matches(p.Topic) {
		h.values.put(p, header)
	}
}

// findMatch sets m to the subscriptions that select a topic; h.mu is held.
func (h *Hub) findMatch(topic []byte, bare bool, m *match) {
	m.topic, m.bare, m.version, m.all, m.newest = topic, bare, h.version.Load(), m.all[:0], m.newest[:0]
	h.tree.Match(topic, func(s *Subscription) {
		if s.bare != bare {
			return
		}
		switch taken, conflated := s.match(topic); {
		case !taken:
		case conflated:
			m.newest = append(m.newest, s)
		default:
			m.all = append(m.all, s)
		}
	})
}
