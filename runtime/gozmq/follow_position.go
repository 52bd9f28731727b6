package gozmq

// A standing is where a message stands to a state.
type standing uint8

const (
	placeKnown standing = iota // the state has it
	placeNext                  // it is the next change of its topic
	placeGap                   // a change before it is missing, or its publisher is unknown
)

// A statePosition is which messages a state has: those up to the positions of
// its snapshot, and those that came since.
type statePosition struct {
	maxTopics int
	snapshot  map[uint64]uint64       // publisher → position
	last      map[trackedTopic]uint64 // position of the last message since
	seen      map[uint64]uint64       // publisher → the highest position seen
	gone      map[uint64]bool         // publishers whose messages are of no interest
}

func newStatePosition(maxTopics int) *statePosition {
	return &statePosition{
		maxTopics: maxTopics,
		last:      make(map[trackedTopic]uint64), seen: make(map[uint64]uint64), gone: make(map[uint64]bool),
	}
}

// place says where a message stands, and takes it into the state if it is the
// next. A topic's first message since the snapshot follows on it when the
// message before it is not later than the snapshot.
func (s *statePosition) place(topic []byte, h *publicationHeader) standing {
	snapshot, known := s.snapshot[h.publisher]
	if s.gone[h.publisher] {
		return placeKnown
	}
	if len(s.seen) < maxOrigins {
		s.seen[h.publisher] = max(s.seen[h.publisher], h.position)
	}
	key := trackedTopic{h.publisher, string(topic)}
	have := max(snapshot, s.last[key])
	switch {
	case !known:
		return placeGap
	case h.position <= have:
		return placeKnown
	case h.previous > have || len(s.last) >= s.maxTopics && s.last[key] == 0:
		return placeGap // too many topics: the next snapshot says it all
	}
	s.last[key] = h.position
	return placeNext
}

// reset begins anew with a snapshot; false if that is older than what was seen
// of a publisher that it knows. Publishers that the last snapshot knew and this
// one does not are gone.
func (s *statePosition) reset(positions map[uint64]uint64) bool {
	for publisher, position := range positions {
		if position < s.seen[publisher] {
			return false
		}
	}
	for publisher := range s.snapshot {
		if _, stays := positions[publisher]; !stays {
			s.ignore(publisher)
		}
	}
	for publisher := range positions {
		delete(s.gone, publisher)
	}
	s.snapshot = positions
	clear(s.last)
	return true
}

// ignore drops what a publisher says until a snapshot knows it.
func (s *statePosition) ignore(publisher uint64) {
	if len(s.gone) >= maxOrigins {
		clear(s.gone)
	}
	s.gone[publisher] = true
	delete(s.seen, publisher)
}
