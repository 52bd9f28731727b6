//go:build unix

package gozmq_test

import (
	"fmt"
	"io"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/runtime/gozmq"
)

// BenchmarkOpenSubscription measures how long it takes to open a subscription
// with many filters, until the publisher has them: the first one of a
// connection, and one after another was closed, for which the publisher reads
// with pauses.
func BenchmarkOpenSubscription(b *testing.B) {
	const n = 10_000
	patterns := make([]gozmq.TopicPattern, n)
	for i := range patterns {
		patterns[i] = gozmq.LiteralTopic(fmt.Sprintf("weather/station%06d/temperature", i))
	}
	b.Run("first", func(b *testing.B) {
		var taken time.Duration
		for b.Loop() {
			b.StopTimer()
			pub, sub := publisherAndSubscriber(b)
			if err := sub.Ready(b.Context()); err != nil {
				b.Fatal(err)
			}
			began := processorTime()
			b.StartTimer()
			s := openFilters(b, sub, patterns)
			b.StopTimer()
			taken += processorTime() - began
			s.Close()
			sub.Close()
			pub.Close()
			b.StartTimer()
		}
		b.ReportMetric(float64(taken.Nanoseconds())/float64(b.N), "cpu-ns/op")
	})
	b.Run("again", func(b *testing.B) {
		_, sub := publisherAndSubscriber(b)
		openFilters(b, sub, patterns).Close()
		for b.Loop() {
			s := openFilters(b, sub, patterns)
			b.StopTimer()
			s.Close()
			if err := sub.Ready(b.Context()); err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
		}
	})
}

// openFilters opens a subscription and waits until the publisher has it.
func openFilters(b *testing.B, sub *gozmq.Subscriber, patterns []gozmq.TopicPattern) io.Closer {
	s, err := gozmq.OpenSubscription[wrapperspb.BytesValue](sub, patterns, nil)
	if err != nil {
		b.Fatal(err)
	}
	if err := sub.Ready(b.Context()); err != nil {
		b.Fatal(err)
	}
	return s
}
