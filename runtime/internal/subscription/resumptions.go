package subscription

// resumptions are the patterns that were added to a running subscription and that
// its iterator has not reached. Messages of their topics that were published before
// they were added are not missing. A resumeEntry in the queue marks the place of
// each resumption. They are numbered from 1. The Hub's lock guards them.
type resumptions struct {
	last uint64
	list map[uint64]Pattern
}

// add returns the number of a new resumption.
func (r *resumptions) add(p Pattern) uint64 {
	if r.list == nil {
		r.list = make(map[uint64]Pattern)
	}
	r.last++
	r.list[r.last] = p
	return r.last
}

// pattern returns the pattern of a resumption, nil if it has ended.
func (r *resumptions) pattern(n uint64) Pattern { return r.list[n] }

// end ends a resumption. It reports whether none is left.
func (r *resumptions) end(n uint64) bool {
	delete(r.list, n)
	return len(r.list) == 0
}

// latest returns the number of the last resumption, 0 if none is left.
func (r *resumptions) latest() uint64 {
	if len(r.list) == 0 {
		return 0
	}
	return r.last
}
