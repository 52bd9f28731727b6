package gozmq

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
)

// TestConnected follows a subscriber that finds its publisher, loses it and
// finds it again.
func TestConnected(t *testing.T) {
	for name, endpoint := range map[string]string{"tcp": closedPort(t), "ipc": "ipc://" + t.TempDir() + "/s", "inproc": "inproc://" + t.Name()} {
		t.Run(name, func(t *testing.T) { testConnected(t, endpoint) })
	}
}

func testConnected(t *testing.T, endpoint string) {
	t.Helper()
	s := subscriber(t, Connect(endpoint), WithReconnectBackoff(time.Millisecond, 10*time.Millisecond), WithHeartbeat(20*time.Millisecond, time.Minute))
	before := s.Connected()
	if before.Publishers != 0 || before.Since.IsZero() || !before.LastReceived.IsZero() {
		t.Errorf("before the first publisher: %+v", before)
	}
	for range 2 {
		p, err := NewPublisher(Bind(endpoint), WithHeartbeat(20*time.Millisecond, time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		testkit.Eventually(t, "a publisher", func() bool { return s.Connected().Publishers == 1 })
		found := s.Connected()
		if !found.Since.After(before.Since) {
			t.Errorf("found %+v after %+v", found, before)
		}
		testkit.Eventually(t, "a sign of life", func() bool { return s.Connected().LastReceived.After(found.LastReceived) })
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		testkit.Eventually(t, "its end", func() bool { return s.Connected().Publishers == 0 })
		if before = s.Connected(); !before.Since.After(found.Since) || before.LastReceived.Before(found.LastReceived) {
			t.Errorf("lost %+v after %+v", before, found)
		}
	}
}

// TestIdleError has a stream say that nothing comes, again and again, and go on.
func TestIdleError(t *testing.T) {
	for transport, endpoint := range endpoints() {
		t.Run(transport, func(t *testing.T) { testIdleError(t, site{endpoint: endpoint}) })
	}
}

func testIdleError(t *testing.T, where site) {
	t.Helper()
	for _, policy := range []Overflow{OverflowBlock, OverflowDropOldest} {
		t.Run(policy.String(), func(t *testing.T) {
			p, _, s := where.feed(t, nil, []SubscriberOption{WithIdleError(20 * time.Millisecond)})
			one := open(t, s, nil, WithOverflow(policy))
			ready(t, s)
			publish(t, p, at("ams", "1"))
			begin, idle, messages := time.Now(), 0, 0
			for m, err := range one.All(testkit.Within(t)) {
				if err == nil {
					if messages++; messages == 2 {
						break
					}
					wantEqual(t, m, at("ams", "1"))
					continue
				}
				var e *IdleError
				if !errors.As(err, &e) || CodeOf(err) != CodeUnavailable || e.Publishers != 1 || e.Since.Before(begin) || time.Since(e.Since) < 20*time.Millisecond {
					t.Fatalf("got %v, %+v", err, e)
				}
				wantText(t, err, "no publication for", "with 1 publishers connected")
				if idle++; idle == 3 {
					publish(t, p, at("ams", "2"))
				}
			}
			if messages != 2 || idle < 3 {
				t.Errorf("%d messages, %d times idle", messages, idle)
			}
		})
	}
	alone := subscriber(t, Bind("inproc://"+t.Name()))
	for _, err := range open(t, alone, nil, WithIdleError(time.Millisecond)).All(testkit.Within(t)) {
		var e *IdleError
		if !errors.As(err, &e) || e.Publishers != 0 {
			t.Errorf("without a publisher: %v", err)
		}
		break
	}
}

// Handlers hear of an idle stream in the error handler.
func TestIdleErrorInHandlers(t *testing.T) {
	s := subscriber(t, Bind("inproc://"+t.Name()))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	failures := make(chan string, 10)
	go func() {
		_ = HandleTopics(ctx, s, "test.Feed", func() []TopicHandler { return nil }, []TopicHandlerOption{
			WithIdleError(time.Millisecond),
			WithTopicErrorHandler(func(_ context.Context, topic string, err error) {
				select {
				case failures <- fmt.Sprint(topic, errors.As(err, new(*IdleError))):
				default:
				}
			}),
		})
	}()
	if got := testkit.Receive(t, failures, "the error"); got != "true" {
		t.Errorf("got %q", got)
	}
}

// TestPublisherEnds has the streams of a subscriber say why a publisher has
// ended the connection: it holds one subscription too many.
func TestPublisherEnds(t *testing.T) {
	for _, policy := range []Overflow{OverflowBlock, OverflowDropOldest} {
		t.Run(policy.String(), func(t *testing.T) {
			p := publisher(t, Bind("tcp://127.0.0.1:*"), WithMaxSubscriptions(2))
			s := subscriber(t, Connect(p.Addrs()[0]), WithOverflow(policy))
			one := open(t, s, stations("a", "b"))
			ready(t, s)
			publish(t, p, at("a", ""))
			other := open(t, s, stations("c"))
			for _, sub := range []Subscription[*reading, stationFilter]{one, other} {
				for _, err := range sub.All(testkit.Within(t)) {
					if err == nil {
						continue
					}
					wantCode(t, err, CodeUnavailable, p.Addrs()[0], "peer has 2 subscriptions, no more are allowed", "WithMaxSubscriptions")
					break
				}
			}
			other.Close()
			ready(t, s) // it comes back, and the stream goes on
			publish(t, p, at("b", ""))
			for m, err := range one.All(testkit.Within(t)) {
				if err == nil && m.GetStation() == "b" {
					break
				}
			}
		})
	}
}

// TestGapBeforeFirst counts what the own queue drops of a topic before the stream's
// first message of it.
func TestGapBeforeFirst(t *testing.T) { overEach(t, testGapBeforeFirst) }

func testGapBeforeFirst(t *testing.T, where site) {
	t.Helper()
	p, _, s := where.feed(t, nil, nil)
	stuck := open(t, s, nil, WithReceiveQueue(3, 1<<20), WithOverflow(OverflowDropOldest))
	quick := open(t, s, nil)
	ready(t, s)
	for i := range 10 {
		publishAs(t, p, Sequenced, at("ams", fmt.Sprint(i)))
	}
	wantNotes(t, quick, "ams", 0, 10) // the other has dropped seven by then, or soon
	testkit.Eventually(t, "the drops", func() bool { return stuck.Dropped() == 7 })
	var gaps, messages uint64
	for _, err := range stuck.All(testkit.Within(t)) {
		var gap *GapError
		if errors.As(err, &gap) {
			gaps += gap.Lost
			continue
		}
		if messages++; messages == 3 {
			publishAs(t, p, Sequenced, at("ams", "last"))
		}
		if messages == 4 {
			break
		}
	}
	if gaps != 7 {
		t.Errorf("%d messages were reported as missed, want 7", gaps)
	}
}
