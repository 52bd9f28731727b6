package gozmq

import (
	"context"
	"fmt"
	"testing"

	"github.com/gozmq/gozmq/internal/testkit"
)

// latest is the topic temperature, of which only the newest message counts.
var latest = Topic[*reading]{Name: temperature.Name, Append: temperature.Append, Traits: LatestOnly}

// A latestFilter is the filter of latest.
type latestFilter struct{ stationFilter }

func (f latestFilter) TopicPattern() TopicPattern {
	return f.stationFilter.TopicPattern().Marked(LatestOnly)
}

// TestLatestOnlyStream has a stream that is not read get the newest message of
// each topic, while another one that is read, and the publisher, are not held
// up.
func TestLatestOnlyStream(t *testing.T) {
	const stations, each = 3, 5000
	everywhere(t, func(t *testing.T, site site) {
		p, _, s := site.feed(t, []PublisherOption{WithSendQueue(100, 1<<20)}, []SubscriberOption{WithReceiveQueue(1, 1)})
		release, reached := make(chan struct{}), make(chan struct{}, 1)
		slow := follow(t, func(ctx context.Context) seq[*reading] {
			return func(yield func(*reading, error) bool) {
				for m, err := range Subscribe[reading](ctx, s, []latestFilter{{}}) {
					select {
					case reached <- struct{}{}:
					default:
					}
					<-release
					if !yield(m, err) {
						return
					}
				}
			}
		})
		quick := follow(t, func(ctx context.Context) seq[*reading] { return Subscribe[reading](ctx, s, []latestFilter{{}}) })
		last := follow(t, func(ctx context.Context) seq[*bytez] {
			return Subscribe[bytez](ctx, s, []TopicPattern{LiteralTopic(alerts.Name)})
		})
		testkit.Eventually(t, "all streams", func() bool { return s.running() == 3 })
		for _, topic := range []string{"weather/", alerts.Name} {
			wantSubscribers(t, p, topic, 1)
		}
		for n := range each {
			for station := range stations {
				if err := Publish(testkit.Within(t), p, &latest, at(fmt.Sprint(station), fmt.Sprint(n))); err != nil {
					t.Fatal(err)
				}
			}
		}
		end := fmt.Sprint(each - 1)
		readTo(t, quick, stations, end)
		publishAlert(t, p, "")
		last.next(t) // what comes before it is in the slow stream's queue, too
		testkit.Receive(t, reached, "a message for the slow stream")
		close(release)
		got := readTo(t, slow, stations, end)
		// One was on its way into the loop, and one of each topic waited.
		if got > 1+stations {
			t.Errorf("the slow stream got %d messages, want at most %d", got, 1+stations)
		}
		if p.Dropped() != 0 || s.Dropped() != 0 || s.Superseded() == 0 {
			t.Errorf("dropped %d and %d, superseded %d and %d", p.Dropped(), s.Dropped(), p.Superseded(), s.Superseded())
		}
	})
}

// readTo reads until each station's note was end, and returns how many messages
// there were.
func readTo(t *testing.T, f *stream[*reading], stations int, end string) (n int) {
	t.Helper()
	for ended := 0; ended < stations; n++ {
		if f.next(t).GetNote() == end {
			ended++
		}
	}
	return n
}

// TestLatestOnlyAndRetained: with both, a new subscriber gets the newest
// message too, and a queue that is full does not lose it.
func TestLatestOnlyAndRetained(t *testing.T) {
	both := Topic[*reading]{Name: temperature.Name, Append: temperature.Append, Traits: LatestOnly | Retained}
	p, _, s := site{endpoint: "tcp://127.0.0.1:*"}.feed(t, nil, nil)
	send := func(note string) {
		t.Helper()
		if err := Publish(testkit.Within(t), p, &both, at("ams", note)); err != nil {
			t.Fatal(err)
		}
	}
	send("1")
	send("2")
	f := follow(t, func(ctx context.Context) seq[*reading] { return Subscribe[reading](ctx, s, []latestFilter{{}}) })
	if got := readNotes(t, f, 1); got != "ams=2 " {
		t.Errorf("got %s", got)
	}
	send("3")
	if got := readNotes(t, f, 1); got != "ams=3 " {
		t.Errorf("got %s", got)
	}
}
