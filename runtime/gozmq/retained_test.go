package gozmq

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// retained is the topic temperature, kept and numbered.
var retained = Topic[*reading]{Name: temperature.Name, Append: temperature.Append, Traits: Retained | Sequenced}

func publishRetained(t testing.TB, p *Publisher, readings ...*reading) {
	t.Helper()
	for _, r := range readings {
		if err := Publish(testkit.Within(t), p, &retained, r); err != nil {
			t.Fatal(err)
		}
	}
}

// readings begins to follow the topics of filters, all without any.
func readings(t testing.TB, s *Subscriber, filters ...stationFilter) *stream[*reading] {
	t.Helper()
	return follow(t, func(ctx context.Context) seq[*reading] { return Subscribe[reading](ctx, s, filters) })
}

// readNotes reads n messages, as "station=note".
func readNotes(t testing.TB, f *stream[*reading], n int) (list string) {
	t.Helper()
	for range n {
		m := f.next(t)
		list += m.GetStation() + "=" + m.GetNote() + " "
	}
	return list
}

// TestRetainedFirst has a new subscriber get the last messages before those
// that follow, and another stream of the same subscriber too, which the
// publisher is not asked for.
func TestRetainedFirst(t *testing.T) {
	everywhere(t, func(t *testing.T, site site) {
		p, events, s := site.feed(t, nil, nil)
		publishRetained(t, p, at("ams", "1"), at("oslo", "1"), at("ams", "2"))
		ams := readings(t, s, stations("ams")...)
		if got, want := readNotes(t, ams, 1), "ams=2 "; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		all := readings(t, s)
		if got := readNotes(t, all, 2); got != "ams=2 oslo=1 " && got != "oslo=1 ams=2 " {
			t.Errorf("got %s", got)
		}
		again := readings(t, s, stations("ams", "oslo")...)
		if got := readNotes(t, again, 2); got != "ams=2 oslo=1 " && got != "oslo=1 ams=2 " {
			t.Errorf("got %s", got)
		}
		publishRetained(t, p, at("ams", "3"), at("oslo", "2"))
		for _, tt := range []struct {
			f    *stream[*reading]
			want string
		}{{ams, "ams=3 "}, {all, "ams=3 oslo=2 "}, {again, "ams=3 oslo=2 "}} {
			if got := readNotes(t, tt.f, len(tt.want)/6); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		}
		for _, f := range []*stream[*reading]{ams, all, again} {
			f.stop()
			f.wantNothing(t)
		}
		events.wait(t, EventUnsubscribed, 3)
		if kept := s.hub.Usage(); kept.Topics != 0 || kept.TopicBytes != 0 {
			t.Errorf("what no stream covers any more is kept: %+v", kept)
		}
		publishRetained(t, p, at("ams", "4"))
		if got, want := readNotes(t, readings(t, s, stations("ams")...), 1), "ams=4 "; got != want {
			t.Errorf("after a pause got %s, want %s", got, want)
		}
	})
}

// wantNothing waits for the end of the iteration, with nothing before it.
func (s *stream[P]) wantNothing(t testing.TB) {
	t.Helper()
	for i := range s.items {
		t.Errorf("got %v, %v, want the end", i.msg, i.err)
	}
}

// TestRetainedStreams has streams with all kinds of filters begin while many
// messages are published: each gets the last message of each of its topics and
// then every one that follows, once.
func TestRetainedStreams(t *testing.T) {
	const each, senders, streams = 300, 4, 8
	overEach(t, func(t *testing.T, site site) {
		chance := seeded(t)
		p, _, s := site.feed(t, []PublisherOption{WithSendQueue(1<<20, 1<<30)}, nil)
		begun := make(chan struct{}, senders*each)
		var wg sync.WaitGroup
		for station := range senders {
			wg.Go(func() {
				for n := range each {
					publishRetained(t, p, at(fmt.Sprint(station), fmt.Sprint(n)))
					begun <- struct{}{}
				}
			})
		}
		var all []*stream[*reading]
		counts := make([]int, streams)
		for i := range streams {
			for range chance(i).IntN(senders * each / streams) {
				<-begun
			}
			if counts[i] = i % 3; counts[i] == 0 {
				counts[i] = senders
				all = append(all, readings(t, s))
			} else {
				all = append(all, readings(t, s, stations("0", "1")[:counts[i]]...))
			}
			testkit.Eventually(t, "the stream", func() bool { return s.running() == i+1 })
		}
		wg.Wait()
		for i, f := range all {
			wantContiguous(t, f, counts[i], each)
			f.stop()
			f.wantNothing(t)
		}
	})
}

