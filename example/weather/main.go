// Weather is a PUB/SUB feed and two kinds of subscriber.
//
//	go run ./example/weather publisher
//	go run ./example/weather readings -station ams
//	go run ./example/weather alerts -severity warning
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	weatherv1 "github.com/gozmq/gozmq/example/gen/weather/v1"
	"github.com/gozmq/gozmq/example/gen/weather/v1/weatherv1gozmq"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "weather:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errors.New("say what to be: publisher, readings or alerts")
	}
	flags := flag.NewFlagSet("weather "+args[0], flag.ExitOnError)
	endpoint := flags.String("endpoint", "tcp://127.0.0.1:5556", "where the publisher is")
	station := flags.String("station", "", "readings: only of this station")
	severity := flags.String("severity", "", "alerts: only these: advisory, watch or warning")
	count := flags.Int("count", 0, "readings, alerts: stop after so many; 0: never")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	switch args[0] {
	case "publisher":
		return publish(ctx, *endpoint)
	case "readings":
		return readings(ctx, *endpoint, *station, *count)
	case "alerts":
		return alerts(ctx, *endpoint, *severity, *count)
	default:
		return fmt.Errorf("%q is neither publisher nor readings nor alerts", args[0])
	}
}

// publish plays three stations and a stormy coast until ctx ends.
func publish(ctx context.Context, endpoint string) error {
	pub, err := gozmq.NewPublisher(gozmq.Bind(endpoint))
	if err != nil {
		return err
	}
	defer pub.Close()
	fmt.Println("listening on", pub.Addrs()[0])
	feed := weatherv1gozmq.NewFeedPublisher(pub)

	for {
		for _, station := range []string{"ams", "ams/harbor", "oslo"} {
			reading := &weatherv1.Reading{Station: station, Celsius: 15 + 5*rand.Float64(), Time: timestamppb.Now()}
			if err := feed.Temperature(ctx, reading); err != nil {
				return err
			}
		}
		for severity := weatherv1.Severity_SEVERITY_ADVISORY; severity <= weatherv1.Severity_SEVERITY_WARNING; severity++ {
			alert := &weatherv1.Alert{Severity: severity, Region: "coast", Text: "high water"}
			if err := feed.Alerts(ctx, alert); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func readings(ctx context.Context, endpoint, station string, count int) error {
	sub, err := gozmq.NewSubscriber(gozmq.Connect(endpoint))
	if err != nil {
		return err
	}
	defer sub.Close()
	feed := weatherv1gozmq.NewFeedSubscriber(sub)

	var filter weatherv1gozmq.FeedTemperatureFilter // asks for every station
	if station != "" {
		filter.Station = gozmq.Eq(station)
	}
	for reading, err := range feed.Temperature(ctx, filter) {
		if err != nil {
			return err
		}
		fmt.Printf("%s: %.1f °C\n", reading.GetStation(), reading.GetCelsius())
		if count--; count == 0 {
			break
		}
	}
	return nil
}

func alerts(ctx context.Context, endpoint, severity string, count int) error {
	sub, err := gozmq.NewSubscriber(gozmq.Connect(endpoint))
	if err != nil {
		return err
	}
	defer sub.Close()
	feed := weatherv1gozmq.NewFeedSubscriber(sub)

	var filter weatherv1gozmq.FeedAlertsFilter
	if severity != "" {
		value, ok := weatherv1.Severity_value["SEVERITY_"+strings.ToUpper(severity)]
		if !ok {
			return fmt.Errorf("there is no severity %q", severity)
		}
		filter.Severity = gozmq.Eq(weatherv1.Severity(value))
	}
	for alert, err := range feed.Alerts(ctx, filter) {
		var gap *gozmq.GapError
		switch {
		case errors.As(err, &gap):
			fmt.Printf("missed %d of %s\n", gap.Lost, gap.Topic)
			continue
		case err != nil:
			return err
		}
		fmt.Printf("%s in %s: %s\n", alert.GetSeverity(), alert.GetRegion(), alert.GetText())
		if count--; count == 0 {
			break
		}
	}
	return nil
}
