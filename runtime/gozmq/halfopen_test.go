package gozmq_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

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
func (l *lineTo) works(t *testing.T, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := l.sub.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	if err := gozmq.Publish(ctx, l.pub, &number, wrapperspb.String(text)); err != nil {
		t.Fatal(err)
	}
	for m, err := range l.stream.All(ctx) {
		if err != nil || m.GetValue() != text {
			t.Fatalf("got %v, %v, want %q", m, err, text)
		}
		return
	}
	t.Fatalf("%q did not come", text)
}

// Every subscription is made again on a new connection, however the old one was
// lost.
func TestSubscriberResubscribesAfterFaults(t *testing.T) {
	l := newLine(t)
	l.works(t, "before")
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
		l.works(t, fmt.Sprint("after fault ", i))
	}
}

// A publisher behind a cable that was pulled is noticed within the heartbeat's
// timeout, and found again.
func TestHalfOpenPublisher(t *testing.T) {
	const interval, timeout = 50 * time.Millisecond, 200 * time.Millisecond
	l := newLine(t, gozmq.WithHeartbeat(interval, timeout))
	l.works(t, "before")
	start := time.Now()
	l.line.Drop(true)
	select {
	case e := <-l.lost:
		if took := time.Since(start); took < timeout/2 {
			t.Errorf("given up after %v: %v", took, e.Err)
		}
	case <-time.After(20 * timeout): // a clock of a busy machine is not exact
		t.Fatal("a publisher that is gone was not noticed")
	}
	l.line.Drop(false)
	l.line.Reset()
	l.works(t, "after")
}
