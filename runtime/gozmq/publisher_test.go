package gozmq

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/testproto"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A message that nobody subscribed to is not encoded: one that cannot be does
// no harm then.
func TestPublishEncodesOnlyForSubscribers(t *testing.T) {
	everywhere(t, func(t *testing.T, s site) {
		p, _, sub := s.feed(t, nil, nil)
		topic := Topic[*testproto.Order]{Name: "test.Feed/Order"}
		bad := &testproto.Order{} // without a required field
		if err := Publish(testkit.Within(t), p, &topic, bad); err != nil {
			t.Fatalf("without subscribers: %v", err)
		}
		readings := listen(t, p, sub)
		if err := Publish(testkit.Within(t), p, &topic, bad); err != nil {
			t.Fatalf("with a subscriber of another topic: %v", err)
		}
		var pattern TopicPattern
		pattern.Literal(topic.Name)
		orders := follow(t, func(ctx context.Context) seq[*testproto.Order] {
			return Subscribe[testproto.Order](ctx, sub, []TopicPattern{pattern})
		})
		if err := p.WaitForSubscribers(testkit.Within(t), topic.Name, 1); err != nil {
			t.Fatal(err)
		}
		wantCode(t, Publish(testkit.Within(t), p, &topic, bad), CodeInvalidArgument, topic.Name, "gozmq.test.legacy.Order", "customer")
		good := &testproto.Order{Customer: proto.String("c")}
		if err := Publish(testkit.Within(t), p, &topic, good); err != nil {
			t.Fatal(err)
		}
		wantEqual(t, orders.next(t), good)
		publish(t, p, at("ams", ""))
		wantEqual(t, readings.next(t), at("ams", ""))
	})
}

func TestPublishErrors(t *testing.T) {
	p := publisher(t, Bind("inproc://"+t.Name()))
	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	err := Publish(canceled, p, &temperature, at("ams", ""))
	wantCode(t, err, CodeCanceled, temperature.Name)
	late, cancel := context.WithDeadline(context.Background(), time.Now().Add(-1))
	defer cancel()
	wantCode(t, Publish(late, p, &temperature, at("ams", "")), CodeDeadlineExceeded)
	if !errors.Is(err, context.Canceled) {
		t.Error("errors.Is(err, context.Canceled) does not hold")
	}
}

// What is too large is an error here, and costs nobody the connection.
func TestPublishLimits(t *testing.T) {
	long := strings.Repeat("x", 100*small)
	bare := Topic[*reading]{Name: "test.Bare/Event", Bare: true}
	tests := []struct {
		name  string
		topic *Topic[*reading]
		msg   *reading
		code  Code
	}{
		{"body", &temperature, at("ams", long), CodeResourceExhausted},
		{"bare body", &bare, at("ams", long), CodeResourceExhausted},
		{"topic", &temperature, at(long, ""), CodeInvalidArgument},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, events, sub := site{endpoint: "inproc://" + t.Name()}.feed(t, []PublisherOption{WithMaxMessageSize(small)}, []SubscriberOption{WithMaxMessageSize(small)})
			good := listen(t, p, sub)
			everything := follow(t, func(ctx context.Context) seq[*reading] { return SubscribeBare[reading](ctx, sub) })
			if err := p.WaitForSubscribers(testkit.Within(t), "", 1); err != nil {
				t.Fatal(err)
			}
			wantCode(t, Publish(testkit.Within(t), p, tt.topic, tt.msg), tt.code, tt.topic.Name)
			publish(t, p, at("ams", ""))
			wantEqual(t, good.next(t), at("ams", ""))
			for _, k := range events.kinds() {
				if k == EventDisconnected {
					t.Error("the subscriber was disconnected")
				}
			}
			everything.stop()
		})
	}
}

func TestWaitForSubscribers(t *testing.T) {
	p := publisher(t, Bind("tcp://127.0.0.1:*"))
	short, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if err := p.WaitForSubscribers(short, "weather/", 0); err != nil {
		t.Errorf("waiting for nobody: %v", err)
	}
	wantCode(t, p.WaitForSubscribers(short, "weather/x", 2), CodeDeadlineExceeded, `"weather/x"`, "0 of 2 subscribers")

	const n = 3
	waits := make(chan error, 1)
	go func() { waits <- p.WaitForSubscribers(testkit.Within(t), "weather/ams/temperature", n) }()
	for range n {
		s := subscriber(t, Connect(p.Addrs()[0]))
		listen(t, p, s, stations("ams")...)
		listen(t, p, s) // another subscription of the same peer does not count twice
	}
	if err := testkit.Receive(t, waits, "the end of the wait"); err != nil {
		t.Error(err)
	}
	go func() { waits <- p.WaitForSubscribers(context.Background(), "weather/", n+1) }()
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	wantText(t, testkit.Receive(t, waits, "the end of the wait"), "wait for subscribers", "closed")
	if err := p.Close(); err != nil {
		t.Errorf("Close again: %v", err)
	}
	wantCode(t, Publish(testkit.Within(t), p, &temperature, at("ams", "")), CodeCanceled, "closed")
	wantCode(t, p.WaitForSubscribers(testkit.Within(t), "weather/", 1), CodeCanceled, "the publisher is closed")
}

