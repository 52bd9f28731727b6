package interop

import (
	"context"
	"errors"
	"iter"
	"strings"
	"testing"

	weatherv1 "github.com/gozmq/gozmq/example/gen/weather/v1"
	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

func TestPythonPublishesToSubscriber(t *testing.T) {
	meet(t, func(t *testing.T, m meeting) {
		var readings <-chan *weatherv1.Reading
		publisher := m.peer(t, script{"publisher.py", []string{"amsterdam=1", "ams=12.5", "a/ms=3", "ams=13"}},
			func(at gozmq.Endpoints) []string {
				sub := newFeedSubscriber(t, at)
				readings = follow(t, func(ctx context.Context) iter.Seq2[*weatherv1.Reading, error] {
					return sub.Temperature(ctx, filters([]string{"ams"})...)
				})
				return sub.Addrs()
			})
		for _, celsius := range []float64{12.5, 13} {
			if r := get(t, readings); r.GetStation() != "ams" || r.GetCelsius() != celsius {
				t.Fatalf("got %v, want ams at %v", r, celsius)
			}
		}
		publisher.wait()
	})
}

// subscriberOfProbe returns a subscriber of ours that is connected to a libzmq
// XPUB, which sees its subscriptions.
func subscriberOfProbe(t *testing.T, options map[string]any) (feedSubscriber, *probe) {
	t.Helper()
	leakChecked(t)
	python(t)
	xpub := newProbe(t, "XPUB", options)
	return newFeedSubscriber(t, gozmq.Connect(xpub.bind(anyPort))), xpub
}

// reading returns a publication for the station.
func reading(t *testing.T, topic, station string) [][]byte {
	t.Helper()
	return [][]byte{[]byte(topic), encode(t, &weatherv1.Reading{Station: station})}
}

// TestSubscriberMatchesExactly sends topics that share the prefix.
func TestSubscriberMatchesExactly(t *testing.T) {
	sub, xpub := subscriberOfProbe(t, nil)
	readings := follow(t, func(ctx context.Context) iter.Seq2[*weatherv1.Reading, error] {
		return sub.Temperature(ctx, filters([]string{"a/b", "ü"})...)
	})
	prefixes := map[string]bool{}
	for range 2 {
		prefixes[string(xpub.receive()[0])] = true
	}
	if !prefixes["\x01weather/a%2Fb/temperature"] || !prefixes["\x01weather/%C3%BC/temperature"] {
		t.Errorf("subscriptions are %v", prefixes)
	}
	for _, topic := range []string{
		"weather/a%2Fb/temperatures", "weather/a%2Fb/temperature/x", "weather/a%2Fb/temperature",
		"weather/a%2fb/temperature", "weather/%C3%BC/temperature",
	} {
		xpub.send(reading(t, topic, topic)...)
	}
	for _, want := range []string{"weather/a%2Fb/temperature", "weather/%C3%BC/temperature"} {
		if r := get(t, readings); r.GetStation() != want {
			t.Fatalf("got what was published under %q, want %q", r.GetStation(), want)
		}
	}
}

// TestSubscriberWithoutFilter asks for everything of its topic, not for what
// lies beside it.
func TestSubscriberWithoutFilter(t *testing.T) {
	sub, xpub := subscriberOfProbe(t, nil)
	readings := follow(t, func(ctx context.Context) iter.Seq2[*weatherv1.Reading, error] { return sub.Temperature(ctx) })
	wantFrames(t, xpub.receive(), []byte("\x01weather/"))
	for _, topic := range []string{
		"weather/temperature", "weather/a/b/temperature", "weather//temperature", "weather/x/humidity",
		"weather/x/temperature",
	} {
		xpub.send(reading(t, topic, topic)...)
	}
	for _, want := range []string{"weather//temperature", "weather/x/temperature"} {
		if r := get(t, readings); r.GetStation() != want {
			t.Fatalf("got what was published under %q, want %q", r.GetStation(), want)
		}
	}
}

// TestSubscriptionsAreCounted has two streams with one prefix: the publisher
// hears of the first that begins and of the last that ends.
func TestSubscriptionsAreCounted(t *testing.T) {
	sub, xpub := subscriberOfProbe(t, map[string]any{"XPUB_VERBOSER": 1})
	stream := func() (<-chan string, context.CancelFunc) {
		ctx, cancel := context.WithCancel(testkit.Within(t))
		got := make(chan string, 64)
		go func() {
			defer close(got)
			for r := range sub.Temperature(ctx, filters([]string{"ams"})...) {
				got <- r.GetStation()
			}
		}()
		return got, cancel
	}
	one, endOne := stream()
	wantFrames(t, xpub.receive(), []byte("\x01"+amsTopic))
	two, endTwo := stream()
	for len(two) == 0 { // until it runs
		xpub.send(reading(t, amsTopic, "ams")...)
		get(t, one)
	}
	endOne()
	for range one { // until it has ended
	}
	newFeedSubscription(t, sub, "third")
	wantFrames(t, xpub.receive(), []byte("\x01weather/third/temperature")) // and no cancel before
	endTwo()
	wantFrames(t, xpub.receive(), []byte("\x00"+amsTopic))
	for range two {
	}
}

func newFeedSubscription(t *testing.T, sub feedSubscriber, station string) <-chan *weatherv1.Reading {
	t.Helper()
	return follow(t, func(ctx context.Context) iter.Seq2[*weatherv1.Reading, error] {
		return sub.Temperature(ctx, filters([]string{station})...)
	})
}

// TestLongPrefixIsCut has a topic longer than libzmq's subscriptions can be.
func TestLongPrefixIsCut(t *testing.T) {
	sub, xpub := subscriberOfProbe(t, nil)
	station := strings.Repeat("x", 400)
	readings := newFeedSubscription(t, sub, station)
	topic := "weather/" + station + "/temperature"
	wantFrames(t, xpub.receive(), []byte("\x01"+topic[:245]))
	xpub.send(reading(t, topic[:300], "cut")...)
	xpub.send(reading(t, topic, "whole")...)
	if r := get(t, readings); r.GetStation() != "whole" {
		t.Errorf("got %q", r.GetStation())
	}
}

// TestSubscriberReportsMalformedMessages: the stream tells of each and goes on.
func TestSubscriberReportsMalformedMessages(t *testing.T) {
	sub, xpub := subscriberOfProbe(t, nil)
	type item struct {
		reading *weatherv1.Reading
		err     error
	}
	items := make(chan item, 2)
	go func() {
		defer close(items)
		for r, err := range sub.Temperature(testkit.Within(t), filters([]string{"ams"})...) {
			items <- item{r, err}
		}
	}()
	xpub.receive()
	xpub.send([]byte(amsTopic)) // has no body: reported to the observer
	xpub.send([]byte(amsTopic), []byte("\xff\xff"))
	xpub.send(append(reading(t, amsTopic, "ams"), []byte("a header from the future"))...)
	var coded *gozmq.Error
	if it := get(t, items); it.reading != nil || !errors.As(it.err, &coded) || coded.Code != gozmq.CodeDataLoss {
		t.Fatalf("undecodable body gave %v, %v, want a *gozmq.Error", it.reading, it.err)
	}
	if it := get(t, items); it.err != nil || it.reading.GetStation() != "ams" {
		t.Fatalf("next is %v, %v", it.reading, it.err)
	}
}
