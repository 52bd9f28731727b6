package gozmq

import (
	"fmt"
	"testing"

	"github.com/gozmq/gozmq/internal/testkit"
)

// notes publishes readings of a station whose notes are numbers.
func notes(t testing.TB, p *Publisher, station string, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		publish(t, p, at(station, fmt.Sprint(i)))
	}
}

// wantNotes reads messages that notes published.
func wantNotes(t testing.TB, s Subscription[*reading, stationFilter], station string, from, to int) {
	t.Helper()
	next := from
	for m, err := range s.All(testkit.Within(t)) {
		if err != nil {
			t.Fatal(err)
		}
		wantEqual(t, m, at(station, fmt.Sprint(next)))
		if next++; next == to {
			return
		}
	}
	t.Fatalf("got the messages %d to %d, want those to %d", from, next, to)
}

// A subscription that nobody reads keeps what its policy says, counts the rest,
// and holds up no one.
func TestOverflow(t *testing.T) {
	const queue, sent = 100, 2000
	tests := []struct {
		policy   Overflow
		from, to int // what is kept
	}{
		{OverflowDropOldest, sent - queue, sent},
		{OverflowDropNewest, 0, queue},
	}
	for _, tt := range tests {
		t.Run(tt.policy.String(), func(t *testing.T) {
			everywhere(t, func(t *testing.T, s site) {
				events := newRecorder()
				p, _, sub := s.feed(t, []PublisherOption{WithSendQueue(2*sent, 1<<20)}, []SubscriberOption{events.option().(SubscriberOption)})
				stuck := open(t, sub, stations("ams"), WithReceiveQueue(queue, 1<<20), WithOverflow(tt.policy))
				quick := open(t, sub, nil)
				ready(t, sub)
				notes(t, p, "ams", 0, sent)
				wantNotes(t, quick, "ams", 0, sent) // all of them, though no one reads the other
				testkit.Eventually(t, "the count of every message that was dropped", func() bool { return stuck.Dropped() == sent-queue })
				if sub.Dropped() != sent-queue || quick.Dropped() != 0 {
					t.Errorf("%d dropped in all, %d by the other; want %d and none", sub.Dropped(), quick.Dropped(), sent-queue)
				}
				if e := events.wait(t, EventOverflow, 1); e.Topic != "weather/ams/temperature" || e.Count != 1 || e.Err == nil {
					t.Errorf("event %+v", e)
				}
				wantNotes(t, stuck, "ams", tt.from, tt.to)
				notes(t, p, "ams", sent, sent+10) // it goes on
				wantNotes(t, stuck, "ams", sent, sent+10)
				stuck.Close()
				testkit.Eventually(t, "the report of every message that was dropped", func() bool {
					total := 0
					for _, e := range events.all() {
						if e.Kind == EventOverflow {
							total += e.Count
						}
					}
					return total == sent-queue
				})
			})
		})
	}
}

// Messages are dropped by size as well; one always fits.
func TestOverflowByBytes(t *testing.T) {
	p, _, sub := site{endpoint: "inproc://" + t.Name()}.feed(t, nil, nil)
	small := open(t, sub, nil, WithReceiveQueue(1000, 1), WithOverflow(OverflowDropOldest))
	end := open(t, sub, stations("a"))
	ready(t, sub)
	notes(t, p, "a", 0, 10)
	wantNotes(t, end, "a", 0, 10)
	testkit.Eventually(t, "the drops", func() bool { return small.Dropped() == 9 })
	wantNotes(t, small, "a", 9, 10)
}

// By default nothing is dropped: the connection waits.
func TestOverflowBlock(t *testing.T) {
	const sent = 1000
	p, _, sub := site{endpoint: "tcp://127.0.0.1:*"}.feed(t, []PublisherOption{WithSendQueue(2*sent, 1<<20)}, nil)
	one := open(t, sub, nil, WithReceiveQueue(10, 1<<20))
	ready(t, sub)
	notes(t, p, "a", 0, sent)
	wantNotes(t, one, "a", 0, sent)
	if one.Dropped()+sub.Dropped()+p.Dropped() != 0 {
		t.Errorf("%d and %d and %d messages were dropped", one.Dropped(), sub.Dropped(), p.Dropped())
	}
}

// The policy of the Subscriber is that of subscriptions that have none of their
// own.
func TestOverflowDefault(t *testing.T) {
	p, _, sub := site{endpoint: "inproc://" + t.Name()}.feed(t, nil, []SubscriberOption{WithOverflow(OverflowDropNewest), WithReceiveQueue(5, 1<<20)})
	few := open(t, sub, nil)
	all := open(t, sub, nil, WithOverflow(OverflowBlock), WithReceiveQueue(100, 1<<20))
	ready(t, sub)
	notes(t, p, "a", 0, 50)
	wantNotes(t, all, "a", 0, 50)
	testkit.Eventually(t, "the drops", func() bool { return few.Dropped() == 45 })
	wantNotes(t, few, "a", 0, 5)
}

func TestSubscriptionOptions(t *testing.T) {
	_, err := NewSubscriber(WithOverflow(7))
	wantText(t, err, "subscriber: WithOverflow: overflow 7")
	sub := subscriber(t, Bind("inproc://"+t.Name()))
	_, err = OpenSubscription[reading](sub, stations("a"), []SubscriptionOption{WithReceiveQueue(0, 1)})
	wantCode(t, err, CodeInvalidArgument, "WithReceiveQueue: 0 messages")
	_, err = OpenSubscription[reading](sub, stations("a"), []SubscriptionOption{WithOverflow(3)})
	wantCode(t, err, CodeInvalidArgument, "WithOverflow: overflow 3")
}
