package subscription

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/lru"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// numbered is a publication with a header.
func numbered(topic string, h wire.PublicationHeader) *wire.Publication {
	return &wire.Publication{Topic: []byte(topic), Header: h.Append(nil)}
}

// described describes what a gap detector says of a message.
func described(fresh bool, notices []Notice) string {
	text := "old"
	if fresh {
		text = "new"
	}
	for _, n := range notices {
		switch n := n.(type) {
		case Gap:
			text += fmt.Sprintf(", %d of %s lost", n.Lost, n.Topic)
		case Restart:
			text += fmt.Sprintf(", %d after %d", n.New, n.Old)
		case Lag:
			text += fmt.Sprintf(", late by more than %v", n.Limit)
		}
	}
	return text
}

func newTestDetector(topics int, lag LagLimits) *gapDetector {
	return newGapDetector(lru.Bounds{Count: topics, Bytes: 1 << 20}, lag, new(publisherConns))
}

func TestGapDetectorGaps(t *testing.T) {
	d := newTestDetector(2, LagLimits{})
	for i, step := range []struct {
		topic                        string
		publisher, position, counted uint64
		want                         string
	}{
		{"a", 1, 10, 5, "new"}, // a late joiner misses nothing
		{"a", 1, 11, 6, "new"},
		{"a", 1, 11, 6, "old"}, // again
		{"a", 1, 10, 5, "old"},
		{"b", 1, 13, 1, "new"}, // another topic counts by itself
		{"a", 1, 20, 10, "new, 3 of a lost"},
		{"a", 2, 1, 1, "new"}, // another publisher, of whose place nothing is known
		{"a", 1, 21, 11, "new"},
		{"b", 1, 30, 9, "new"}, // b was forgotten: nothing to compare with
		{"a", 1, 40, 0, "new"}, // not sequenced any more
		{"a", 1, 41, 30, "new"},
		{"a", 1, 42, 32, "new, 1 of a lost"},
	} {
		fresh, notices := d.check(numbered(step.topic, wire.PublicationHeader{Publisher: step.publisher, Position: step.position, Sequence: step.counted}))
		if got := described(fresh, notices); got != step.want {
			t.Errorf("step %d: got %q, want %q", i, got, step.want)
		}
	}
	if d.topics.Len() != 2 || d.topics.Bytes() != 2*(lru.Overhead+1) {
		t.Errorf("%d topics, %d bytes are remembered", d.topics.Len(), d.topics.Bytes())
	}
}

// TestGapDetectorWithoutNumbers passes on what does not say where it stands.
func TestGapDetectorWithoutNumbers(t *testing.T) {
	d := newTestDetector(2, LagLimits{Report: time.Nanosecond, End: time.Nanosecond})
	for _, header := range []string{"", "not a header", "\x10\x01", "\x09\x01\x00\x00\x00\x00\x00\x00\x00"} {
		for range 2 {
			if fresh, notices := d.check(&wire.Publication{Topic: []byte("a"), Header: []byte(header)}); !fresh || notices != nil {
				t.Errorf("header %q: %s", header, described(fresh, notices))
			}
		}
	}
	if fresh, notices := d.check(&wire.Publication{Topic: []byte("a")}); !fresh || notices != nil || d.topics.Len() != 0 {
		t.Errorf("no header: %s", described(fresh, notices))
	}
}

func TestGapDetectorRestarts(t *testing.T) {
	gone := errors.New("gone")
	x1, x2, y := &fakeConn{endpoint: "x"}, &fakeConn{endpoint: "x"}, &fakeConn{endpoint: "y"}
	type step struct {
		topic     string
		publisher uint64
		at        *fakeConn
		want      string
	}
	tests := []struct {
		name   string
		closed *fakeConn // before the last publisher is heard
		before []step
		after  []step
	}{
		{"restarted", x1, []step{{"a", 1, x1, "new"}}, []step{{"b", 2, x2, "new, 2 after 1"}, {"a", 2, x2, "new"}}},
		{"another endpoint", x1, []step{{"a", 1, x1, "new"}}, []step{{"a", 2, y, "new"}}},
		{"both are there", nil, []step{{"a", 1, x1, "new"}}, []step{{"a", 2, x2, "new"}}},
		{"the same, connected again", x1, []step{{"a", 1, x1, "new"}}, []step{{"b", 1, x2, "new"}}},
		{"behind a proxy, another topic", nil, []step{{"a", 1, x1, "new"}}, []step{{"b", 2, x1, "new"}}},
		{"behind a proxy, the same topic", nil, []step{{"a", 1, x1, "new"}}, []step{{"a", 2, x1, "new, 2 after 1"}}},
		{"shared endpoint, another topic", x1, []step{{"a", 1, x1, "new"}, {"b", 3, x2, "new"}}, []step{{"c", 2, x2, "new"}}},
		{"shared endpoint, the same topic", x1, []step{{"a", 1, x1, "new"}, {"b", 3, x2, "new"}}, []step{{"a", 2, x2, "new, 2 after 1"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			x1.err, x2.err, y.err = nil, nil, nil
			d, position := newTestDetector(10, LagLimits{}), uint64(0)
			play := func(steps []step) {
				for _, s := range steps {
					position++
					d.conns.record(s.publisher, s.at)
					if got := described(d.check(numbered(s.topic, wire.PublicationHeader{Publisher: s.publisher, Position: position, Sequence: 1}))); got != s.want {
						t.Errorf("topic %s of %d: got %q, want %q", s.topic, s.publisher, got, s.want)
					}
				}
			}
			play(tt.before)
			if tt.closed != nil {
				tt.closed.err = gone
			}
			play(tt.after)
		})
	}
}

func TestGapDetectorLag(t *testing.T) {
	ago := func(d time.Duration) uint64 { return uint64(time.Now().Add(-d).UnixMicro()) }
	d, position := newTestDetector(10, LagLimits{Report: time.Minute, End: time.Hour}), uint64(0)
	for i, step := range []struct {
		ago  time.Duration
		want string
	}{
		{0, "new"},
		{2 * time.Minute, "new, late by more than 1m0s"},
		{3 * time.Minute, "new"}, // told already
		{0, "new"},
		{-time.Minute, "new"}, // a clock that is ahead
		{2 * time.Minute, "new, late by more than 1m0s"},
		{2 * time.Hour, "new, late by more than 1h0m0s"},
	} {
		position++
		if got := described(d.check(numbered("a", wire.PublicationHeader{Publisher: 1, Position: position, Sequence: position, TimeUs: ago(step.ago)}))); got != step.want {
			t.Errorf("step %d: got %q, want %q", i, got, step.want)
		}
	}
	if !d.ended {
		t.Error("the last message does not end the stream")
	}
}
