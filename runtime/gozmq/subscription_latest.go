package gozmq

import (
	"container/list"
	"sync/atomic"
)

// A newest has the newest message of each topic that waits for an iterator, in
// the order in which the topics began to wait. It is used under the lock of its
// inbox.
type newest struct {
	limits     topicMemory
	superseded *atomic.Uint64 // counts messages that a newer one replaced

	topics map[string]*list.Element
	order  list.List // of *arrival
	bytes  int
	turn   bool // what waits here comes before the rest of the inbox
}

func (n *newest) len() int { return len(n.topics) }

func newestSize(a *arrival) int { return trackedOverhead + a.size() }

// put has a wait, in the place of an older one of its topic if there is one. It
// returns how many messages it added, and how many it gave up: those that
// waited longest, where there are more topics than limits allow.
func (n *newest) put(a *arrival) (added, dropped int) {
	c := a.clone()
	if e := n.topics[string(a.topic)]; e != nil {
		n.superseded.Add(1)
		n.bytes += newestSize(&c) - newestSize(e.Value.(*arrival))
		e.Value = &c
		return 0, 0
	}
	if n.topics == nil {
		n.topics = make(map[string]*list.Element)
	}
	n.topics[string(c.topic)] = n.order.PushBack(&c)
	n.bytes += newestSize(&c)
	for len(n.topics) > 1 && (len(n.topics) > n.limits.topics || n.bytes > n.limits.bytes) {
		n.pop()
		dropped++
	}
	return 1, dropped
}

// pop takes the message of the topic that has waited longest.
func (n *newest) pop() *arrival {
	a := n.order.Remove(n.order.Front()).(*arrival)
	delete(n.topics, string(a.topic))
	n.bytes -= newestSize(a)
	return a
}

// putNewest is put for a topic of which only the newest message counts: it
// replaces what waits of the topic, and never waits itself.
func (b *inbox) putNewest(a *arrival) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return
	}
	added, dropped := b.newest.put(a)
	b.total += uint64(added)
	for range dropped {
		b.drop()
	}
	b.signal()
}

// moveNewest moves one message to a slab, if it is its turn; b.mu is held.
func (b *inbox) moveNewest(to *slab) bool {
	n := &b.newest
	n.turn = !n.turn
	if n.len() == 0 || n.turn && b.in.len() > 0 {
		return false
	}
	to.push(n.pop())
	if n.len()+b.in.len() > 0 {
		b.signal()
	}
	return true
}

// putFirst has what is in s come before everything that waits. The inbox owns
// it then.
func (b *inbox) putFirst(s *slab) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.total += uint64(s.len())
	b.front = append(b.front, s)
	b.signal()
}
