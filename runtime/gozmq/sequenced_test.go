package gozmq

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/internal/testkit"
	gozmqv1 "github.com/gozmq/gozmq/proto/gozmq/v1"
	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/publication"
	"github.com/gozmq/gozmq/runtime/internal/testproto"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// sequenced is the topic temperature with the trait.
var sequenced = Topic[*reading]{Name: temperature.Name, Append: temperature.Append, Traits: Sequenced}

func publishSequenced(t testing.TB, p *Publisher, readings ...*reading) {
	t.Helper()
	for _, r := range readings {
		if err := Publish(testkit.Within(t), p, &sequenced, r); err != nil {
			t.Fatal(err)
		}
	}
}

// TestSequencedOnTheWire checks the frames that any subscriber gets.
func TestSequencedOnTheWire(t *testing.T) {
	p := publisher(t, Bind("tcp://127.0.0.1:*"))
	publishSequenced(t, p, at("ams", "before")) // counted, though nobody gets it
	sub := dialRaw(t, p.Addrs()[0], "SUB")
	sub.send("\x01weather/ams/")
	if err := p.WaitForSubscribers(testkit.Within(t), "weather/ams/", 1); err != nil {
		t.Fatal(err)
	}
	publishSequenced(t, p, at("ams", "one"), at("oslo", "elsewhere"), at("ams", "two"))
	publish(t, p, at("ams", "plain"))
	var id uint64
	for i, want := range []*gozmqv1.PublicationHeader{{Position: 2, Previous: 1, Sequence: 2}, {Position: 4, Previous: 2, Sequence: 3}} {
		m := sub.recv()
		var h gozmqv1.PublicationHeader
		if len(m) != 3 || m[0] != "weather/ams/temperature" || proto.Unmarshal([]byte(m[2]), &h) != nil {
			t.Fatalf("got %q", m)
		}
		if i == 0 {
			id = h.GetPublisher()
		}
		want.Publisher, want.TimeUs = id, h.GetTimeUs()
		if id == 0 || h.GetTimeUs() == 0 || !proto.Equal(&h, want) {
			t.Errorf("header is %v, want %v", &h, want)
		}
	}
	if m := sub.recv(); len(m) != 2 {
		t.Errorf("a topic that is not sequenced has %d frames, want 2", len(m))
	}
}

func TestSequencedFailures(t *testing.T) {
	p := publisher(t, Bind("tcp://127.0.0.1:*"), WithMaxMessageSize(64))
	sub := dialRaw(t, p.Addrs()[0], "SUB")
	sub.send("\x01")
	if err := p.WaitForSubscribers(testkit.Within(t), "", 1); err != nil {
		t.Fatal(err)
	}
	wantCode(t, Publish(testkit.Within(t), p, &sequenced, at("ams", string(make([]byte, 100)))), CodeResourceExhausted)
	wantCode(t, Publish(testkit.Within(t), p, &sequenced, at(string(make([]byte, publication.MaxTopic)), "")), CodeInvalidArgument)
	publishSequenced(t, p, at("ams", "good"))
	var h gozmqv1.PublicationHeader
	if err := proto.Unmarshal([]byte(sub.recv()[2]), &h); err != nil || h.GetPosition() != 1 {
		t.Errorf("what was not sent was counted: %v, %v", &h, err)
	}
}

func TestTopicMemoryOption(t *testing.T) {
	for _, o := range []PublisherOption{WithTopicMemory(0, 1), WithTopicMemory(1, 0)} {
		if p, err := NewPublisher(Bind("inproc://*"), o); err == nil {
			p.Close()
			t.Errorf("%+v is accepted", o)
		} else {
			wantText(t, err, "WithTopicMemory")
		}
	}
	events := newRecorder()
	p := publisher(t, Bind("inproc://*"), events.option(), WithTopicMemory(1, 1<<20))
	publishSequenced(t, p, at("ams", ""), at("oslo", ""))
	if e := events.wait(t, EventForgotten, 1); e.Topic != "weather/ams/temperature" {
		t.Errorf("forgotten: %q", e.Topic)
	}
}

