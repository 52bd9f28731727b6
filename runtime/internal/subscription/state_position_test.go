package subscription

import (
	"testing"

	"github.com/gozmq/gozmq/runtime/internal/wire"
)

func TestStatePosition(t *testing.T) {
	type step struct {
		topic                         string
		publisher, position, previous uint64
		want                          standing
	}
	tests := []struct {
		name     string
		snapshot map[uint64]uint64 // nil: none yet
		steps    []step
	}{
		{"without a snapshot", nil, []step{{"a", 1, 1, 0, standingGap}}},
		{"unknown publisher", map[uint64]uint64{2: 9}, []step{{"a", 1, 1, 0, standingGap}}},
		{"in the snapshot", map[uint64]uint64{1: 5}, []step{{"a", 1, 4, 3, standingApplied}, {"a", 1, 5, 4, standingApplied}}},
		{"first since the snapshot", map[uint64]uint64{1: 5}, []step{{"a", 1, 8, 5, standingNext}, {"b", 1, 9, 0, standingNext}}},
		{"missed the first", map[uint64]uint64{1: 5}, []step{{"a", 1, 8, 6, standingGap}}},
		{"in order", map[uint64]uint64{1: 5}, []step{{"a", 1, 6, 0, standingNext}, {"b", 1, 7, 0, standingNext}, {"a", 1, 8, 6, standingNext}, {"a", 1, 8, 6, standingApplied}}},
		{"missed one between", map[uint64]uint64{1: 5}, []step{{"a", 1, 6, 0, standingNext}, {"a", 1, 9, 7, standingGap}}},
		{"too many topics", map[uint64]uint64{1: 5}, []step{{"a", 1, 6, 0, standingNext}, {"b", 1, 7, 0, standingNext}, {"c", 1, 8, 0, standingGap}, {"a", 1, 9, 6, standingNext}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newStatePosition(2)
			if tt.snapshot != nil && !s.reset(tt.snapshot) {
				t.Fatal("the first snapshot was refused")
			}
			for i, step := range tt.steps {
				h := wire.PublicationHeader{Publisher: step.publisher, Position: step.position, Previous: step.previous}
				if got := s.check([]byte(step.topic), &h); got != step.want {
					t.Errorf("step %d: got %v, want %v", i, got, step.want)
				}
			}
		})
	}
}

// A snapshot that is older than what was seen is refused; a publisher that the
// next one no longer knows is ignored until one knows it again.
func TestStatePositionReset(t *testing.T) {
	s := newStatePosition(10)
	check := func(publisher, position uint64, want standing) {
		t.Helper()
		if got := s.check([]byte("a"), &wire.PublicationHeader{Publisher: publisher, Position: position}); got != want {
			t.Errorf("position %d of %d is %v, want %v", position, publisher, got, want)
		}
	}
	check(1, 7, standingGap)
	if s.reset(map[uint64]uint64{1: 6}) {
		t.Error("a snapshot that is too old was taken")
	}
	if !s.reset(map[uint64]uint64{1: 7, 2: 3}) {
		t.Error("a snapshot was refused")
	}
	check(1, 8, standingNext)
	if !s.reset(map[uint64]uint64{1: 8}) {
		t.Error("a snapshot without a publisher was refused")
	}
	check(2, 4, standingApplied) // gone
	if !s.reset(map[uint64]uint64{1: 8, 2: 4}) {
		t.Error("a snapshot with a publisher that came back was refused")
	}
	check(2, 5, standingNext)
	s.ignore(1)
	check(1, 9, standingApplied)
	for id := range uint64(3 * maxPublishers) {
		s.check(nil, &wire.PublicationHeader{Publisher: id + 10, Position: 1})
		s.ignore(id + 10)
	}
	if len(s.seen) > maxPublishers || len(s.ignored) > maxPublishers {
		t.Errorf("%d publishers are seen, %d ignored, at most %d may be", len(s.seen), len(s.ignored), maxPublishers)
	}
}
