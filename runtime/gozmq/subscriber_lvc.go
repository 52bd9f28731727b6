package gozmq

import (
	"cmp"
	"container/list"
	"slices"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/prefix"
	"github.com/gozmq/gozmq/runtime/internal/topic"
)

// lastValues are the last messages of retained topics that a subscriber has
// received, for as long as one of its subscriptions covers them. A publisher
// sends them for the first of these alone; the others are served from here. It
// is used under the subscriber's lock.
type lastValues struct {
	limits  topicMemory
	observe func(link.Event)

	topics map[string]*lastValue
	tree   prefix.Tree[*lastValue]
	recent list.List // of *lastValue; in front the one that came last
	bytes  int
	count  uint64 // of the messages that were taken
}

// A lastValue is the last message of a topic, as it is given to those who
// subscribe now.
type lastValue struct {
	topic        string
	publisher    uint64
	position     uint64
	came         uint64 // when, as a number
	body, header []byte
	at           *list.Element
}

func (v *lastValue) size() int {
	return trackedOverhead + len(v.topic) + cap(v.body) + cap(v.header)
}

// put takes a message of a retained topic, unless it is not the last.
func (l *lastValues) put(a *arrival, h publicationHeader) {
	v := l.topics[string(a.topic)]
	switch {
	case v == nil:
		if l.topics == nil {
			l.topics = make(map[string]*lastValue)
		}
		v = &lastValue{topic: string(a.topic)}
		v.at = l.recent.PushFront(v)
		l.topics[v.topic] = v
		l.tree.Add(a.topic, v)
	case v.publisher == h.publisher && v.position >= h.position:
		return
	default:
		l.bytes -= v.size()
		l.recent.MoveToFront(v.at)
	}
	l.count++
	v.publisher, v.position, v.came = h.publisher, h.position, l.count
	h.replayed = 1
	v.body, v.header = slices.Clone(a.body), h.append(nil)
	l.bytes += v.size()
	for len(l.topics) > 1 && (len(l.topics) > l.limits.topics || l.bytes > l.limits.bytes) {
		old := l.recent.Back().Value.(*lastValue)
		l.drop(old)
		if l.observe != nil {
			l.observe(link.Event{Kind: link.Forgotten, Topic: old.topic})
		}
	}
}

func (l *lastValues) drop(v *lastValue) {
	l.recent.Remove(v.at)
	delete(l.topics, v.topic)
	l.tree.Remove([]byte(v.topic), v)
	l.bytes -= v.size()
}

// release drops what is under a prefix and no longer covered.
func (l *lastValues) release(prefix []byte, covered func(topic []byte) bool) {
	var gone []*lastValue
	l.tree.Under(prefix, func(v *lastValue) {
		if !covered([]byte(v.topic)) {
			gone = append(gone, v)
		}
	})
	for _, v := range gone {
		l.drop(v)
	}
}

// of returns the values that a subscription is about to take with p, and does
// not take yet, oldest first.
func (l *lastValues) of(sub *subscription, p topic.Pattern) []*lastValue {
	var list []*lastValue
	l.tree.Under(p.Prefix(), func(v *lastValue) {
		if name := []byte(v.topic); p.Matches(name) && !sub.matches(name) {
			list = append(list, v)
		}
	})
	slices.SortFunc(list, func(a, b *lastValue) int { return cmp.Compare(a.came, b.came) })
	return list
}
