package rival

import (
	"context"
	"fmt"

	"github.com/gozmq/gozmq/bench/internal/measure"
	weatherv1 "github.com/gozmq/gozmq/example/gen/weather/v1"
	"github.com/gozmq/gozmq/example/gen/weather/v1/weatherv1gozmq"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

// A gozmqFilters is a subscription of ours to many topics, of which one is
// published.
type gozmqFilters struct {
	*gozmqFeed
	filters []weatherv1gozmq.FeedTemperatureFilter
	out     weatherv1gozmq.FeedPublisher
	reading *weatherv1.Reading
}

var _ measure.Source = (*gozmqFilters)(nil)

func openGozmqFilters(o Options) (Stream, error) {
	n := o.Filters
	o.Filters = 0
	feed, err := openGozmqFeed(o)
	if err != nil {
		return nil, err
	}
	f := &gozmqFilters{gozmqFeed: feed.(*gozmqFeed), reading: &weatherv1.Reading{Station: filterName(0)}}
	f.out = weatherv1gozmq.NewFeedPublisher(f.pub)
	for i := range n {
		f.filters = append(f.filters, weatherv1gozmq.FeedTemperatureFilter{Station: gozmq.Eq(filterName(i))})
	}
	return f, nil
}

// filterName returns the name of one of many topics.
func filterName(i int) string { return fmt.Sprintf("station%06d", i) }

// Send has the number in the only field that takes one.
func (f *gozmqFilters) Send(seq uint64) error {
	f.reading.Celsius = float64(seq)
	return f.out.Temperature(context.Background(), f.reading)
}

func (f *gozmqFilters) Receive(i int, got func(uint64)) error {
	for reading, err := range weatherv1gozmq.NewFeedSubscriber(f.subs[i]).Temperature(f.ctx, f.filters...) {
		if err != nil {
			return err
		}
		got(uint64(reading.GetCelsius()))
	}
	return nil
}
