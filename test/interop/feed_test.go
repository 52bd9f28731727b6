package interop

import (
	"context"
	"iter"
	"testing"
	"time"

	weatherv1 "github.com/gozmq/gozmq/example/gen/weather/v1"
	"github.com/gozmq/gozmq/example/gen/weather/v1/weatherv1gozmq"
	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

func newFeedPublisher(t *testing.T, opts ...gozmq.PublisherOption) feedPublisher {
	t.Helper()
	pub := openPublisher(t, opts...)
	return feedPublisher{pub, weatherv1gozmq.NewFeedPublisher(pub)}
}

func newFeedSubscriber(t *testing.T, opts ...gozmq.SubscriberOption) feedSubscriber {
	t.Helper()
	sub := openSubscriber(t, opts...)
	return feedSubscriber{sub, weatherv1gozmq.NewFeedSubscriber(sub)}
}

// subscribe returns the readings of the stations, or of all, as they come. The
// test must take them, or few enough for the channel's buffer.
func subscribe(t *testing.T, at gozmq.Endpoints, stations ...string) <-chan *weatherv1.Reading {
	t.Helper()
	sub := newFeedSubscriber(t, at)
	return follow(t, func(ctx context.Context) iter.Seq2[*weatherv1.Reading, error] {
		return sub.Temperature(ctx, filters(stations)...)
	})
}

func filters(stations []string) []weatherv1gozmq.FeedTemperatureFilter {
	var list []weatherv1gozmq.FeedTemperatureFilter
	for _, s := range stations {
		list = append(list, weatherv1gozmq.FeedTemperatureFilter{Station: gozmq.Eq(s)})
	}
	return list
}

// follow runs a stream until the test ends and returns what it yields. An
// error in it fails the test.
func follow[T any](t *testing.T, stream func(context.Context) iter.Seq2[T, error]) <-chan T {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	items, ended := make(chan T, 16), make(chan struct{})
	go func() {
		defer close(ended)
		for item, err := range stream(ctx) {
			if err != nil {
				t.Errorf("stream: %v", err)
				continue
			}
			select {
			case items <- item:
			case <-ctx.Done():
				return
			}
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return items
}

// publish publishes the readings once.
func publish(t *testing.T, pub weatherv1gozmq.FeedPublisher, readings ...*weatherv1.Reading) {
	t.Helper()
	for _, r := range readings {
		if err := pub.Temperature(testkit.Within(t), r); err != nil {
			t.Fatalf("publish: %v", err)
		}
	}
}

// subscribed waits until n peers get what is published under the topic.
func subscribed(t *testing.T, pub interface {
	WaitForSubscribers(ctx context.Context, topic string, n int) error
}, topic string, n int) {
	t.Helper()
	if err := pub.WaitForSubscribers(testkit.Within(t), topic, n); err != nil {
		t.Fatal(err)
	}
}

// repeat calls do at short intervals until it fails or the returned function
// is called. It is for what is lost when it comes while a peer restarts.
func repeat(do func() error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		again := time.NewTicker(5 * time.Millisecond)
		defer again.Stop()
		for do() == nil {
			select {
			case <-again.C:
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() {
		cancel()
		<-ended
	}
}
