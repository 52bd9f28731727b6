package gozmq

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

func TestSubscribe(t *testing.T) {
	everywhere(t, func(t *testing.T, s site) {
		p, _, sub := s.feed(t, nil, nil)
		all, ams := listen(t, p, sub), listen(t, p, sub, stations("ams")...)
		const n = 200
		for i := range n {
			publish(t, p, at("ams", fmt.Sprint("a", i)), at("rtm", fmt.Sprint("r", i)))
		}
		for i := range n {
			for _, want := range []*reading{at("ams", fmt.Sprint("a", i)), at("rtm", fmt.Sprint("r", i))} {
				wantEqual(t, all.next(t), want)
			}
			wantEqual(t, ams.next(t), at("ams", fmt.Sprint("a", i)))
		}
	})
}

// A subscription is a prefix on the wire and an exact match here.
func TestSubscribeMatchesExactly(t *testing.T) {
	long := strings.Repeat("x", 300)
	tests := []struct {
		name    string
		filters []stationFilter
		want    string // the stations that are received
	}{
		{"all", nil, "AA AAPL A BB A/A A%2FA  " + long + " " + long + "y end"},
		{"zero filter", []stationFilter{{}}, "AA AAPL A BB A/A A%2FA  " + long + " " + long + "y end"},
		{"one", stations("AA"), "AA end"},
		{"a prefix of others", stations("A"), "A end"},
		{"escaped", stations("A/A"), "A/A end"},
		{"looks escaped", stations("A%2FA"), "A%2FA end"},
		{"empty", stations(""), " end"},
		{"longer than a subscription may be", stations(long), long + " end"},
		{"several", stations("AA", "BB"), "AA BB end"},
		{"same one twice", stations("AA", "AA"), "AA end"},
		{"overlapping", append(stations("AA"), stationFilter{}), "AA AAPL A BB A/A A%2FA  " + long + " " + long + "y end"},
		{"none there", stations("ZZ"), "end"},
	}
	p, _, sub := site{endpoint: "inproc://" + t.Name()}.feed(t, nil, nil)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			filters := tt.filters
			if filters != nil {
				filters = append(filters, stations("end")...)
			}
			got := listen(t, p, sub, filters...)
			defer got.stop()
			for _, station := range []string{"AA", "AAPL", "A", "BB", "A/A", "A%2FA", "", long, long + "y"} {
				publish(t, p, at(station, ""))
			}
			publish(t, p, at("end", ""))
			var names []string
			for len(names) == 0 || names[len(names)-1] != "end" {
				names = append(names, got.next(t).GetStation())
			}
			if list := strings.Join(names, " "); list != tt.want {
				t.Errorf("got  %q\nwant %q", list, tt.want)
			}
		})
	}
}

// Each of several iterators gets what it asked for, whatever others ask; one
// that ends takes nothing from the others.
func TestSubscriptionsAreIndependent(t *testing.T) {
	everywhere(t, func(t *testing.T, s site) {
		p, events, sub := s.feed(t, nil, nil)
		first, second := listen(t, p, sub, stations("ams")...), listen(t, p, sub, stations("ams", "rtm")...)
		publish(t, p, at("ams", "1"))
		wantEqual(t, first.next(t), at("ams", "1"))
		wantEqual(t, second.next(t), at("ams", "1"))
		second.stop()
		second.wantEnd(t)
		if e := events.wait(t, EventUnsubscribed, 1); e.Topic != "weather/rtm/temperature" {
			t.Errorf("the subscription to %q was ended", e.Topic)
		}
		publish(t, p, at("rtm", "2"), at("ams", "3"))
		wantEqual(t, first.next(t), at("ams", "3"))
		first.stop()
		first.wantEnd(t)
		events.wait(t, EventUnsubscribed, 2)
		if left := sub.hub.Usage(); left.Prefixes != 0 || left.Subscriptions != 0 {
			t.Errorf("%d prefixes of %d subscriptions are left", left.Prefixes, left.Subscriptions)
		}
	})
}

func TestSubscriptionEnds(t *testing.T) {
	everywhere(t, func(t *testing.T, s site) {
		p, events, sub := s.feed(t, nil, nil)
		iterations := func(ctx context.Context) seq[*reading] { return Subscribe[reading](ctx, sub, []stationFilter{}) }

		broken := make(chan int, 1)
		go func() { // by break
			n := 0
			for range iterations(context.Background()) {
				if n++; n == 2 {
					break
				}
			}
			broken <- n
		}()
		if err := p.WaitForSubscribers(testkit.Within(t), "weather/", 1); err != nil {
			t.Fatal(err)
		}
		publish(t, p, at("a", ""), at("b", ""), at("c", ""))
		testkit.Receive(t, broken, "the end after a break")
		events.wait(t, EventUnsubscribed, 1)

		byContext := listen(t, p, sub)
		byContext.stop()
		byContext.wantEnd(t)
		events.wait(t, EventUnsubscribed, 2)

		ended, cancel := context.WithCancel(context.Background())
		cancel()
		for range iterations(ended) {
			t.Error("a context that has ended yields something")
		}

		byClose, another := listen(t, p, sub), listen(t, p, sub, stations("x")...)
		if err := sub.Close(); err != nil {
			t.Error(err)
		}
		byClose.wantEnd(t)
		another.wantEnd(t)
		n := 0
		for m, err := range iterations(context.Background()) {
			if n++; n > 1 || m != nil {
				t.Errorf("a subscriber that is closed yields %v, %v", m, err)
			}
			wantCode(t, err, CodeCanceled, "the subscriber is closed")
		}
		if n != 1 {
			t.Errorf("a subscriber that is closed yields %d errors, want 1", n)
		}
		if err := sub.Close(); err != nil {
			t.Errorf("Close again: %v", err)
		}
	})
}

