package gozmq

import (
	"errors"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/internal/testkit"
)

// TestFilterAddedAgain checks that a sequenced topic whose filter was away
// begins anew, behind what had come before, while others go on.
func TestFilterAddedAgain(t *testing.T) {
	tests := []struct {
		name    string
		options []SubscriptionOption
		reads   bool // what came before is read before the filter comes again
	}{
		{"read before", nil, true},
		{"waits", nil, false},
		{"drops the newest", []SubscriptionOption{WithOverflow(OverflowDropNewest)}, false},
		{"drops the oldest", []SubscriptionOption{WithOverflow(OverflowDropOldest)}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, _, sub := site{endpoint: "inproc://" + t.Name()}.feed(t, nil, nil)
			s := open(t, sub, stations("ams", "rtm"), tt.options...)
			ready(t, sub)
			publishSequenced(t, p, at("ams", "1"), at("rtm", "1"), at("ams", "2"))
			before := []*reading{at("ams", "1"), at("rtm", "1"), at("ams", "2")}
			testkit.Eventually(t, "what came before", func() bool { return engineOf(s).Queued() == len(before) })
			if tt.reads {
				wantReadings(t, s, before)
				before = nil
			}
			s.Remove(stations("ams")...)
			ready(t, sub)
			publishSequenced(t, p, at("ams", "3"), at("rtm", "2"), at("ams", "4"))
			s.Add(stations("ams")...)
			ready(t, sub)
			publishSequenced(t, p, at("ams", "5"), at("rtm", "3"))
			wantReadings(t, s, append(before, at("rtm", "2"), at("ams", "5"), at("rtm", "3")))
		})
	}
}

// wantReadings reads that many messages; an error between them is a failure.
func wantReadings(t *testing.T, s Subscription[*reading, stationFilter], want []*reading) {
	t.Helper()
	for _, w := range want {
		if got := first(t, s); !proto.Equal(got, w) {
			t.Fatalf("got %v, want %v", got, w)
		}
	}
}

// TestFilterAddedBesideAnother checks that a topic which another filter takes
// all the time goes on: what is missing in it is told.
func TestFilterAddedBesideAnother(t *testing.T) {
	p, _, sub := site{endpoint: "tcp://127.0.0.1:*"}.feed(t, nil, nil)
	s := open(t, sub, nil, WithReceiveQueue(2, 1<<20), WithOverflow(OverflowDropNewest))
	other := open(t, sub, nil)
	ready(t, sub)
	publishSequenced(t, p, at("ams", "1"))
	wantReadings(t, s, []*reading{at("ams", "1")})
	publishSequenced(t, p, at("ams", "2"), at("ams", "3"), at("ams", "4"))
	wantReadings(t, other, []*reading{at("ams", "1"), at("ams", "2"), at("ams", "3"), at("ams", "4")})
	testkit.Eventually(t, "the drop", func() bool { return s.Dropped() == 1 })
	s.Add(stations("ams")...)
	wantReadings(t, s, []*reading{at("ams", "2"), at("ams", "3")})
	publishSequenced(t, p, at("ams", "5"))
	var gap *GapError
	for m, err := range s.All(testkit.Within(t)) {
		if m != nil || !errors.As(err, &gap) || gap.Lost != 1 {
			t.Fatalf("got %v, %v, want a gap of 1", m, err)
		}
		break
	}
}

// TestRetainedFilterAddedAgain has the last value come first, without a gap and
// once, when another subscription has kept the topic.
func TestRetainedFilterAddedAgain(t *testing.T) {
	both := Topic[*reading]{Name: temperature.Name, Append: temperature.Append, Traits: Sequenced | Retained}
	p, _, sub := site{endpoint: "inproc://" + t.Name()}.feed(t, nil, nil)
	s, keeper := open(t, sub, stations("ams", "rtm")), open(t, sub, nil)
	ready(t, sub)
	publish := func(notes ...string) (list []*reading) {
		for _, note := range notes {
			list = append(list, at("ams", note))
			if err := Publish(testkit.Within(t), p, &both, list[len(list)-1]); err != nil {
				t.Fatal(err)
			}
		}
		wantReadings(t, keeper, list)
		return list
	}
	wantReadings(t, s, publish("1", "2"))
	s.Remove(stations("ams")...)
	missed := publish("3", "4")
	s.Add(stations("ams")...)
	wantReadings(t, s, missed[1:])
	wantReadings(t, s, publish("5"))
}
