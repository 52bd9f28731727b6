package subscription

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/gozmq/gozmq/runtime/internal/lru"
	"github.com/gozmq/gozmq/runtime/internal/prefix"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// A lastValueCache holds the last message of each retained topic that a Hub has
// received, as long as one of its subscriptions covers the topic. A publisher sends
// last messages only for the first such subscription; the others get them from
// here. The Hub's lock guards it.
type lastValueCache struct {
	evicted func(topic string)
	topics  *lru.Cache[lastValue]
	tree    prefix.Tree[*lru.Entry[lastValue]]
	count   uint64 // the number of messages put
}

// A lastValue is the last message of a topic, in the form that new subscriptions
// get.
type lastValue struct {
	publisher    uint64
	position     uint64
	came         uint64 // the value of count at that time
	from         any    // Publication.From
	body, header []byte
}

func newLastValueCache(b lru.Bounds, evicted func(topic string)) lastValueCache {
	return lastValueCache{evicted: evicted, topics: lru.New[lastValue](b)}
}

// put copies in a message of a retained topic, unless the cache has a newer one.
func (l *lastValueCache) put(p *wire.Publication, h wire.PublicationHeader) {
	e := l.topics.Get(p.Topic)
	switch {
	case e == nil:
		e = l.topics.Add(string(p.Topic), lastValue{}, 0)
		l.tree.Add(p.Topic, e)
	case e.Value.publisher == h.Publisher && e.Value.position >= h.Position:
		return
	default:
		l.topics.Touch(e)
	}
	l.count++
	h.Replayed = true
	e.Value = lastValue{h.Publisher, h.Position, l.count, p.From, bytes.Clone(p.Body), h.Append(nil)}
	l.topics.Resize(e, lru.Overhead+len(e.Key)+cap(e.Value.body)+cap(e.Value.header))
	l.topics.Evict(func(old *lru.Entry[lastValue]) {
		l.tree.Remove([]byte(old.Key), old)
		l.evicted(old.Key)
	})
}

// drop drops the value of a topic, if there is one, because a newer one was lost.
func (l *lastValueCache) drop(topic []byte) {
	if e := l.topics.Get(topic); e != nil {
		l.topics.Remove(e)
		l.tree.Remove(topic, e)
	}
}

// release drops the topics under a prefix that are no longer covered.
func (l *lastValueCache) release(prefix []byte, covered func(topic []byte) bool) {
	if covered(prefix) {
		return // so is every topic under it
	}
	var gone []*lru.Entry[lastValue]
	for e := range l.tree.Under(prefix) {
		if !covered([]byte(e.Key)) {
			gone = append(gone, e)
		}
	}
	for _, e := range gone {
		l.topics.Remove(e)
		l.tree.Remove([]byte(e.Key), e)
	}
}

// under appends to list the values of the topics under a prefix that are wanted.
func (l *lastValueCache) under(prefix []byte, wanted func(topic []byte) bool, list []*lru.Entry[lastValue]) []*lru.Entry[lastValue] {
	for e := range l.tree.Under(prefix) {
		if wanted([]byte(e.Key)) {
			list = append(list, e)
		}
	}
	return list
}

// appendValues appends values to b, oldest first.
func appendValues(b *buffer, list []*lru.Entry[lastValue]) {
	slices.SortFunc(list, func(x, y *lru.Entry[lastValue]) int { return cmp.Compare(x.Value.came, y.Value.came) })
	for _, e := range list {
		b.push(&wire.Publication{Topic: []byte(e.Key), Body: e.Value.body, Header: e.Value.header, From: e.Value.from})
	}
}
