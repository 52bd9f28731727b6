package subscription

import (
	"sync/atomic"

	"github.com/gozmq/gozmq/runtime/internal/lru"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// firstDrops holds, for each sequenced topic, the first message that a queue has
// dropped since the last one was taken from it, so that messages dropped before the
// first one taken count as missed, too. The queue's lock guards it.
type firstDrops struct {
	topics *lru.Cache[uint64] // sequences, by topicKey
	key    []byte
	any    atomic.Bool // topics is not empty
}

func newFirstDrops(b lru.Bounds) firstDrops { return firstDrops{topics: lru.New[uint64](b)} }

// note records a dropped entry.
func (f *firstDrops) note(p *wire.Publication, kind entryKind) {
	var h wire.PublicationHeader
	if kind != messageEntry || p.Header == nil || !h.Parse(p.Header) || !h.Numbered() || h.Sequence == 0 {
		return
	}
	f.key = appendTopicKey(f.key[:0], h.Publisher, p.Topic)
	if f.topics.Get(f.key) != nil {
		return
	}
	f.topics.Add(string(f.key), h.Sequence, lru.Overhead+len(f.key))
	f.topics.Evict(func(*lru.Entry[uint64]) {})
	f.any.Store(true)
}

// missedBefore returns how many messages of a topic, given by its key, the queue
// has dropped before the message with that sequence, the first one that is taken.
func (q *Queue) missedBefore(key []byte, sequence uint64) uint64 {
	if !q.missed.any.Load() {
		return 0
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	e := q.missed.topics.Get(key)
	if e == nil || e.Value >= sequence {
		return 0
	}
	q.missed.remove(e)
	return sequence - e.Value
}

// forgetDropped forgets the dropped messages of a topic, because a message of it is
// taken.
func (q *Queue) forgetDropped(key []byte) {
	if !q.missed.any.Load() {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if e := q.missed.topics.Get(key); e != nil {
		q.missed.remove(e)
	}
}

// forgetDroppedOf forgets the dropped messages of the topics for which gone returns
// true.
func (q *Queue) forgetDroppedOf(gone func(topic []byte) bool) {
	if !q.missed.any.Load() {
		return
	}
	q.mu.Lock()
	var keys []string
	for e := range q.missed.topics.All() {
		keys = append(keys, e.Key)
	}
	q.mu.Unlock()
	for _, key := range keys { // without the lock: gone takes the Hub's, which comes before it
		if gone([]byte(topicOf(key))) {
			q.forgetDropped([]byte(key))
		}
	}
}

func (f *firstDrops) remove(e *lru.Entry[uint64]) {
	f.topics.Remove(e)
	f.any.Store(f.topics.Len() > 0)
}
