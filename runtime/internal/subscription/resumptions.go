package subscription

import (
	"slices"
	"sync"
)

// A resumption is a filter that was added to a running subscription: messages
// of its topics that were published while the subscription did not take them
// are not missing.
type resumption struct {
	pattern Pattern
	others  []Pattern // whose topics were taken all the time
}

// begins reports whether a topic begins anew.
func (r *resumption) begins(topic []byte) bool {
	return r.pattern.Matches(topic) && !slices.ContainsFunc(r.others, func(p Pattern) bool { return p.Matches(topic) })
}

// resumptions are those of a subscription that its iterator has not come to. A
// resumeEntry in the queue says where each of them belongs. The methods may be
// called from any goroutine.
type resumptions struct {
	mu   sync.Mutex
	last uint64
	list map[uint64]resumption
}

// add returns the item that stands for a new resumption.
func (r *resumptions) add(p Pattern, others []Pattern) *item {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.list == nil {
		r.list = make(map[uint64]resumption)
	}
	r.last++
	r.list[r.last] = resumption{p, slices.Clone(others)}
	return resumeItem(r.last)
}

// take removes and returns the resumption that an item stands for; false if
// there is none any longer.
func (r *resumptions) take(it *item) (resumption, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := it.resumption()
	found, ok := r.list[n]
	delete(r.list, n)
	return found, ok
}