// A wait for a filter counts who gets all that it takes.
func TestWaitForSubscribersTo(t *testing.T) {
	p, _, sub := site{endpoint: "tcp://127.0.0.1:*"}.feed(t, nil, nil)
	ams := stations("ams")[0]
	one := open(t, sub, stations("ams", "amsterdam"))
	ready(t, sub)
	short, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	wantCode(t, p.WaitForSubscribersTo(short, stationFilter{}, 1), CodeDeadlineExceeded, `"weather/"`, "0 of 1")
	wantCode(t, p.WaitForSubscribersTo(short, ams, 2), CodeDeadlineExceeded, "1 of 2")
	if err := p.WaitForSubscribersTo(testkit.Within(t), ams, 1); err != nil {
		t.Error(err)
	}
	one.Add(stationFilter{})
	for _, f := range []stationFilter{{}, ams, stations("elsewhere")[0]} {
		if err := p.WaitForSubscribersTo(testkit.Within(t), f, 1); err != nil {
			t.Error(err)
		}
	}
}

// A subscriber that does not read misses messages, which are counted and
// reported. The publisher never waits, and other subscribers miss nothing.
func TestSlowSubscriber(t *testing.T) {
	events := newRecorder()
	p := publisher(t, Bind("tcp://127.0.0.1:*"), WithSendQueue(100, 256<<10), WithHeartbeat(20*time.Millisecond, time.Minute), events.option())
	slow := dialRaw(t, p.Addrs()[0], zmtp.Sub)
	slow.Send(zmtp.AppendCommand(nil, zmtp.CommandSubscribe, []byte("weather/")))
	events.wait(t, EventSubscribed, 1)
	sub := subscriber(t, Connect(p.Addrs()[0]))
	fast := listen(t, p, sub)
	events.wait(t, EventSubscribed, 2)
	note := strings.Repeat("x", 16<<10)
	sent, whole := 0, 0 // whole: up to which nothing was dropped
	for p.Dropped() < 100 {
		if p.Dropped() == 0 {
			whole = sent
		}
		sent++
		publish(t, p, at(fmt.Sprint(sent), note))
		if got := fast.next(t); got.GetStation() != fmt.Sprint(sent) {
			t.Fatalf("the other subscriber got message %s in place of %d", got.GetStation(), sent)
		}
		if sent > 1e5 {
			t.Fatal("nothing was dropped")
		}
	}
	e := events.wait(t, EventDropped, 1)
	if e.Count < 1 || e.Peer == "" || e.Endpoint != p.Addrs()[0] {
		t.Errorf("the event says %+v", e)
	}
	wantText(t, e.Err, "queue is full")
	// What it did get is whole and in order, up to the first drop without a gap,
	// and is all that was not dropped.
	last := 0
	for range sent - int(p.Dropped()) {
		frames := slow.recv()
		var m reading
		if err := proto.Unmarshal([]byte(frames[1]), &m); err != nil {
			t.Fatal(err)
		}
		n, err := strconv.Atoi(m.GetStation())
		if err != nil || n <= last || last < whole && n != last+1 || frames[0] != fmt.Sprintf("weather/%d/temperature", n) {
			t.Fatalf("behind message %d comes %s under topic %s; nothing was dropped up to %d", last, m.GetStation(), frames[0], whole)
		}
		last = n
	}
	slow.Close()
	events.wait(t, EventDisconnected, 1)
}

func TestMaxSubscriptions(t *testing.T) {
	events := newRecorder()
	p := publisher(t, Bind("tcp://127.0.0.1:*"), WithMaxSubscriptions(2), events.option())
	greedy := dialRaw(t, p.Addrs()[0], zmtp.Sub)
	for _, topic := range []string{"a", "b", "c"} {
		greedy.Send(zmtp.AppendCommand(nil, zmtp.CommandSubscribe, []byte(topic)))
	}
	wantText(t, events.wait(t, EventDisconnected, 1).Err, "peer has 2 subscriptions", "WithMaxSubscriptions")
	greedy.wantClosed()
	listen(t, p, subscriber(t, Connect(p.Addrs()[0])))
}
