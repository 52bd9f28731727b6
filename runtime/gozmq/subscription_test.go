package gozmq

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/topic"
)

// Filters come and go while the subscription runs.
func TestSubscriptionAddRemove(t *testing.T) {
	everywhere(t, func(t *testing.T, s site) {
		p, _, sub := s.feed(t, nil, nil)
		one := open(t, sub, stations("a", "b", "a"))
		other := open(t, sub, stations("b", "end"))
		all := func(wanted string) {
			t.Helper()
			ready(t, sub)
			for _, station := range []string{"a", "b", "c", "end"} {
				publish(t, p, at(station, ""))
			}
			got := next(t, one, len(strings.Fields(wanted)))
			if got != wanted {
				t.Fatalf("got %q, want %q", got, wanted)
			}
			if got := next(t, other, 2); got != "b end" {
				t.Fatalf("another subscription got %q", got)
			}
		}
		all("a b")
		one.Add(stations("c", "b")...)
		all("a b c")
		one.Remove(stations("b", "z")...)
		all("a c")
		one.Remove(stations("a", "c")...)
		all("")
		one.Add(stationFilter{})
		all("a b c end")
		one.Add(stations("a")...)
		one.Remove(stationFilter{})
		all("a")
		one.Close()
		one.Close()
		one.Add(stations("b")...)
		one.Remove(stations("a")...)
		for m, err := range one.All(testkit.Within(t)) {
			t.Errorf("got %v, %v after Close", m, err)
		}
		other.Close()
		testkit.Eventually(t, "the end of all subscriptions", func() bool { return !p.pub.Subscribed() })
		if left := sub.hub.Usage(); left.Prefixes != 0 || left.Subscriptions != 0 {
			t.Errorf("%d prefixes of %d subscriptions are left", left.Prefixes, left.Subscriptions)
		}
	})
}

// next reads n messages and returns their stations.
func next(t testing.TB, s Subscription[*reading, stationFilter], n int) string {
	t.Helper()
	var list []string
	if n == 0 {
		return ""
	}
	for m, err := range s.All(testkit.Within(t)) {
		if err != nil {
			t.Fatal(err)
		}
		if list = append(list, m.GetStation()); len(list) == n {
			break
		}
	}
	return strings.Join(list, " ")
}

// Filters with one prefix do not take it from each other.
func TestSubscriptionSharedPrefix(t *testing.T) {
	long := strings.Repeat("x", 300) // longer than a subscription may be
	p, events, sub := site{endpoint: "inproc://" + t.Name()}.feed(t, nil, nil)
	one := open(t, sub, stations(long+"1", long+"2"))
	end := open(t, sub, stations("end"))
	ready(t, sub)
	one.Remove(stations(long + "1")...)
	ready(t, sub)
	publish(t, p, at(long+"1", ""), at(long+"2", ""), at("end", ""))
	next(t, end, 1)
	if got := next(t, one, 1); got != long+"2" {
		t.Errorf("got %q", got)
	}
	one.Remove(stations(long + "2")...)
	if e := events.wait(t, EventUnsubscribed, 1); len(e.Topic) != topic.MaxSubscription {
		t.Errorf("the end of %q was told", e.Topic)
	}
}

// What waits when the Subscriber is closed can still be read, and so can what
// one loop left to the next.
func TestSubscriptionAll(t *testing.T) {
	p, _, sub := site{endpoint: "tcp://127.0.0.1:*"}.feed(t, nil, nil)
	one, mark := open(t, sub, nil), open(t, sub, nil)
	ready(t, sub)
	notes(t, p, "a", 0, 10)
	wantNotes(t, one, "a", 0, 3)
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	for range one.All(ended) {
		t.Error("a context that has ended yields something")
	}
	wantNotes(t, one, "a", 3, 5)
	wantNotes(t, mark, "a", 0, 10)
	testkit.Eventually(t, "the other messages", func() bool { return engineOf(one).Queued() == 5 })
	if err := sub.Close(); err != nil {
		t.Fatal(err)
	}
	n := 5
	for m := range one.All(testkit.Within(t)) {
		if m.GetStation() != "a" {
			t.Errorf("got %v", m)
		}
		n++
	}
	if n != 10 {
		t.Errorf("the iteration ended after %d messages, want 10", n)
	}
}

// A loop that is left at a gap loses nothing: the next one begins with the
// message behind the gap.
func TestSubscriptionLeftAtAGap(t *testing.T) {
	p, _, sub := site{endpoint: "tcp://127.0.0.1:*"}.feed(t, nil, nil)
	one, all := open(t, sub, nil, WithReceiveQueue(2, 1<<20), WithOverflow(OverflowDropOldest)), open(t, sub, nil)
	ready(t, sub)
	publishSequenced(t, p, at("a", "1"))
	wantEqual(t, first(t, one), at("a", "1"))
	publishSequenced(t, p, at("a", "2"), at("a", "3"), at("a", "4"), at("a", "5"))
	for range 5 {
		first(t, all)
	}
	testkit.Eventually(t, "the drops", func() bool { return one.Dropped() == 2 })
	var gap *GapError
	for m, err := range one.All(testkit.Within(t)) {
		if m != nil || !errors.As(err, &gap) || gap.Lost != 2 || gap.Topic != "weather/a/temperature" {
			t.Fatalf("got %v, %v, want a gap of 2", m, err)
		}
		break
	}
	wantEqual(t, first(t, one), at("a", "4"))
	wantEqual(t, first(t, one), at("a", "5"))
}

// first returns the next message of a subscription.
func first(t testing.TB, s Subscription[*reading, stationFilter]) *reading {
	t.Helper()
	for m, err := range s.All(testkit.Within(t)) {
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	t.Fatal("the subscription has ended")
	return nil
}