// TestSequencedGaps cuts connections while messages are published. Every
// message comes, in order, or is one of those that a gap accounts for.
func TestSequencedGaps(t *testing.T) {
	const topics, each, cuts = 3, 400, 4
	everywhere(t, func(t *testing.T, s site) {
		r := seeded(t)(0)
		quick := WithReconnectBackoff(time.Millisecond, 10*time.Millisecond)
		p, _, sub := s.feed(t, []PublisherOption{quick}, []SubscriberOption{quick})
		f := listen(t, p, sub)
		for n := range each {
			for topic := range topics {
				publishSequenced(t, p, at(fmt.Sprint(topic), fmt.Sprint(n)))
				if n == 0 { // what is lost before the first that came is no gap
					if got := f.next(t).GetNote(); got != "0" {
						t.Fatalf("the first message is %s", got)
					}
				}
			}
			if r.IntN(each/cuts) == 0 {
				p.pub.Links().Each(func(c *link.Conn) { c.Close(errors.New("cut by the test")) })
			}
			if r.IntN(each/cuts/2) == 0 {
				settled(t, sub)
			}
		}
		settled(t, sub)
		for topic := range topics {
			publishSequenced(t, p, at(fmt.Sprint(topic), "end"))
		}
		lost := accountFor(t, f, topics, 1, each)
		t.Logf("%d of %d messages were lost, and told of", lost, topics*each)
	})
}

// settled waits until there is a connection over which the subscriptions have
// reached the publisher.
func settled(t *testing.T, s *Subscriber) {
	t.Helper()
	testkit.Eventually(t, "a connection with the subscriptions", func() bool { return s.Ready(testkit.Within(t)) == nil })
}

// accountFor reads each topic from message first to its end, and returns how
// many messages were reported as lost.
func accountFor(t *testing.T, f *stream[*reading], topics, first, each int) (lost int) {
	t.Helper()
	next, ended := map[string]int{}, 0
	for topic := range topics {
		next[fmt.Sprint(topic)] = first
	}
	for ended < topics {
		i := testkit.Receive(t, f.items, "a message or a gap")
		var gap *GapError
		switch {
		case errors.As(i.err, &gap):
			station := strings.Split(gap.Topic, "/")[1]
			next[station] += int(gap.Lost)
			lost += int(gap.Lost)
		case i.err != nil:
			t.Fatal(i.err)
		case i.msg.GetNote() == "end":
			if n := next[i.msg.GetStation()]; n != each {
				t.Errorf("topic %s: %d of %d messages are accounted for", i.msg.GetStation(), n, each)
			}
			ended++
		default:
			if want := fmt.Sprint(next[i.msg.GetStation()]); i.msg.GetNote() != want {
				t.Fatalf("topic %s: got message %s, want %s", i.msg.GetStation(), i.msg.GetNote(), want)
			}
			next[i.msg.GetStation()]++
		}
	}
	return lost
}