// What cannot be decoded is an error in the stream, which goes on.
func TestSubscriptionUndecodable(t *testing.T) {
	endpoint, accept := listenRaw(t, "PUB")
	sub := subscriber(t, Connect(endpoint))
	raw := accept()
	s := follow(t, func(ctx context.Context) seq[*reading] { return Subscribe[reading](ctx, sub, []stationFilter{}) })
	if name, prefix := raw.Command(); name != zmtp.CommandSubscribe || string(prefix) != "weather/" {
		t.Fatalf("got %s %q", name, prefix)
	}
	const topic = "weather/ams/temperature"
	good := encode(t, at("ams", "good"))
	raw.send(topic, "\xff\xff")
	raw.send(topic, good)
	raw.send(topic, good, "a header of the future")
	raw.send("other/topic", good)
	raw.send(topic, good[:3])
	wantCode(t, s.nextError(t), CodeDataLoss, "decode gozmq.test.modern.Reading of 2 bytes")
	wantEqual(t, s.next(t), at("ams", "good"))
	wantEqual(t, s.next(t), at("ams", "good"))
	wantCode(t, s.nextError(t), CodeDataLoss, "of 3 bytes")
}

func TestSubscriberReportsWrongFrameCounts(t *testing.T) {
	const topic = "weather/ams/temperature"
	good := encode(t, at("ams", "good"))
	for name, frames := range map[string][]string{"one": {topic}, "four": {topic, good, "", ""}} {
		t.Run(name, func(t *testing.T) {
			endpoint, accept := listenRaw(t, "PUB")
			events := newRecorder()
			sub := subscriber(t, Connect(endpoint), events.option())
			raw := accept()
			s := follow(t, func(ctx context.Context) seq[*reading] { return Subscribe[reading](ctx, sub, []stationFilter{}) })
			raw.Command()
			raw.send(frames...)
			raw.send(topic, good)
			wantEqual(t, s.next(t), at("ams", "good"))
			wantText(t, events.wait(t, EventMalformed, 1).Err, "publication has", "frame")
			if len(s.items) > 0 {
				t.Error("the message was delivered")
			}
		})
	}
}

// A publisher that comes back is told of the subscriptions again.
func TestSubscriberResubscribes(t *testing.T) {
	for name, endpoint := range map[string]string{
		"tcp": closedPort(t), "ipc": "ipc://" + t.TempDir() + "/feed", "inproc": "inproc://" + t.Name(),
	} {
		t.Run(name, func(t *testing.T) {
			sub := subscriber(t, Connect(endpoint), fast())
			s := follow(t, func(ctx context.Context) seq[*reading] { return Subscribe[reading](ctx, sub, stations("ams", "rtm")) })
			for i := range 3 {
				p := publisher(t, Bind(endpoint))
				for _, station := range []string{"ams", "rtm"} {
					if err := p.WaitForSubscribers(testkit.Within(t), "weather/"+station+"/temperature", 1); err != nil {
						t.Fatal(err)
					}
				}
				publish(t, p, at("ams", fmt.Sprint(i)))
				wantEqual(t, s.next(t), at("ams", fmt.Sprint(i)))
				if err := p.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// Bare framing has the body alone on the wire.
func TestSubscribeBare(t *testing.T) {
	topic := Topic[*bytez]{Name: "test.Bare/Event", Bare: true}
	everywhere(t, func(t *testing.T, s site) {
		p, _, sub := s.feed(t, nil, nil)
		got := follow(t, func(ctx context.Context) seq[*bytez] { return SubscribeBare[bytez](ctx, sub) })
		if err := p.WaitForSubscribers(testkit.Within(t), "", 1); err != nil {
			t.Fatal(err)
		}
		for _, body := range []string{"one", "", "three"} {
			if err := Publish(testkit.Within(t), p, &topic, wrapperspb.Bytes([]byte(body))); err != nil {
				t.Fatal(err)
			}
			if m := got.next(t); string(m.GetValue()) != body {
				t.Fatalf("got %q, want %q", m.GetValue(), body)
			}
		}
	})
}

// One subscriber has several publishers, one publisher several subscribers.
func TestSubscribeManyToMany(t *testing.T) {
	const n = 3
	var publishers []*Publisher
	var addrs []string
	for range n {
		publishers = append(publishers, publisher(t, Bind("tcp://127.0.0.1:*")))
		addrs = append(addrs, publishers[len(publishers)-1].Addrs()...)
	}
	var streams []*stream[*reading]
	for range n {
		sub := subscriber(t, Connect(addrs...))
		streams = append(streams, follow(t, func(ctx context.Context) seq[*reading] { return Subscribe[reading](ctx, sub, []stationFilter{}) }))
	}
	for i, p := range publishers {
		if err := p.WaitForSubscribers(testkit.Within(t), "weather/", n); err != nil {
			t.Fatal(err)
		}
		publish(t, p, at(fmt.Sprint(i), ""))
	}
	for _, s := range streams {
		seen := make(map[string]bool)
		for range n {
			seen[s.next(t).GetStation()] = true
		}
		if len(seen) != n {
			t.Errorf("a subscriber has seen %v", seen)
		}
	}
}
