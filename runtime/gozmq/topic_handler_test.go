package gozmq

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
)

// alerts is a topic without fields, of another message.
var alerts = Topic[*bytez]{Name: "test.Feed/Alerts"}

func publishAlert(t testing.TB, p *Publisher, text string) {
	t.Helper()
	if err := Publish(testkit.Within(t), p, &alerts, wrapperspb.Bytes([]byte(text))); err != nil {
		t.Fatal(err)
	}
}

// handling runs a handler of both topics until the test ends, and returns when
// it has subscribed.
func handling(t testing.TB, s *Subscriber, onReading func(*reading) error, onAlert func(*bytez) error, opts ...TopicHandlerOption) (done <-chan error, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	subscribed, ended := make(chan struct{}), make(chan error, 1)
	opts = append(opts, WithSubscribedHandler(func() { close(subscribed) }))
	go func() {
		ended <- HandleTopics(ctx, s, "test.Feed", func() []TopicHandler {
			return []TopicHandler{
				HandleTopic(&temperature, stationFilter{}, func(_ context.Context, m *reading) error { return onReading(m) }),
				HandleTopic(&alerts, LiteralTopic(alerts.Name), func(_ context.Context, m *bytez) error { return onAlert(m) }),
			}
		}, opts)
		close(ended)
	}()
	t.Cleanup(func() { cancel(); <-ended })
	testkit.Receive(t, subscribed, "the subscriptions")
	ready(t, s)
	return ended, cancel
}

// All topics of a service come to one handler, in the order of their arrival.
func TestHandleTopics(t *testing.T) {
	everywhere(t, func(t *testing.T, s site) {
		p, events, sub := s.feed(t, nil, nil)
		got := make(chan string, 1000)
		ended, stop := handling(t, sub,
			func(m *reading) error { got <- "reading " + m.GetNote(); return nil },
			func(m *bytez) error { got <- "alert " + string(m.GetValue()); return nil })
		for i := range 200 {
			publish(t, p, at("a", fmt.Sprint(i)))
			if i%3 == 0 {
				publishAlert(t, p, fmt.Sprint(i))
			}
		}
		for i := range 200 {
			if m := testkit.Receive(t, got, "a reading"); m != fmt.Sprint("reading ", i) {
				t.Fatalf("got %q, want reading %d", m, i)
			}
			if i%3 == 0 {
				if m := testkit.Receive(t, got, "an alert"); m != fmt.Sprint("alert ", i) {
					t.Fatalf("got %q, want alert %d", m, i)
				}
			}
		}
		stop()
		if err := testkit.Receive(t, ended, "the end"); err != nil {
			t.Error(err)
		}
		events.wait(t, EventUnsubscribed, 2)
	})
}

// Errors of the stream and of the handler are reported, and the stream goes on.
func TestHandleTopicsErrors(t *testing.T) {
	endpoint, accept := listenRaw(t, "PUB")
	events := newRecorder()
	sub := subscriber(t, Connect(endpoint), events.option())
	raw := accept()
	type failure struct {
		topic string
		err   error
	}
	failures, good := make(chan failure, 10), make(chan string, 10)
	go func() {
		for { // Ready asks
			if _, err := raw.tryRecv(); err != nil {
				return
			}
		}
	}()
	subscribed := make(chan struct{})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- HandleTopics(ctx, sub, "test.Feed", func() []TopicHandler {
			return []TopicHandler{
				HandleTopic(&temperature, stationFilter{}, func(_ context.Context, m *reading) error {
					switch m.GetStation() {
					case "error":
						return errors.New("as asked")
					case "panic":
						panic("as asked")
					}
					good <- m.GetStation()
					return nil
				}),
				HandleTopic(&alerts, LiteralTopic(alerts.Name), func(context.Context, *bytez) error { return UnimplementedTopic(&alerts) }),
			}
		}, []TopicHandlerOption{
			WithSubscribedHandler(func() { close(subscribed) }),
			WithTopicErrorHandler(func(_ context.Context, topic string, err error) { failures <- failure{topic, err} }),
		})
	}()
	testkit.Receive(t, subscribed, "the subscriptions")
	for _, station := range []string{"error", "panic", "good"} {
		raw.send("weather/"+station+"/temperature", encode(t, at(station, "")))
		raw.send("weather/"+station+"/temperature", "\xff")
		raw.send(alerts.Name, "")
	}
	const prefix = "weather/"
	for _, want := range []struct{ topic, text string }{
		{prefix + "error/temperature", "as asked"}, {prefix + "error/temperature", "decode"}, {alerts.Name, "is not handled"},
		{prefix + "panic/temperature", "panicked: as asked"}, {prefix + "panic/temperature", "decode"},
		{prefix + "good/temperature", "decode"},
	} {
		f := testkit.Receive(t, failures, "a failure")
		for f.topic == alerts.Name && want.topic != alerts.Name {
			f = testkit.Receive(t, failures, "a failure") // one that was waiting when the topic was given up
		}
		if f.topic != want.topic {
			t.Fatalf("%s failed with %v, want %s", f.topic, f.err, want.topic)
		}
		wantText(t, f.err, want.text)
	}
	if s := testkit.Receive(t, good, "the good message"); s != "good" {
		t.Errorf("got %q", s)
	}
	if e := events.wait(t, EventTopicFailed, 1); e.Topic != "weather/error/temperature" || e.Procedure != temperature.Name {
		t.Errorf("event %+v", e)
	}
	if e := events.wait(t, EventPanic, 1); e.Procedure != temperature.Name || len(e.Stack) == 0 {
		t.Errorf("event %+v", e)
	}
	cancel()
	if err := testkit.Receive(t, ended, "the end"); err != nil {
		t.Error(err)
	}
}

// A topic that nobody handles is asked for no more.
func TestHandleTopicsUnimplemented(t *testing.T) {
	p, events, sub := site{endpoint: "tcp://127.0.0.1:*"}.feed(t, nil, nil)
	got := make(chan string, 10)
	handling(t, sub, func(m *reading) error { got <- m.GetStation(); return nil }, func(*bytez) error { return UnimplementedTopic(&alerts) })
	publishAlert(t, p, "1")
	if e := events.wait(t, EventUnsubscribed, 1); e.Topic != alerts.Name {
		t.Errorf("the subscription to %q was ended", e.Topic)
	}
	publish(t, p, at("still there", ""))
	testkit.Receive(t, got, "a reading")
}

func TestHandleTopicsFails(t *testing.T) {
	sub := subscriber(t, Bind("inproc://"+t.Name()))
	none := func() []TopicHandler { return nil }
	err := HandleTopics(t.Context(), sub, "test.Feed", none, []TopicHandlerOption{WithReceiveQueue(0, 0)})
	wantCode(t, err, CodeInvalidArgument, "test.Feed", "WithReceiveQueue")
	ended := make(chan error, 1)
	subscribed := make(chan struct{})
	go func() {
		ended <- HandleTopics(context.Background(), sub, "test.Feed", none, []TopicHandlerOption{WithSubscribedHandler(func() { close(subscribed) })})
	}()
	testkit.Receive(t, subscribed, "the start")
	if err := sub.Close(); err != nil {
		t.Error(err)
	}
	if err := testkit.Receive(t, ended, "the end with the subscriber"); err != nil {
		t.Error(err)
	}
	wantCode(t, HandleTopics(t.Context(), sub, "test.Feed", none, nil), CodeCanceled, "closed")
}