// TestSequencedQueueFull has the publisher's queue for a peer that does not
// read run over: the drops are counted on both sides alike.
func TestSequencedQueueFull(t *testing.T) {
	const all = 5000
	p := publisher(t, Bind("tcp://127.0.0.1:*"), WithSendQueue(5, 1<<20))
	s := subscriber(t, Connect(p.Addrs()[0]), WithReceiveQueue(1, 1))
	release := make(chan struct{})
	f := follow(t, func(ctx context.Context) seq[*reading] {
		return func(yield func(*reading, error) bool) {
			for m, err := range Subscribe[reading](ctx, s, []stationFilter{{}}) {
				<-release
				if !yield(m, err) {
					return
				}
			}
		}
	})
	if err := p.WaitForSubscribers(testkit.Within(t), "weather/0/temperature", 1); err != nil {
		t.Fatal(err)
	}
	body := &testproto.Reading_Sensor{Sensor: strings.Repeat("x", 5000)} // all are more than the kernel takes
	sent := 0
	for ; sent < all && p.Dropped() < 100; sent++ {
		if err := Publish(testkit.Within(t), p, &sequenced, &reading{Station: "0", Note: proto.String(fmt.Sprint(sent)), Source: body}); err != nil {
			t.Fatal(err)
		}
	}
	close(release)
	testkit.Eventually(t, "an empty queue", func() bool { return queued(p) == 0 })
	dropped := int(p.Dropped())
	publishSequenced(t, p, at("0", "end"))
	if lost := accountFor(t, f, 1, 0, sent); lost != dropped || lost < 100 {
		t.Errorf("%d of %d were lost, as the subscriber says, and %d as the publisher does", lost, sent, dropped)
	}
}

func queued(p *Publisher) (n int) {
	p.pub.Links().Each(func(c *link.Conn) { n += c.Queued() })
	return n
}

// TestSequencedRestart starts another publisher in the place of the first.
func TestSequencedRestart(t *testing.T) {
	first, err := NewPublisher(Bind(closedPort(t)))
	if err != nil {
		t.Fatal(err)
	}
	endpoint := first.Addrs()[0]
	s := subscriber(t, Connect(endpoint), WithReconnectBackoff(time.Millisecond, 10*time.Millisecond))
	f := listen(t, first, s)
	publishSequenced(t, first, at("ams", "one"), at("ams", "two"))
	f.next(t)
	f.next(t)
	first.Close()
	second := publisher(t, Bind(endpoint))
	if err := second.WaitForSubscribers(testkit.Within(t), "weather/", 1); err != nil {
		t.Fatal(err)
	}
	publishSequenced(t, second, at("oslo", "three"), at("ams", "four"))
	var restarted *PublisherRestartedError
	err = f.nextError(t)
	if !errors.As(err, &restarted) || restarted.Old != first.pub.ID() || restarted.New != second.pub.ID() || restarted.Topic != "weather/oslo/temperature" {
		t.Errorf("got %v, want that %x is gone and %x is in its place", err, first.pub.ID(), second.pub.ID())
	}
	wantCode(t, err, CodeDataLoss, "has taken its place")
	for _, want := range []string{"three", "four"} {
		if got := f.next(t).GetNote(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestSequencedLag yields a message after the word that it is late, or ends.
func TestSequencedLag(t *testing.T) {
	for _, ends := range []bool{false, true} {
		endpoint, accept := listenRaw(t, "PUB")
		option := WithLagReport(time.Second)
		if ends {
			option = WithLagLimit(time.Second)
		}
		s := subscriber(t, Connect(endpoint), option)
		f := follow(t, func(ctx context.Context) seq[*reading] { return Subscribe[reading](ctx, s, []stationFilter{{}}) })
		pub := accept()
		pub.Command() // the subscription
		h := wire.PublicationHeader{Publisher: 1, Position: 1, Sequence: 1, TimeUs: uint64(time.Now().Add(-time.Minute).UnixMicro())}
		pub.send("weather/ams/temperature", "\x0a\x03ams", string(h.Append(nil)))
		var lag *LagError
		if err := f.nextError(t); !errors.As(err, &lag) || lag.Lag < time.Minute || lag.Limit != time.Second || lag.Ended != ends {
			t.Errorf("got %v, %+v", err, lag)
		}
		if ends {
			f.wantEnd(t)
		} else if got := f.next(t).GetStation(); got != "ams" {
			t.Errorf("got station %q", got)
		}
	}
	for _, o := range []SubscriberOption{WithLagReport(-1), WithLagLimit(-1)} {
		if s, err := NewSubscriber(Bind("inproc://*"), o); err == nil {
			s.Close()
			t.Errorf("%v is accepted", o)
		}
	}
}
