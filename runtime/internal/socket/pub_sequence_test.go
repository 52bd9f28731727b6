package socket

import (
	"encoding/binary"
	"fmt"
	"reflect"
	"sync"
	"testing"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/lru"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// stampFrame is a header as these tests have it: three numbers.
func stampFrame(b []byte, s Stamp) []byte {
	var body []byte
	for _, n := range []uint64{s.Position, s.Previous, s.Sequence} {
		body = binary.BigEndian.AppendUint64(body, n)
	}
	return zmtp.AppendFrame(b, 0, body)
}

func parseStamp(t *testing.T, b []byte) Stamp {
	t.Helper()
	if len(b) != 24 {
		t.Fatalf("header is % x", b)
	}
	return Stamp{Position: binary.BigEndian.Uint64(b), Previous: binary.BigEndian.Uint64(b[8:]), Sequence: binary.BigEndian.Uint64(b[16:])}
}

// sendStamped publishes as a Publisher does: encoded only if someone is there.
func sendStamped(p *Pub, topic, body string) {
	var a Audience
	var frames []byte
	if p.Audience([]byte(topic), &a) {
		frames = topicAndBody(topic, body)
	}
	p.SendWith(Sequenced, []byte(topic), frames, nil, &a)
}

func topicAndBody(topic, body string) []byte {
	return zmtp.AppendFrameString(zmtp.AppendFrameString(nil, zmtp.FlagMore, topic), zmtp.FlagMore, body)
}

// TestStamps checks how messages are numbered, with more topics than
// it may remember: what is forgotten is never said to have had fewer messages
// than it had.
func TestStamps(t *testing.T) {
	var forgotten []string
	p := NewPub(link.Config{Observe: func(e link.Event) {
		if e.Kind == link.Forgotten {
			forgotten = append(forgotten, e.Topic)
		}
	}}, 1)
	closing(t, p.Shutdown)
	p.KeepTopics(2, 1<<20, stampFrame)
	for i, step := range []struct {
		topic string
		want  Stamp
	}{
		{"a", Stamp{Position: 1, Previous: 0, Sequence: 1}},
		{"a", Stamp{Position: 2, Previous: 1, Sequence: 2}},
		{"b", Stamp{Position: 3, Previous: 0, Sequence: 1}},
		{"a", Stamp{Position: 4, Previous: 2, Sequence: 3}},
		{"c", Stamp{Position: 5, Previous: 0, Sequence: 1}}, // forgets b
		{"b", Stamp{Position: 6, Previous: 3, Sequence: 2}}, // forgets a, with 4 and 3
		{"a", Stamp{Position: 7, Previous: 4, Sequence: 4}},
		{"d", Stamp{Position: 8, Previous: 5, Sequence: 4}}, // may have been forgotten, as far as is known
	} {
		got := p.store.stamp(p.store.find([]byte(step.topic)), []byte(step.topic), Sequenced).last
		got.Time, got.Traits = step.want.Time, 0
		if !reflect.DeepEqual(got, step.want) {
			t.Errorf("message %d, of %s: got %+v, want %+v", i+1, step.topic, got, step.want)
		}
	}
	if got := fmt.Sprint(forgotten); got != "[b a c b]" {
		t.Errorf("forgotten: %s", got)
	}
}

// TestStoreBytes holds the store to its bytes; one topic always fits.
func TestStoreBytes(t *testing.T) {
	p := NewPub(link.Config{}, 1)
	closing(t, p.Shutdown)
	p.KeepTopics(1000, 3*(lru.Overhead+1), stampFrame)
	for i := range 10 {
		p.store.stamp(nil, fmt.Append(nil, i), Sequenced)
		if have, want := p.store.topics.Len(), min(i+1, 3); have != want || p.store.topics.Bytes() != want*(lru.Overhead+1) {
			t.Errorf("after %d topics: %d remembered, of %d bytes", i+1, have, p.store.topics.Bytes())
		}
	}
	p.store.stamp(nil, make([]byte, 4*lru.Overhead), Sequenced)
	if p.store.topics.Len() != 1 || p.store.topics.Oldest() == nil {
		t.Errorf("%d topics are remembered, want the long one", p.store.topics.Len())
	}
}

// TestStampedOrder publishes from many goroutines; a peer gets all messages in
// the order of their positions, and each topic's without a gap.
func TestStampedOrder(t *testing.T) {
	const senders, each, topics = 8, 100, 5
	cfg := pubConfig(newRecorder())
	cfg.SendQueue = senders*each + 10
	p, ep := publishing(t, cfg, 10, tcp)
	p.KeepTopics(100, 1<<20, stampFrame)
	sub := zmtptest.DialAs(t, ep, "SUB")
	sub.Send(subscription(1, true, ""))
	if err := p.WaitSubscribers(testkit.Within(t), nil, 1); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range senders {
		wg.Go(func() {
			for n := range each {
				sendStamped(p, fmt.Sprint(n%topics), "body")
			}
		})
	}
	last := map[string]Stamp{}
	for position := range uint64(senders * each) {
		m := sub.Message()
		s, before := parseStamp(t, m[2]), last[string(m[0])]
		if s.Position != position+1 || s.Sequence != before.Sequence+1 || s.Previous != before.Position {
			t.Fatalf("message %d, of topic %s: %+v follows %+v", position+1, m[0], s, before)
		}
		last[string(m[0])] = s
	}
	wg.Wait()
}

// TestStampedUnheard checks that messages that nobody gets are counted, and not
// sent.
func TestStampedUnheard(t *testing.T) {
	p, ep := publishing(t, pubConfig(newRecorder()), 10, tcp)
	p.KeepTopics(100, 1<<20, stampFrame)
	sendStamped(p, "a", "1")
	sendStamped(p, "b", "2")
	sub := zmtptest.DialAs(t, ep, "SUB")
	sub.Send(subscription(1, true, "a"))
	if err := p.WaitSubscribers(testkit.Within(t), []byte("a"), 1); err != nil {
		t.Fatal(err)
	}
	sendStamped(p, "b", "3")
	sendStamped(p, "a", "4")
	m := sub.Message()
	if s := parseStamp(t, m[2]); string(m[1]) != "4" || !reflect.DeepEqual(s, Stamp{Position: 4, Previous: 1, Sequence: 2}) {
		t.Errorf("got %q with %+v", m, s)
	}
}
