package subscription

import (
	"encoding/binary"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/lru"
	"github.com/gozmq/gozmq/runtime/internal/prefix"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// A gapDetector follows the numbered messages of one iterator: it detects missed,
// duplicate and late messages. It is used by one goroutine at a time.
type gapDetector struct {
	lag   LagLimits
	conns *publisherConns
	queue *Queue // from which the messages are taken; nil: unknown

	topics     *lru.Cache[numbers]               // by topicKey
	byName     *prefix.Tree[*lru.Entry[numbers]] // nil before the first forget
	key        []byte                            // memory for a topicKey
	publishers map[uint64]bool                   // seen here, and not known to be gone
	late       bool                              // a Lag was reported, and all messages since were late
	ended      bool                              // a Lag has ended the iteration
}

// numbers are the position and sequence of a topic's last message.
type numbers struct{ position, sequence uint64 }

func newGapDetector(topics lru.Bounds, lag LagLimits, c *publisherConns) *gapDetector {
	return &gapDetector{lag: lag, conns: c, topics: lru.New[numbers](topics)}
}

// topicKey returns the key of a publisher's topic, valid until the next call.
func (d *gapDetector) topicKey(publisher uint64, topic []byte) []byte {
	d.key = appendTopicKey(d.key[:0], publisher, topic)
	return d.key
}

func appendTopicKey(b []byte, publisher uint64, topic []byte) []byte {
	return append(binary.BigEndian.AppendUint64(b, publisher), topic...)
}

// topicOf returns the topic of a topicKey.
func topicOf(key string) string { return key[8:] }

// check records a message. fresh is false for a duplicate; the caller must pass on
// notices before the message. A message without a number is always fresh.
func (d *gapDetector) check(p *wire.Publication) (fresh bool, notices []Notice) {
	var h wire.PublicationHeader
	if p.Header == nil || !h.Parse(p.Header) || !h.Numbered() {
		return true, nil
	}
	if e := d.topics.Get(d.topicKey(h.Publisher, p.Topic)); e == nil {
		notices = d.begin(p.Topic, &h)
	} else {
		last := &e.Value
		if h.Position <= last.position {
			return false, nil
		}
		if h.Sequence > last.sequence+1 && last.sequence > 0 {
			notices = append(notices, Gap{Topic: string(p.Topic), Lost: h.Sequence - last.sequence - 1})
		}
		last.position, last.sequence = h.Position, h.Sequence
		d.topics.Touch(e)
		if d.queue != nil {
			d.queue.forgetDropped(d.key)
		}
	}
	if lag, late := d.checkLag(p.Topic, &h); late {
		notices = append(notices, lag)
	}
	return true, notices
}

// begin records the first message of a topic. It returns notices of the publishers
// that the message's publisher replaces, and of the topic's earlier messages that
// the queue has dropped.
func (d *gapDetector) begin(topic []byte, h *wire.PublicationHeader) (notices []Notice) {
	for old := range d.publishers {
		if old == h.Publisher || h.Sequence == 0 {
			continue
		}
		same := d.topics.Get(d.topicKey(old, topic)) != nil
		if d.conns.succeeded(old, h.Publisher, same) {
			delete(d.publishers, old)
			notices = append(notices, Restart{Topic: string(topic), Old: old, New: h.Publisher})
		}
	}
	if d.publishers == nil {
		d.publishers = make(map[uint64]bool)
	}
	if len(d.publishers) < maxPublishers {
		d.publishers[h.Publisher] = true
	}
	key := d.topicKey(h.Publisher, topic)
	if d.queue != nil && h.Sequence > 0 {
		if lost := d.queue.missedBefore(key, h.Sequence); lost > 0 {
			notices = append(notices, Gap{Topic: string(topic), Lost: lost})
		}
	}
	e := d.topics.Add(string(key), numbers{h.Position, h.Sequence}, lru.Overhead+len(topic))
	if d.byName != nil {
		d.byName.Add(topic, e)
	}
	d.topics.Evict(d.unname)
	return notices
}

// forget removes the topics under text for which gone returns true, so that they
// begin again.
func (d *gapDetector) forget(text []byte, gone func(topic []byte) bool) {
	if d.byName == nil {
		d.byName = new(prefix.Tree[*lru.Entry[numbers]])
		for e := range d.topics.All() {
			d.byName.Add([]byte(topicOf(e.Key)), e)
		}
	}
	var list []*lru.Entry[numbers]
	for e := range d.byName.Under(text) {
		if gone([]byte(topicOf(e.Key))) {
			list = append(list, e)
		}
	}
	for _, e := range list {
		d.topics.Remove(e)
		d.unname(e)
	}
}

// unname removes a topic from byName.
func (d *gapDetector) unname(e *lru.Entry[numbers]) {
	if d.byName != nil {
		d.byName.Remove([]byte(topicOf(e.Key)), e)
	}
}

// checkLag returns the Lag to report for a message; late is false if there is none.
// It may end the iteration.
func (d *gapDetector) checkLag(topic []byte, h *wire.PublicationHeader) (lag Lag, late bool) {
	if d.lag == (LagLimits{}) || h.TimeUs == 0 || h.Replayed {
		return lag, false
	}
	age := time.Since(h.Time())
	switch {
	case d.lag.End > 0 && age > d.lag.End:
		d.ended = true
		return Lag{string(topic), age, d.lag.End, true}, true
	case d.lag.Report > 0 && age > d.lag.Report:
		again := d.late
		d.late = true
		return Lag{string(topic), age, d.lag.Report, false}, !again
	default:
		d.late = false
		return lag, false
	}
}
