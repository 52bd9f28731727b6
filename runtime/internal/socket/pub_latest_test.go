package socket

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// sendLatest publishes under a topic of which only the newest message counts.
func sendLatest(p *Pub, topic, body string) {
	var a Audience
	frames := zmtp.AppendFrameString(zmtp.AppendFrameString(nil, zmtp.FlagMore, topic), 0, body)
	p.SendWith(LatestOnly, []byte(topic), frames, nil, &a)
}

// TestLatestOnly publishes much to a peer that does not read: it gets the
// newest message of each topic, in order for each, and every message is either
// sent or superseded. Nothing is remembered when it has caught up.
func TestLatestOnly(t *testing.T) {
	const topics, each = 5, 2000
	p, dial := remembering(t, 10)
	sub := dial()
	sub.Send(subscription(1, true, ""))
	if err := p.WaitSubscribers(testkit.Within(t), nil, 1); err != nil {
		t.Fatal(err)
	}
	padding := strings.Repeat("x", 2000) // all are more than the kernel takes
	for n := range each {
		for topic := range topics {
			sendLatest(p, fmt.Sprint(topic), fmt.Sprintf("%06d%s", n, padding))
		}
	}
	superseded := int(p.Conflated())
	if superseded == 0 || p.Dropped() != 0 {
		t.Fatalf("%d superseded, %d dropped", superseded, p.Dropped())
	}
	last, ended := map[string]string{}, 0
	received := 0
	for ; ended < topics; received++ {
		m := sub.Message()
		topic, body := string(m[0]), string(m[1])
		if len(m) != 2 || body <= last[topic] {
			t.Fatalf("topic %s: %.6s after %.6s, %d frames", topic, body, last[topic], len(m))
		}
		last[topic] = body
		if body[:6] == fmt.Sprintf("%06d", each-1) {
			ended++
		}
	}
	if received+superseded != topics*each {
		t.Errorf("%d received and %d superseded of %d", received, superseded, topics*each)
	}
	testkit.Eventually(t, "nothing is remembered", func() bool {
		p.store.mu.Lock()
		defer p.store.mu.Unlock()
		return p.store.topics.Len() == 0 && len(p.store.backlogs) == 0 && p.store.topics.Bytes() == 0 && p.store.topics.Oldest() == nil
	})
}

// TestLatestOnlyBounded gives up what waited longest when there are too many
// topics.
func TestLatestOnlyBounded(t *testing.T) {
	const topics, most = 1000, 100
	p, dial := remembering(t, 1)
	p.KeepTopics(most, 64<<20, stampFrame)
	sub := dial()
	sub.Send(subscription(1, true, ""))
	if err := p.WaitSubscribers(testkit.Within(t), nil, 1); err != nil {
		t.Fatal(err)
	}
	body := strings.Repeat("x", 20_000)
	for topic := range topics {
		sendLatest(p, fmt.Sprint(topic), body)
	}
	p.store.mu.Lock()
	if n := p.store.topics.Len(); n > most {
		t.Errorf("%d topics are remembered, at most %d may be", n, most)
	}
	p.store.mu.Unlock()
	dropped := int(p.Dropped())
	if dropped == 0 {
		t.Fatal("nothing was given up")
	}
	for range topics - dropped {
		sub.Message()
	}
	sendLatest(p, "end", "")
	if m := sub.Message(); string(m[0]) != "end" {
		t.Errorf("got %s, want the end: %d of %d were dropped", m[0], dropped, topics)
	}
}
