package gozmq_test

import (
	"context"
	"fmt"
	"time"

	weatherv1 "github.com/gozmq/gozmq/example/gen/weather/v1"
	"github.com/gozmq/gozmq/example/gen/weather/v1/weatherv1gozmq"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

// A board handles the topics of weather.v1.Feed. It does not implement Alerts,
// so that the subscription to it ends with the first alert.
type board struct {
	weatherv1gozmq.UnimplementedFeedHandler
	full func()
}

func (b board) Temperature(_ context.Context, msg *weatherv1.Reading) error {
	defer b.full()
	if msg.GetCelsius() < -273.15 {
		return fmt.Errorf("%v is below absolute zero", msg.GetCelsius())
	}
	fmt.Println(msg.GetStation(), msg.GetCelsius())
	return nil
}

// The topics of a service, each with its handler.
func ExampleWithTopicErrorHandler() {
	pub, err := gozmq.NewPublisher(gozmq.Bind("inproc://example-handler"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pub.Close()
	sub, err := gozmq.NewSubscriber(gozmq.Connect("inproc://example-handler"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer sub.Close()

	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	subscribed, left, handled := make(chan struct{}), 2, make(chan struct{})
	impl := board{full: func() {
		if left--; left == 0 {
			cancel()
		}
	}}
	go func() {
		defer close(handled)
		err := weatherv1gozmq.HandleFeed(ctx, sub, impl,
			gozmq.WithSubscribedHandler(func() { close(subscribed) }),
			gozmq.WithTopicErrorHandler(func(_ context.Context, topic string, err error) { fmt.Println(topic, "failed:", err) }))
		fmt.Println(err)
	}()
	<-subscribed
	if err := sub.Ready(ctx); err != nil {
		fmt.Println(err)
	}
	feed := weatherv1gozmq.NewFeedPublisher(pub)
	for _, celsius := range []float64{-300, 20} {
		if err := feed.Temperature(ctx, &weatherv1.Reading{Station: "oslo", Celsius: celsius}); err != nil {
			fmt.Println(err)
		}
	}
	<-handled
	// Output:
	// weather/oslo/temperature failed: -300 is below absolute zero
	// oslo 20
	// <nil>
}
