package gozmq

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
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
		eventually(t, "both streams", func() bool { return s.running() == 2 })
		if err := p.WaitForSubscribers(within(t), "weather/", 1); err != nil {
			t.Fatal(err)
		}
		for n := range each {
			for station := range stations {
				if err := Publish(within(t), p, &latest, at(fmt.Sprint(station), fmt.Sprint(n))); err != nil {
					t.Fatal(err)
				}
			}
		}
		end := fmt.Sprint(each - 1)
		readTo(t, quick, stations, end)
		receive(t, reached, "a message for the slow stream")
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
		if err := Publish(within(t), p, &both, at("ams", note)); err != nil {
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

// TestNewest checks what waits, what is replaced and what is given up.
func TestNewest(t *testing.T) {
	in, drops := newInbox(queueConfig{1, 1}), 0
	var superseded atomic.Uint64
	in.drop = func() { drops++ }
	in.newest.limits, in.newest.superseded = topicMemory{2, 1 << 20}, &superseded
	put := func(topic, body string) { in.putNewest(&arrival{topic: []byte(topic), body: []byte(body)}) }
	take := func() (got string) {
		in.drain(within(t), func(a *arrival) bool {
			got = string(a.topic) + "=" + string(a.body)
			return false
		})
		return got
	}
	put("a", "1")
	put("b", "1")
	put("a", "2")
	in.put(&arrival{topic: []byte("c"), body: []byte("1")}) // the rest of the inbox takes turns with it
	if queued, taken := in.progress(); queued != 3 || taken != 0 {
		t.Errorf("%d are queued, %d taken", queued, taken)
	}
	for _, want := range []string{"c=1", "a=2", "b=1"} {
		if got := take(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	for i := range 5 {
		put(fmt.Sprint(i), "")
	}
	if drops != 3 || superseded.Load() != 1 || in.newest.len() != 2 || in.newest.order.Len() != 2 {
		t.Errorf("%d dropped, %d superseded, %d wait", drops, superseded.Load(), in.newest.len())
	}
	take()
	take()
	if in.newest.bytes != 0 {
		t.Errorf("%d bytes are left", in.newest.bytes)
	}
	in.close()
	put("late", "")
	if in.newest.len() != 0 {
		t.Error("a closed inbox took a message")
	}
}
