package gozmq

import (
	"crypto/rand"
	"encoding/binary"
	"slices"

	"github.com/gozmq/gozmq/runtime/internal/topic"
)

// A resumption is a filter that was added to a subscription which runs: what was
// published of its topics while nobody here took them is not missing.
type resumption struct {
	pattern topic.Pattern
	others  []topic.Pattern // whose topics were taken all the time
}

// begins reports whether a topic begins anew.
func (r *resumption) begins(name string) bool {
	t := []byte(name)
	return r.pattern.Matches(t) && !slices.ContainsFunc(r.others, func(p topic.Pattern) bool { return p.Matches(t) })
}

// resumptions are those that the iterator of a subscription has yet to come to.
// A mark among the messages says where each of them belongs. Subscriber.mu
// guards them, but for the key.
type resumptions struct {
	key  [16]byte // what a mark begins with: no publisher knows it
	last uint64
	list map[uint64]resumption
}

func newResumptions() *resumptions {
	r := &resumptions{list: make(map[uint64]resumption)}
	_, _ = rand.Read(r.key[:]) // never fails
	return r
}

// add returns the mark of a new resumption.
func (r *resumptions) add(p topic.Pattern, others []topic.Pattern) *arrival {
	r.last++
	r.list[r.last] = resumption{p, slices.Clone(others)}
	return &arrival{body: binary.BigEndian.AppendUint64(r.key[:], r.last)}
}

// marks reports whether a is a mark. Nothing else is like one.
func (r *resumptions) marks(a *arrival) bool {
	return len(a.topic) == 0 && a.header == nil && len(a.body) == len(r.key)+8 && string(a.body[:len(r.key)]) == string(r.key[:])
}

// take returns the resumption that a mark stands for.
func (r *resumptions) take(mark *arrival) (resumption, bool) {
	n := binary.BigEndian.Uint64(mark.body[len(r.key):])
	found, ok := r.list[n]
	delete(r.list, n)
	return found, ok
}

// begin puts into the inbox what goes before the messages that come because p is
// added: a mark, and the last values of its topics. These come before everything
// that waits, and then the mark does; it does as well where what waits may be
// dropped. subscriber.mu is held.
func (s *subscription) begin(p topic.Pattern) {
	values := s.subscriber.values.of(s, p)
	front := new(slab)
	if s.running && !p.LatestOnly {
		mark := s.resumptions.add(p, s.patterns)
		if len(values) > 0 || s.inbox.overflow == DropOldest {
			front.push(mark)
		} else {
			s.inbox.putAnyway(mark)
		}
	}
	for _, v := range values {
		front.push(&arrival{topic: []byte(v.topic), body: v.body, header: v.header})
	}
	if front.len() > 0 {
		s.inbox.putFirst(front)
	}
}

// resume has the tracker forget what a mark says.
func (s *subscription) resume(mark *arrival) {
	s.subscriber.mu.Lock()
	r, ok := s.resumptions.take(mark)
	s.subscriber.mu.Unlock()
	if ok {
		s.track.forgetTopics(r.begins)
	}
}
