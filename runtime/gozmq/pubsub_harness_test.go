package gozmq

import (
	"context"
	"iter"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/testproto"
)

type reading = testproto.Reading

// temperature is a topic as generated code has it for the template
// "weather/{station}/temperature".
var temperature = Topic[*reading]{Name: "test.Feed/Temperature", Append: func(b []byte, m *reading) []byte {
	b = append(b, "weather/"...)
	b = AppendString(b, m.GetStation(), '/')
	return append(b, "/temperature"...)
}}

// A stationFilter is the filter for that template.
type stationFilter struct{ Station Match[string] }

func (f stationFilter) TopicPattern() TopicPattern {
	var p TopicPattern
	p.Literal("weather/")
	MatchString(&p, f.Station, '/')
	p.Literal("/temperature")
	return p
}

func stations(names ...string) []stationFilter {
	var list []stationFilter
	for _, name := range names {
		list = append(list, stationFilter{Station: Eq(name)})
	}
	return list
}

// at is a reading of a station.
func at(station, note string) *reading {
	return &reading{Station: station, Note: proto.String(note)}
}

// publisher opens a Publisher until the test ends.
func publisher(t testing.TB, opts ...PublisherOption) *Publisher {
	t.Helper()
	p, err := NewPublisher(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Errorf("Publisher.Close: %v", err)
		}
	})
	return p
}

// subscriber opens a Subscriber until the test ends.
func subscriber(t testing.TB, opts ...SubscriberOption) *Subscriber {
	t.Helper()
	s, err := NewSubscriber(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Subscriber.Close: %v", err)
		}
	})
	return s
}

// feed opens a Publisher, with a recorder, and a Subscriber to it.
func (s site) feed(t testing.TB, pub []PublisherOption, sub []SubscriberOption) (*Publisher, *recorder, *Subscriber) {
	t.Helper()
	events := newRecorder()
	pub = append(pub, events.option())
	if s.swapped {
		subscriber := subscriber(t, append(sub, Bind(s.endpoint))...)
		return publisher(t, append(pub, Connect(subscriber.Addrs()[0]))...), events, subscriber
	}
	p := publisher(t, append(pub, Bind(s.endpoint))...)
	return p, events, subscriber(t, append(sub, Connect(p.Addrs()[0]))...)
}

type seq[P any] = iter.Seq2[P, error]

// An item is what an iterator yielded.
type item[P any] struct {
	msg P
	err error
}

// A stream is an iteration that runs in a goroutine of its own.
type stream[P any] struct {
	items chan item[P] // closed when the iteration has ended
	stop  context.CancelFunc
}

// follow starts the iteration that begin returns, and ends it with the test.
func follow[P any](t testing.TB, begin func(ctx context.Context) seq[P]) *stream[P] {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	s := &stream[P]{items: make(chan item[P], 10_000), stop: cancel}
	go func() {
		defer close(s.items)
		for m, err := range begin(ctx) {
			s.items <- item[P]{m, err}
		}
	}()
	t.Cleanup(func() {
		cancel()
		for range s.items {
		}
	})
	return s
}

// next returns the next message.
func (s *stream[P]) next(t testing.TB) P {
	t.Helper()
	i := testkit.Receive(t, s.items, "a message")
	if i.err != nil {
		t.Fatalf("got error %v, want a message", i.err)
	}
	return i.msg
}

// nextError returns the next error.
func (s *stream[P]) nextError(t testing.TB) error {
	t.Helper()
	i := testkit.Receive(t, s.items, "an error")
	if i.err == nil {
		t.Fatalf("got message %v, want an error", i.msg)
	}
	return i.err
}

// wantEnd waits for the end of the iteration, with nothing before it.
func (s *stream[P]) wantEnd(t testing.TB) {
	t.Helper()
	i := testkit.Receive(t, s.items, "the end of the iteration")
	if _, open := <-s.items; open {
		t.Fatalf("got %v, %v, want the end", i.msg, i.err)
	}
}

// listen subscribes to readings and waits until the publisher knows.
func listen(t testing.TB, p *Publisher, s *Subscriber, filters ...stationFilter) *stream[*reading] {
	t.Helper()
	before := s.running()
	f := follow(t, func(ctx context.Context) seq[*reading] { return Subscribe[reading](ctx, s, filters) })
	testkit.Eventually(t, "the subscription", func() bool { return s.running() > before })
	topics := []string{"weather/any/temperature"}
	for i, filter := range filters {
		topics = append(topics[:i], filter.TopicPattern().String())
	}
	for _, topic := range topics {
		if err := p.WaitForSubscribers(testkit.Within(t), topic, 1); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

// running returns how many iterations have begun and not ended.
func (s *Subscriber) running() int { return s.hub.Usage().Subscriptions }

func publish(t testing.TB, p *Publisher, readings ...*reading) {
	t.Helper()
	for _, r := range readings {
		if err := Publish(testkit.Within(t), p, &temperature, r); err != nil {
			t.Fatal(err)
		}
	}
}
