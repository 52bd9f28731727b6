package subscription

import "github.com/gozmq/gozmq/runtime/internal/wire"

// A standing is the relation of a message to a state.
type standing uint8

const (
	standingApplied standing = iota // the state includes it
	standingNext                    // it is the next change of its topic
	standingGap                     // a change before it is missing, or its publisher is unknown
)

// A statePosition tracks which messages a state includes: the messages up to its
// snapshot's positions, and the later ones that were applied.
type statePosition struct {
	maxTopics int
	snapshot  map[uint64]uint64         // publisher → position
	last      map[publisherTopic]uint64 // position of the last message since the snapshot
	seen      map[uint64]uint64         // publisher → the highest position seen
	ignored   map[uint64]bool           // publishers whose messages are dropped
}

// A publisherTopic is a topic of one publisher.
type publisherTopic struct {
	publisher uint64
	topic     string
}

func newStatePosition(maxTopics int) *statePosition {
	return &statePosition{
		maxTopics: maxTopics,
		last:      make(map[publisherTopic]uint64), seen: make(map[uint64]uint64), ignored: make(map[uint64]bool),
	}
}

// check returns the standing of a message, and records it as applied if it is the
// next. A topic's first message since the snapshot is the next one if its previous
// position is not above the snapshot's.
func (s *statePosition) check(topic []byte, h *wire.PublicationHeader) standing {
	snapshot, known := s.snapshot[h.Publisher]
	if s.ignored[h.Publisher] {
		return standingApplied
	}
	if len(s.seen) < maxPublishers {
		s.seen[h.Publisher] = max(s.seen[h.Publisher], h.Position)
	}
	key := publisherTopic{h.Publisher, string(topic)}
	have := max(snapshot, s.last[key])
	switch {
	case !known:
		return standingGap
	case h.Position <= have:
		return standingApplied
	case h.Previous > have || len(s.last) >= s.maxTopics && s.last[key] == 0:
		return standingGap // too many topics: the next snapshot includes them all
	}
	s.last[key] = h.Position
	return standingNext
}

// reset starts again from a snapshot. It returns false if the snapshot is older
// than received messages of a publisher that it has. Publishers that only the last
// snapshot had are ignored.
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
		delete(s.ignored, publisher)
	}
	s.snapshot = positions
	clear(s.last)
	return true
}

// ignore drops a publisher's messages until a snapshot has the publisher.
func (s *statePosition) ignore(publisher uint64) {
	if len(s.ignored) >= maxPublishers {
		clear(s.ignored)
	}
	s.ignored[publisher] = true
	delete(s.seen, publisher)
}
