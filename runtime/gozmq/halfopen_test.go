package gozmq_test

import (
	"fmt"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqtest"
)

// number is a topic under which numbers are published.
var number = gozmq.Topic[*wrapperspb.StringValue]{Name: "test.Feed/Number"}

// A lineTo is a publisher, and a subscriber that reaches it through a line with
// faults.
type lineTo struct {
	pub    *gozmq.Publisher
	sub    *gozmq.Subscriber
	line   *gozmqtest.Proxy
	lost   chan gozmq.Event // the subscriber's heartbeats that were
	stream gozmq.Subscription[*wrapperspb.StringValue, gozmq.TopicPattern]
}

func newLine(t *testing.T, opts ...gozmq.SubscriberOption) *lineTo {
	t.Helper()
	l := &lineTo{lost: make(chan gozmq.Event, 10)}
	var err error
	if l.pub, err = gozmq.NewPublisher(gozmq.Bind("tcp://127.0.0.1:*")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.pub.Close() })
	l.line = gozmqtest.NewProxy(t, l.pub.Addrs()[0])
	opts = append(opts, gozmq.Connect(l.line.Endpoint()), gozmq.WithReconnectBackoff(time.Millisecond, 10*time.Millisecond), gozmq.WithEventHandler(func(e gozmq.Event) {
		if e.Kind == gozmq.EventHeartbeatLost {
			l.lost <- e
		}
	}))
	if l.sub, err = gozmq.NewSubscriber(opts...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.sub.Close() })
	if l.stream, err = gozmq.OpenSubscription[wrapperspb.StringValue](l.sub, []gozmq.TopicPattern{gozmq.LiteralTopic(number.Name)}, nil); err != nil {
		t.Fatal(err)
	}
	return l
}

// works checks that what is published after Ready arrives.
func (l *lineTo) works(t *testing.T, text string) error {
	t.Helper()
	ctx := testkit.Within(t)
	if err := l.sub.Ready(ctx); err != nil {
		return err
	}
	if err := gozmq.Publish(ctx, l.pub, &number, wrapperspb.String(text)); err != nil {
		return err
	}
	for m, err := range l.stream.All(ctx) {
		if err != nil || m.GetValue() != text {
			return fmt.Errorf("got %v, %w, want %q", m, err, text)
		}
		return nil
	}
	return fmt.Errorf("%q did not come", text)
}

// Every subscription is made again on a new connection, however the old one was
// lost.
func TestSubscriberResubscribesAfterFaults(t *testing.T) {
	l := newLine(t)
	if err := l.works(t, "before"); err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		switch i % 3 {
		case 0:
			l.line.Reset()
		case 1:
			l.line.Cut(gozmqtest.ToTarget, 0) // with what Ready asks
		case 2:
			l.line.Refuse(true)
			l.line.Reset()
			l.line.Refuse(false)
		}
		if err := l.works(t, fmt.Sprint("after fault ", i)); err != nil {
			t.Fatal(err)
		}
	}
}

// A publisher behind a cable that was pulled is noticed within the heartbeat's
// timeout, and found again.
func TestHalfOpenPublisher(t *testing.T) {
	const interval, timeout = 50 * time.Millisecond, 200 * time.Millisecond
	testkit.Steady(t, timeout/4, func() error {
		l := newLine(t, gozmq.WithHeartbeat(interval, timeout))
		if err := l.works(t, "before"); err != nil {
			return err
		}
		start := time.Now()
		l.line.Drop(true)
		e := testkit.Receive(t, l.lost, "word of a publisher that is gone")
		if took := time.Since(start); took < timeout/2 {
			return fmt.Errorf("given up after %v: %w", took, e.Err)
		}
		l.line.Drop(false)
		l.line.Reset()
		return l.works(t, "after")
	})
}