// wantContiguous reads messages of the first stations until it has the last of
// each; those of one station are numbered without a gap.
func wantContiguous(t *testing.T, f *stream[*reading], stations, each int) {
	t.Helper()
	last := map[string]int{}
	for ended := 0; ended < stations; {
		m := f.next(t)
		n, err := strconv.Atoi(m.GetNote())
		if before, known := last[m.GetStation()]; err != nil || known && n != before+1 {
			t.Fatalf("station %s: got message %s after %d", m.GetStation(), m.GetNote(), before)
		}
		last[m.GetStation()] = n
		if n == each-1 {
			ended++
		}
	}
	if len(last) != stations {
		t.Errorf("got stations %v, want %d", last, stations)
	}
}

// A fleeting feed's subscriber can be sent away.
type fleeting struct {
	*Publisher
	*Subscriber
	book   addressBook
	events *recorder
}

func fleetingFeed(t *testing.T) *fleeting {
	f := &fleeting{events: newRecorder()}
	f.book.set("127.0.0.1")
	f.Publisher = publisher(t, Bind("tcp://127.0.0.1:*"), f.events.option())
	at := strings.Replace(f.Publisher.Addrs()[0], "127.0.0.1", "feed.test", 1)
	f.Subscriber = subscriber(t, Connect(at), WithResolver(&f.book), fast())
	return f
}

// while runs what is to happen while the subscriber is away.
func (f *fleeting) while(t *testing.T, away func()) {
	f.book.set()
	f.pub.Links().Each(func(c *link.Conn) { c.Close(errors.New("cut by the test")) })
	f.events.wait(t, EventDisconnected, 1)
	away()
	f.book.set("127.0.0.1")
}

// TestRetainedReconnect loses a connection: what was published meanwhile comes,
// and nothing that came before.
func TestRetainedReconnect(t *testing.T) {
	feed := fleetingFeed(t)
	p, s := feed.Publisher, feed.Subscriber
	publishRetained(t, p, at("ams", "1"), at("oslo", "1"))
	f := readings(t, s)
	if got := readNotes(t, f, 2); got != "ams=1 oslo=1 " {
		t.Fatalf("got %s", got)
	}
	feed.while(t, func() { publishRetained(t, p, at("ams", "2"), at("ams", "3")) })
	var gap *GapError
	if err := f.nextError(t); !errors.As(err, &gap) || gap.Lost != 1 {
		t.Errorf("got %v, want one lost", err)
	}
	if got := readNotes(t, f, 1); got != "ams=3 " {
		t.Errorf("got %s", got)
	}
	publishRetained(t, p, at("oslo", "2"))
	if got := readNotes(t, f, 1); got != "oslo=2 " {
		t.Errorf("got %s", got)
	}
}

// TestRetainedOnly has no numbers to count by: nothing is said to be lost.
func TestRetainedOnly(t *testing.T) {
	only := Topic[*reading]{Name: temperature.Name, Append: temperature.Append, Traits: Retained}
	feed := fleetingFeed(t)
	send := func(note string) {
		if err := Publish(testkit.Within(t), feed.Publisher, &only, at("ams", note)); err != nil {
			t.Fatal(err)
		}
	}
	send("1")
	f := readings(t, feed.Subscriber)
	if got := readNotes(t, f, 1); got != "ams=1 " {
		t.Fatalf("got %s", got)
	}
	feed.while(t, func() {
		send("2")
		send("3")
	})
	if got := readNotes(t, f, 1); got != "ams=3 " {
		t.Errorf("got %s", got)
	}
}

// TestLastValuesBounded holds a subscriber to what it may remember.
func TestLastValuesBounded(t *testing.T) {
	endpoint, accept := listenRaw(t, "PUB")
	events := newRecorder()
	s := subscriber(t, Connect(endpoint), WithTopicMemory(2, 1<<20), events.option())
	f := readings(t, s)
	pub := accept()
	pub.Command() // the subscription
	for i, station := range []string{"a", "b", "a", "c"} {
		h := wire.PublicationHeader{Publisher: 1, Position: uint64(i + 1), Retained: true}
		pub.send("weather/"+station+"/temperature", "\x0a\x01"+station, string(h.Append(nil)))
		f.next(t)
	}
	if e := events.wait(t, EventForgotten, 1); e.Topic != "weather/b/temperature" {
		t.Errorf("forgotten: %q", e.Topic)
	}
	if got, want := readNotes(t, readings(t, s), 2), "a= c= "; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	// A header that cannot be read is none: the message is not kept.
	pub.send("weather/d/temperature", "\x0a\x01d", "\x30\x01\x09")
	f.next(t)
	if got, want := readNotes(t, readings(t, s), 2), "a= c= "; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
