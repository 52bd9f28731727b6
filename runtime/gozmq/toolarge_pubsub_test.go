package gozmq

import (
	"context"
	"strings"
	"testing"

	"github.com/gozmq/gozmq/internal/testkit"
)

// alert is a retained topic with the template "alert/{station}".
var alert = Topic[*reading]{Name: "test.Feed/Alert", Traits: Retained | Sequenced, Append: func(b []byte, m *reading) []byte {
	return AppendString(append(b, "alert/"...), m.GetStation(), 0)
}}

type alertFilter struct{}

func (alertFilter) TopicPattern() TopicPattern {
	var p TopicPattern
	p.Literal("alert/")
	MatchString(&p, Match[string]{}, 0)
	return p
}

// A publication beyond the subscriber's limit is an error in the streams that
// take its topic, and the next one comes, over the same connection. A retained
// one is, too, for who comes later.
func TestPublicationBeyondTheLimit(t *testing.T) {
	for name, options := range map[string][]SubscriberOption{"announced": nil, "hidden": {hideLimit()}} {
		t.Run(name, func(t *testing.T) { publicationBeyondTheLimit(t, name == "announced", options) })
	}
}

func publicationBeyondTheLimit(t *testing.T, announced bool, options []SubscriberOption) {
	everywhere(t, func(t *testing.T, s site) {
		large := strings.Repeat("x", 100*small)
		p, events, sub := s.feed(t, nil, append(options, WithMaxMessageSize(small)))
		if err := Publish(testkit.Within(t), p, &alert, at("old", large)); err != nil {
			t.Fatal(err)
		}
		ams := follow(t, func(ctx context.Context) seq[*reading] {
			return Subscribe[reading](ctx, sub, stations("ams"))
		})
		rtm := follow(t, func(ctx context.Context) seq[*reading] {
			return Subscribe[reading](ctx, sub, stations("rtm"))
		})
		testkit.Eventually(t, "the subscriptions", func() bool { return len(p.Stats().Peers) == 1 && p.Stats().Peers[0].Subscriptions == 2 })
		publish := func(station, note string) {
			t.Helper()
			if err := Publish(testkit.Within(t), p, &temperature, at(station, note)); err != nil {
				t.Fatal(err)
			}
		}
		publish("ams", "1")
		publish("ams", large)
		publish("ams", "2")
		publish("rtm", "3")
		if m := ams.next(t); m.GetNote() != "1" {
			t.Errorf("got %s, want 1", m.GetNote())
		}
		wantCode(t, ams.nextError(t), CodeResourceExhausted, "weather/ams/temperature", "4096", "4096", "WithMaxMessageSize")
		if m := ams.next(t); m.GetNote() != "2" {
			t.Errorf("got %s, want 2", m.GetNote())
		}
		if m := rtm.next(t); m.GetNote() != "3" {
			t.Errorf("got %s, want 3", m.GetNote())
		}
		alerts := follow(t, func(ctx context.Context) seq[*reading] {
			return Subscribe[reading](ctx, sub, []alertFilter{{}})
		})
		wantCode(t, alerts.nextError(t), CodeResourceExhausted, "alert/old")
		if err := Publish(testkit.Within(t), p, &alert, at("old", "4")); err != nil {
			t.Fatal(err)
		}
		if m := alerts.next(t); m.GetNote() != "4" {
			t.Errorf("got %s, want 4", m.GetNote())
		}
		if n := sub.Stats().Disconnected + p.Stats().Disconnected; n != 0 {
			t.Errorf("%d connections have ended", n)
		}
		if !announced {
			return
		}
		if n := p.Dropped(); n != 2 {
			t.Errorf("%d messages count as dropped, want 2", n)
		}
		if s := sub.Stats(); s.BytesIn > 20*small {
			t.Errorf("the subscriber has received %d bytes", s.BytesIn)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		wantText(t, events.wait(t, EventDropped, 1).Err, "exceeds the limit of 4096")
	})
}

// It is one for a stream without topics, too.
func TestBarePublicationBeyondTheLimit(t *testing.T) {
	topic := Topic[*bytez]{Name: "test.Bare/Event", Bare: true}
	p, _, sub := site{endpoint: "tcp://127.0.0.1:*"}.feed(t, nil, []SubscriberOption{WithMaxMessageSize(small)})
	got := follow(t, func(ctx context.Context) seq[*bytez] { return SubscribeBare[bytez](ctx, sub) })
	if err := p.WaitForSubscribers(testkit.Within(t), "", 1); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{100 * small, 10} {
		if err := Publish(testkit.Within(t), p, &topic, sized(n)); err != nil {
			t.Fatal(err)
		}
	}
	wantCode(t, got.nextError(t), CodeResourceExhausted, "limit of 4096")
	if m := got.next(t); len(m.GetValue()) != 10 {
		t.Errorf("got %d bytes", len(m.GetValue()))
	}
}
