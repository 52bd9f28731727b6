package interop

import (
	"testing"

	"github.com/gozmq/gozmq/example/gen/image/v1/imagev1gozmq"
	"github.com/gozmq/gozmq/example/gen/weather/v1/weatherv1gozmq"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

// opened returns what a constructor did, until the test ends.
func opened[E interface{ Close() error }](t *testing.T, end E, err error) E {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	closing(t, end)
	return end
}

func openPublisher(t *testing.T, opts ...gozmq.PublisherOption) *gozmq.Publisher {
	t.Helper()
	pub, err := gozmq.NewPublisher(opts...)
	return opened(t, pub, err)
}

func openSubscriber(t *testing.T, opts ...gozmq.SubscriberOption) *gozmq.Subscriber {
	t.Helper()
	sub, err := gozmq.NewSubscriber(opts...)
	return opened(t, sub, err)
}

func openVentilator(t *testing.T, opts ...gozmq.VentilatorOption) *gozmq.Ventilator {
	t.Helper()
	vent, err := gozmq.NewVentilator(opts...)
	return opened(t, vent, err)
}

func openSink(t *testing.T, opts ...gozmq.SinkOption) *gozmq.Sink {
	t.Helper()
	sink, err := gozmq.NewSink(opts...)
	return opened(t, sink, err)
}

// view returns a typed view over a socket.
func view[S, V any](t *testing.T, socket S, over func(S) (V, error)) V {
	t.Helper()
	v, err := over(socket)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// Sockets, each with the typed view over it.
type (
	feedPublisher struct {
		*gozmq.Publisher
		weatherv1gozmq.FeedPublisher
	}
	feedSubscriber struct {
		*gozmq.Subscriber
		weatherv1gozmq.FeedSubscriber
	}
	thumbnails struct {
		*gozmq.Ventilator
		imagev1gozmq.ThumbnailsVentilator
	}
	prints struct {
		*gozmq.Ventilator
		imagev1gozmq.PrintsVentilator
	}
)
