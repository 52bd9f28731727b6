package gozmq_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/runtime/gozmq"
)

// BenchmarkPublishSubscriptions measures what publishing costs by the number of
// distinct subscriptions that the publisher holds, to a topic that nobody
// subscribed to and to one that one did.
func BenchmarkPublishSubscriptions(b *testing.B) {
	for _, n := range []int{1, 1000, 100_000} {
		pub, sub := publisherAndSubscriber(b)
		ctx := context.Background()
		topic := func(i int) string { return fmt.Sprintf("bench/%d/topic", i) }
		for i := range n {
			if _, err := gozmq.OpenSubscription[wrapperspb.BytesValue](sub, []gozmq.TopicPattern{gozmq.LiteralTopic(topic(i))},
				[]gozmq.SubscriptionOption{gozmq.WithOverflow(gozmq.OverflowDropOldest), gozmq.WithReceiveQueue(1, 1)}); err != nil {
				b.Fatal(err)
			}
		}
		if err := sub.Ready(ctx); err != nil {
			b.Fatal(err)
		}
		for _, c := range []struct {
			name string
			i    func(i int) int
		}{{"unwanted", func(i int) int { return n + i%1000 }}, {"wanted", func(i int) int { return i % n }}} {
			next := 0
			t := gozmq.Topic[*wrapperspb.BytesValue]{Name: "bench", Append: func(to []byte, _ *wrapperspb.BytesValue) []byte {
				next++
				return fmt.Appendf(to, "bench/%d/topic", c.i(next))
			}}
			b.Run(fmt.Sprintf("subscriptions=%d/%s", n, c.name), func(b *testing.B) { publishAll(b, pub, &t) })
		}
	}
}

// BenchmarkPublishSubscribers measures what one publication costs by the number
// of connections that get it.
func BenchmarkPublishSubscribers(b *testing.B) {
	for _, n := range []int{1, 100, 1000} {
		pub, err := gozmq.NewPublisher(gozmq.Bind("tcp://127.0.0.1:*"))
		if err != nil {
			b.Fatal(err)
		}
		var wg sync.WaitGroup
		ctx, cancel := context.WithCancel(context.Background())
		name := "bench.Feed/Topic"
		for range n {
			sub, err := gozmq.NewSubscriber(gozmq.Connect(pub.Addrs()...))
			if err != nil {
				b.Fatal(err)
			}
			wg.Go(func() {
				defer sub.Close()
				for range gozmq.Subscribe[wrapperspb.BytesValue](ctx, sub, []gozmq.TopicPattern{gozmq.LiteralTopic(name)}) {
				}
			})
		}
		if err := pub.WaitForSubscribers(ctx, name, n); err != nil {
			b.Fatal(err)
		}
		t := gozmq.Topic[*wrapperspb.BytesValue]{Name: name}
		b.Run(fmt.Sprintf("subscribers=%d", n), func(b *testing.B) {
			publishAll(b, pub, &t)
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/subscriber")
		})
		cancel()
		wg.Wait()
		pub.Close()
	}
}

func publishAll(b *testing.B, pub *gozmq.Publisher, t *gozmq.Topic[*wrapperspb.BytesValue]) {
	msg := wrapperspb.Bytes(make([]byte, 64))
	before := pub.Dropped()
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		if err := gozmq.Publish(context.Background(), pub, t, msg); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(pub.Dropped()-before)/float64(b.N), "dropped/op")
}

func publisherAndSubscriber(b *testing.B) (*gozmq.Publisher, *gozmq.Subscriber) {
	b.Helper()
	pub, err := gozmq.NewPublisher(gozmq.Bind("tcp://127.0.0.1:*"), gozmq.WithMaxSubscriptions(1<<20))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { pub.Close() })
	sub, err := gozmq.NewSubscriber(gozmq.Connect(pub.Addrs()...))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { sub.Close() })
	return pub, sub
}
