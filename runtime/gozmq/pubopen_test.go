package gozmq_test

import (
	"context"
	"fmt"
	"testing"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/runtime/gozmq"
)

// BenchmarkOpenSubscription measures how long it takes to open a subscription with
// many filters, until the publisher has them.
func BenchmarkOpenSubscription(b *testing.B) {
	const n = 10_000
	_, sub := publisherAndSubscriber(b)
	ctx := context.Background()
	patterns := make([]gozmq.TopicPattern, n)
	for i := range patterns {
		patterns[i] = gozmq.LiteralTopic(fmt.Sprintf("weather/station%06d/temperature", i))
	}
	for b.Loop() {
		s, err := gozmq.OpenSubscription[wrapperspb.BytesValue](sub, patterns, nil)
		if err != nil {
			b.Fatal(err)
		}
		if err := sub.Ready(ctx); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		s.Close()
		if err := sub.Ready(ctx); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}
