package subscription

import (
	"bytes"

	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// A Conn is a connection that messages are received from.
type Conn interface {
	publisherConn
	Waiter
	// Tagged returns what Publication.From is to be for messages from it.
	Tagged() any
	// Malformed reports a message that is dropped.
	Malformed(format string, args ...any)
}

// A Batch is a run of messages, each a list of frames that is valid until the
// next call of Message.
type Batch interface {
	Len() int
	Message(i int) [][]byte
}

// Receive gives each message to every subscription that takes it. It waits
// while one of their queues is full and blocks. It keeps nothing of the batch.
func (h *Hub) Receive(c Conn, b Batch) {
	d := delivery{hub: h, conn: c, batch: b, tag: c.Tagged()}
	d.run(c)
}

// TryReceive is Receive up to where that would have to wait. It returns what
// is left to be done, which may wait, nil if nothing is. The batch must stay
// valid until that is done.
func (h *Hub) TryReceive(c Conn, b Batch) (rest func()) {
	d := delivery{hub: h, conn: c, batch: b, tag: c.Tagged()}
	if d.run(nil) {
		return nil
	}
	left := d
	return func() { left.run(c) }
}

// A delivery is a batch on its way to the subscriptions.
type delivery struct {
	hub   *Hub
	conn  Conn
	batch Batch
	tag   any // of the connection
	next  int // the message behind p

	p    wire.Publication
	left []*Subscription // that have not got p yet, and do not conflate its topic
	last match
	from origin
}

// run goes on with the delivery, and waits at full queues. It returns false
// where it would have to and wait is nil.
func (d *delivery) run(wait Waiter) (done bool) {
	defer d.from.end()
	for {
		for len(d.left) > 0 {
			full := d.left[0].queue.tryPut(&d.p)
			switch {
			case full == nil:
				d.left = d.left[1:]
			case wait == nil:
				return false
			case !wait.WaitPaused(full, d.hub.done):
				return true // closed
			}
		}
		if d.next == d.batch.Len() {
			return true
		}
		d.begin()
	}
}

// begin parses the next message and finds those who take it.
func (d *delivery) begin() {
	frames := d.batch.Message(d.next)
	d.next++
	var err error
	if d.p, err = wire.ParsePublication(frames); err != nil {
		d.conn.Malformed("%w", err)
		return
	}
	p, h := &d.p, d.hub
	p.From = d.tag
	var header wire.PublicationHeader
	numbered := p.Header != nil && header.Parse(p.Header) && header.Numbered()
	if numbered {
		d.from.check(h, d.conn, p, &header)
	}
	if numbered && header.Retained {
		h.matchRetained(p, header, &d.last)
	} else {
		h.match(p, &d.last)
	}
	if p.Bare() && len(d.last.all) == 0 {
		d.conn.Malformed("%w", wire.ErrPublicationTopic)
	}
	for _, s := range d.last.newest {
		s.queue.putNewest(p)
	}
	d.left = d.last.all
}

// An origin follows from which publishers the messages of a batch came.
type origin struct {
	publisher uint64 // the id of the last one
	source    *source
	high      uint64 // of its positions
	memory    []byte
}

// check takes note of a message, and gives it the publisher that it is taken for.
func (o *origin) check(hub *Hub, c Conn, p *wire.Publication, h *wire.PublicationHeader) {
	if h.Publisher != o.publisher {
		o.end()
		o.publisher, o.high, o.source = h.Publisher, 0, hub.conns.record(h.Publisher, c)
	}
	if h.Position <= o.source.before && !h.Replayed {
		o.high, o.source = 0, hub.conns.renew(o.publisher, o.source)
	}
	o.high = max(o.high, h.Position)
	if h.Publisher != o.source.as {
		h.Publisher = o.source.as
		o.memory = h.Append(o.memory[:0])
		p.Header = o.memory
	}
}

// end keeps the positions of the last publisher.
func (o *origin) end() {
	if s := o.source; s != nil && o.high > s.high.Load() {
		s.high.Store(o.high)
	}
}

// TooLarge tells the subscriptions that take a message which was passed over;
// frames are those before the one that exceeds the limit. It waits as Receive
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

// A match has the subscriptions that take a topic. It can be used for later
// messages of the same topic.
type match struct {
	topic   []byte
	bare    bool
	version uint64          // of the subscriptions; 0: nothing was matched yet
	all     []*Subscription // that get every message
	newest  []*Subscription // that conflate the topic
}

// match makes m the subscriptions that take a message: those to its topic, or,
// if it has none, the bare ones.
func (h *Hub) match(p *wire.Publication, m *match) {
	topic := matched(p)
	if m.version == h.version.Load() && m.bare == p.Bare() && bytes.Equal(m.topic, topic) {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.findMatch(topic, p.Bare(), m)
}

// matched returns the bytes that subscriptions to prefixes apply to.
func matched(p *wire.Publication) []byte {
	if p.Bare() {
		return p.Body
	}
	return p.Topic
}

// matchRetained is match for a message of a retained topic, which it keeps for
// later subscriptions: these get it from the cache, and those in m from the
// connection.
func (h *Hub) matchRetained(p *wire.Publication, header wire.PublicationHeader, m *match) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.findMatch(p.Topic, false, m)
	if h.tree.Matches(p.Topic) {
		h.values.put(p, header)
	}
}

// findMatch makes m the subscriptions that take a topic; h.mu is held.
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
