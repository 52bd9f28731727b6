package subscription

import (
	"github.com/gozmq/gozmq/runtime/internal/lru"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// conflation holds the newest message of each conflated topic, in the order in
// which the topics began to wait. The lock of its queue guards it.
type conflation struct {
	topics   *lru.Cache[wire.Publication]
	counters *counters
	turn     bool // the next message to take is one of these
}

func newConflation(b lru.Bounds, c *counters) conflation {
	return conflation{topics: lru.New[wire.Publication](b), counters: c}
}

func (c *conflation) len() int { return c.topics.Len() }

// put copies a message in, and replaces an older one of its topic. It returns how
// many messages it added, and how many it dropped because there are more topics
// than the bounds allow. It drops the messages that have waited longest.
func (c *conflation) put(p *wire.Publication) (added, dropped int) {
	own := p.Clone()
	size := lru.Overhead + own.Size()
	if e := c.topics.Get(own.Topic); e != nil {
		c.counters.superseded.Add(1)
		e.Value = own
		c.topics.Resize(e, size)
		return 0, 0
	}
	c.topics.Add(string(own.Topic), own, size)
	c.topics.Evict(func(*lru.Entry[wire.Publication]) { dropped++ })
	return 1, dropped
}

// pop removes the message of the topic that has waited longest; there must be one.
func (c *conflation) pop() *wire.Publication {
	e := c.topics.Oldest()
	c.topics.Remove(e)
	return &e.Value
}
