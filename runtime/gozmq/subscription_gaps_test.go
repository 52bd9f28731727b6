package gozmq

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

// A fakeOrigin stands for a connection.
type fakeOrigin struct {
	endpoint string
	err      error
}

func (o *fakeOrigin) Endpoint() string { return o.endpoint }
func (o *fakeOrigin) Err() error       { return o.err }

// numbered is an arrival with a header.
func numbered(topic string, h publicationHeader) *arrival {
	return &arrival{topic: []byte(topic), header: h.append(nil)}
}

// told describes what a tracker says of a message.
func told(fresh bool, errs []error) string {
	text := "old"
	if fresh {
		text = "new"
	}
	for _, err := range errs {
		var gap *GapError
		var restarted *PublisherRestartedError
		var lag *LagError
		switch {
		case errors.As(err, &gap):
			text += fmt.Sprintf(", %d of %s lost", gap.Lost, gap.Topic)
		case errors.As(err, &restarted):
			text += fmt.Sprintf(", %d after %d", restarted.New, restarted.Old)
		case errors.As(err, &lag):
			text += fmt.Sprintf(", late by more than %v", lag.Limit)
		default:
			text += ", " + err.Error()
		}
	}
	return text
}

func newTestTracker(topics int, lag lagLimits) *tracker {
	return newTracker(topicMemory{topics, 1 << 20}, lag, new(origins))
}

func TestTrackerGaps(t *testing.T) {
	tr := newTestTracker(2, lagLimits{})
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
		fresh, errs := tr.check(numbered(step.topic, publicationHeader{publisher: step.publisher, position: step.position, sequence: step.counted}))
		if got := told(fresh, errs); got != step.want {
			t.Errorf("step %d: got %q, want %q", i, got, step.want)
		}
	}
	if len(tr.topics) != 2 || tr.recent.Len() != 2 || tr.bytes != 2*(trackedOverhead+1) {
		t.Errorf("%d topics, %d in order, %d bytes are remembered", len(tr.topics), tr.recent.Len(), tr.bytes)
	}
}

// TestTrackerWithoutNumbers passes on what does not say where it stands.
func TestTrackerWithoutNumbers(t *testing.T) {
	tr := newTestTracker(2, lagLimits{report: time.Nanosecond, end: time.Nanosecond})
	for _, header := range []string{"", "not a header", "\x10\x01", "\x09\x01\x00\x00\x00\x00\x00\x00\x00"} {
		for range 2 {
			if fresh, errs := tr.check(&arrival{topic: []byte("a"), header: []byte(header)}); !fresh || errs != nil {
				t.Errorf("header %q: %s", header, told(fresh, errs))
			}
		}
	}
	if fresh, errs := tr.check(&arrival{topic: []byte("a")}); !fresh || errs != nil || tr.topics != nil {
		t.Errorf("no header: %s", told(fresh, errs))
	}
}

func TestTrackerRestarts(t *testing.T) {
	gone := errors.New("gone")
	x1, x2, y := &fakeOrigin{endpoint: "x"}, &fakeOrigin{endpoint: "x"}, &fakeOrigin{endpoint: "y"}
	type step struct {
		topic     string
		publisher uint64
		at        *fakeOrigin
		want      string
	}
	tests := []struct {
		name   string
		closed *fakeOrigin // before the last publisher is heard
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
			tr, position := newTestTracker(10, lagLimits{}), uint64(0)
			play := func(steps []step) {
				for _, s := range steps {
					position++
					tr.origins.heard(s.publisher, s.at)
					if got := told(tr.check(numbered(s.topic, publicationHeader{publisher: s.publisher, position: position, sequence: 1}))); got != s.want {
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

// TestOriginsBounded keeps no more publishers than it may, whatever peers say.
func TestOriginsBounded(t *testing.T) {
	var o origins
	open, closed := &fakeOrigin{endpoint: "x"}, &fakeOrigin{endpoint: "x", err: errors.New("gone")}
	for id := range uint64(3 * maxOrigins) {
		o.heard(2*id+1, open)
		o.heard(2*id+2, closed)
		if len(o.at) > maxOrigins {
			t.Fatalf("%d publishers are known, at most %d may be", len(o.at), maxOrigins)
		}
	}
	if o.at[6*maxOrigins] != closed {
		t.Error("the last one that was heard is not known")
	}
}

func TestTrackerLag(t *testing.T) {
	ago := func(d time.Duration) uint64 { return uint64(time.Now().Add(-d).UnixMicro()) }
	tr, position := newTestTracker(10, lagLimits{report: time.Minute, end: time.Hour}), uint64(0)
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
		if got := told(tr.check(numbered("a", publicationHeader{publisher: 1, position: position, sequence: position, timeUs: ago(step.ago)}))); got != step.want {
			t.Errorf("step %d: got %q, want %q", i, got, step.want)
		}
	}
	if !tr.ended {
		t.Error("the last message does not end the stream")
	}
}
