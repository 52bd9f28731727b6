package gozmq_test

import (
	"context"
	"fmt"
	"time"

	weatherv1 "github.com/gozmq/gozmq/example/gen/weather/v1"
	"github.com/gozmq/gozmq/example/gen/weather/v1/weatherv1gozmq"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

func ExampleNewPublisher() {
	pub, err := gozmq.NewPublisher(gozmq.Bind("tcp://127.0.0.1:*"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pub.Close()
	sub, err := gozmq.NewSubscriber(gozmq.Connect(pub.Addrs()...))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer sub.Close()

	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	oslo := weatherv1gozmq.FeedTemperatureFilter{Station: gozmq.Eq("oslo")}
	go func() {
		// A subscriber misses what was published before it subscribed.
		if err := pub.WaitForSubscribersTo(ctx, oslo, 1); err != nil {
			fmt.Println(err)
		}
		feed := weatherv1gozmq.NewFeedPublisher(pub)
		for i, station := range []string{"oslo", "ams", "oslo"} {
			if err := feed.Temperature(ctx, &weatherv1.Reading{Station: station, Celsius: float64(i)}); err != nil {
				fmt.Println(err)
			}
		}
	}()

	n := 0
	for reading, err := range weatherv1gozmq.NewFeedSubscriber(sub).Temperature(ctx, oslo) {
		if err != nil { // one message could not be decoded; the next may
			fmt.Println(err)
			continue
		}
		fmt.Println(reading.GetStation(), reading.GetCelsius())
		if n++; n == 2 {
			break
		}
	}
	// Output:
	// oslo 0
	// oslo 2
}

// A subscription is there before the loop that reads it begins, and its filters
// can change. When nobody reads it, the oldest messages are dropped.
func ExampleSubscription() {
	pub, err := gozmq.NewPublisher(gozmq.Bind("inproc://example-subscription"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pub.Close()
	sub, err := gozmq.NewSubscriber(gozmq.Connect("inproc://example-subscription"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer sub.Close()

	ams := weatherv1gozmq.FeedTemperatureFilter{Station: gozmq.Eq("ams")}
	oslo := weatherv1gozmq.FeedTemperatureFilter{Station: gozmq.Eq("oslo")}
	readings, err := weatherv1gozmq.NewFeedSubscriber(sub).TemperatureSubscription(
		[]weatherv1gozmq.FeedTemperatureFilter{ams}, gozmq.WithOverflow(gozmq.OverflowDropOldest), gozmq.WithReceiveQueue(100, 1<<20))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer readings.Close()
	readings.Add(oslo)
	readings.Remove(ams)

	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := sub.Ready(ctx); err != nil { // the publisher has the subscriptions
		fmt.Println(err)
	}
	feed := weatherv1gozmq.NewFeedPublisher(pub)
	for _, station := range []string{"ams", "oslo"} {
		if err := feed.Temperature(ctx, &weatherv1.Reading{Station: station, Celsius: 20}); err != nil {
			fmt.Println(err)
		}
	}
	for reading, err := range readings.All(ctx) {
		fmt.Println(reading.GetStation(), reading.GetCelsius(), err)
		break
	}
	fmt.Println(readings.Dropped(), "dropped")
	// Output:
	// oslo 20 <nil>
	// 0 dropped
}

// A publication carries metadata, as a call does, and a loop sees it beside the
// rest that is known of each message.
func ExampleStoreInfo() {
	pub, err := gozmq.NewPublisher(gozmq.Bind("inproc://example-info"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pub.Close()
	sub, err := gozmq.NewSubscriber(gozmq.Connect("inproc://example-info"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer sub.Close()

	readings, err := weatherv1gozmq.NewFeedSubscriber(sub).TemperatureSubscription(nil, gozmq.WithIdleError(time.Minute))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer readings.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := sub.Ready(ctx); err != nil {
		fmt.Println(err)
	}
	fmt.Println(sub.Connected().Publishers, "publisher")

	traced := gozmq.AppendMetadata(ctx, "trace", "4bf92f35")
	if err := weatherv1gozmq.NewFeedPublisher(pub).Temperature(traced, &weatherv1.Reading{Station: "ams", Celsius: 20}); err != nil {
		fmt.Println(err)
	}
	var info gozmq.PublicationInfo
	for reading, err := range readings.All(gozmq.StoreInfo(ctx, &info)) {
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(info.Topic, reading.GetCelsius(), info.Metadata.Get("trace"), info.Peer.SocketType)
		break
	}
	// Output:
	// 1 publisher
	// weather/ams/temperature 20 4bf92f35 PUB
}
