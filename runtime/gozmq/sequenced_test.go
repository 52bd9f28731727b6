package gozmq

import (
	"testing"

	"google.golang.org/protobuf/proto"

	gozmqv1 "github.com/gozmq/gozmq/proto/gozmq/v1"
)

// sequenced is the topic temperature with the trait.
var sequenced = Topic[*reading]{Name: temperature.Name, Append: temperature.Append, Traits: Sequenced}

func publishSequenced(t testing.TB, p *Publisher, readings ...*reading) {
	t.Helper()
	for _, r := range readings {
		if err := Publish(within(t), p, &sequenced, r); err != nil {
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
	if err := p.WaitForSubscribers(within(t), "weather/ams/", 1); err != nil {
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
	if err := p.WaitForSubscribers(within(t), "", 1); err != nil {
		t.Fatal(err)
	}
	wantCode(t, Publish(within(t), p, &sequenced, at("ams", string(make([]byte, 100)))), CodeResourceExhausted)
	wantCode(t, Publish(within(t), p, &sequenced, at(string(make([]byte, maxTopic)), "")), CodeInvalidArgument)
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
