package soak

import (
	"context"
	"fmt"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqimpl"
	"github.com/gozmq/gozmq/runtime/gozmqtest"
)

// A feedLine is a publisher and a subscriber with a proxy between them.
type feedLine struct {
	*gozmqtest.Proxy
	*numberLog
	pub              *gozmq.Publisher
	sender, receiver *recorder
	sent             int64
}

func newFeedLine(t testing.TB, before func(*gozmqtest.Proxy), opts ...gozmq.SocketOption) *feedLine {
	t.Helper()
	l := &feedLine{numberLog: newNumberLog(), sender: newRecorder(), receiver: newRecorder()}
	pub, sub := []gozmq.PublisherOption{l.sender.option()}, []gozmq.SubscriberOption{l.receiver.option(), fast()}
	for _, o := range opts {
		pub, sub = append(pub, o), append(sub, o)
	}
	l.pub = gozmqtest.Open(gozmq.NewPublisher(append(pub, gozmq.Bind(anyPort))...)).For(t)
	l.Proxy = gozmqtest.NewProxy(t, l.pub.Addrs()[0])
	if before != nil {
		before(l.Proxy)
	}
	s := gozmqtest.Open(gozmq.NewSubscriber(append(sub, gozmq.Connect(l.Endpoint()))...)).For(t)
	listen(t, l.numberLog, s)
	return l
}

// listen logs what a subscriber receives until the test ends.
func listen(t testing.TB, l *numberLog, s *gozmq.Subscriber) {
	gozmqtest.Run(t, func(ctx context.Context) error {
		for n, err := range gozmqimpl.SubscribeAll(ctx, s, numberTopic) {
			if err != nil {
				return err
			}
			l.add(n.GetValue())
		}
		return nil
	})
}

// subscribed waits until the publisher has a subscription.
func (l *feedLine) subscribed(t testing.TB) {
	t.Helper()
	must(t, l.pub.WaitForSubscribers(testkit.Within(t), numberName, 1))
}

func (l *feedLine) publish(t testing.TB, n int) {
	t.Helper()
	for range n {
		l.sent++
		must(t, gozmqimpl.Publish(t.Context(), l.pub, numberTopic, wrapperspb.Int64(l.sent)))
	}
}

func (l *feedLine) settle(t testing.TB) {
	t.Helper()
	settle(t, l.numberLog, func() int64 { l.publish(t, 1); return l.sent })
}

func TestFeedSurvivesHarmlessFaults(t *testing.T) {
	for _, f := range harmless() {
		t.Run(f.name, func(t *testing.T) {
			l := newFeedLine(t, f.on)
			l.subscribed(t)
			l.publish(t, 50)
			l.waitFor(t, 50)
			l.account(t, l.sent).wantWhole(t)
		})
	}
}

// The subscriber subscribes again on each connection; what was published
// meanwhile is missing, in one gap per connection.
func TestFeedReset(t *testing.T) {
	random := newRand(t)
	l := newFeedLine(t, nil)
	l.subscribed(t)
	const resets = 10
	for range resets {
		before := l.Bytes(gozmqtest.ToClient)
		l.settle(t) // it is subscribed again
		for end := before + random.IntN(5_000); l.Bytes(gozmqtest.ToClient) < end; {
			l.publish(t, 10)
			l.waitFor(t, l.sent)
		}
		l.publish(t, 50)
		l.Reset()
	}
	l.settle(t)
	a := l.account(t, l.sent).wantBreaks(t, resets)
	if l.sender.count(gozmq.EventSubscribed) < resets {
		t.Errorf("%d subscriptions came, want one per connection", l.sender.count(gozmq.EventSubscribed))
	}
	if a.received == 0 {
		t.Error("nothing was received")
	}
}

// The connection ends within the exchange, at every byte of it: greeting,
// handshake, subscription, messages.
func TestFeedCutAnywhere(t *testing.T) {
	const messages = 3
	for name, d := range directions {
		t.Run(name, func(t *testing.T) {
			whole := newFeedLine(t, nil)
			whole.subscribed(t)
			whole.publish(t, messages)
			whole.waitFor(t, messages)
			for n := range whole.Bytes(d) + 1 {
				t.Run(fmt.Sprint(n), func(t *testing.T) {
					t.Parallel()
					l := newFeedLine(t, func(p *gozmqtest.Proxy) { p.Cut(d, n) })
					l.subscribed(t)
					l.publish(t, messages)
					l.settle(t)
					// What the old connection carried may still be counted
					// as published to nobody: one gap.
					l.account(t, l.sent).wantBreaks(t, 1)
				})
			}
		})
	}
}

// A subscriber that is silent while its connection stays open is found out by
// the publisher, and the publisher by the subscriber.
func TestFeedHalfOpen(t *testing.T) {
	l := newFeedLine(t, nil, alert(), brisk())
	l.subscribed(t)
	l.publish(t, 10)
	l.waitFor(t, 10)
	l.Stall()
	l.publish(t, 10)
	l.sender.wait(t, 1, gozmq.EventHeartbeatLost)
	l.receiver.wait(t, 1, gozmq.EventHeartbeatLost)
	l.Resume()
	l.settle(t)
	l.account(t, l.sent).wantBreaks(t, l.Connections()-1)
}

// What a stalled subscriber's queue does not hold is dropped and counted: what
// was received and what was dropped is what was published.
func TestFeedDropsAreCounted(t *testing.T) {
	const queue = 100
	l := newFeedLine(t, nil, gozmq.WithSendQueue(queue, 1<<20), gozmq.WithHeartbeat(20*time.Millisecond, 20*time.Second))
	l.subscribed(t)
	l.publish(t, 10)
	l.waitFor(t, 10)
	l.Stall()
	for l.pub.Dropped() < 1000 {
		l.publish(t, 100)
	}
	l.Resume()
	l.settle(t)
	a := l.account(t, l.sent)
	if a.lost != int(l.pub.Dropped()) || a.swaps != 0 {
		t.Errorf("%v; %d were dropped", a, l.pub.Dropped())
	}
	l.sender.wait(t, 1, gozmq.EventDropped)
	if l.Connections() != 1 {
		t.Errorf("there were %d connections, want 1", l.Connections())
	}
	t.Logf("%v; %d dropped", a, l.pub.Dropped())
}

// A publisher that stalls holds up nobody else, and the subscriber goes on
// where it was.
func TestFeedSeveralPublishers(t *testing.T) {
	a, b := newNumberPublisher(t), newNumberPublisher(t)
	pa, pb := gozmqtest.NewProxy(t, a.Addrs()[0]), gozmqtest.NewProxy(t, b.Addrs()[0])
	s := gozmqtest.Open(gozmq.NewSubscriber(gozmq.Connect(pa.Endpoint(), pb.Endpoint()), fast())).For(t)
	log := newNumberLog()
	listen(t, log, s)
	for _, p := range []*gozmq.Publisher{a, b} {
		must(t, p.WaitForSubscribers(testkit.Within(t), numberName, 1))
	}
	pa.Stall()
	must(t, gozmqimpl.Publish(t.Context(), a, numberTopic, wrapperspb.Int64(1)))
	for n := range int64(50) {
		must(t, gozmqimpl.Publish(t.Context(), b, numberTopic, wrapperspb.Int64(n+2)))
	}
	log.waitFor(t, 51)
	pa.Resume()
	log.waitFor(t, 1)
}

func newNumberPublisher(t testing.TB) *gozmq.Publisher {
	t.Helper()
	return gozmqtest.Open(gozmq.NewPublisher(gozmq.Bind(anyPort))).For(t)
}
