package gozmq

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
)

// waits returns an interceptor that sends how long loops have waited.
func waits() (<-chan time.Duration, EndOption) {
	ch := make(chan time.Duration, 10)
	return ch, WithInterceptors(func(ctx context.Context, call *CallInfo, m proto.Message, next Next) (proto.Message, error) {
		ch <- call.Waited
		return next(ctx, m)
	})
}

// waited receives the waits of two messages: the first was sent some time after the
// loop was begun, the second before the loop's body ended. It returns false if the
// loop had not waited for the first one for long: it may have been begun late.
func waited(t *testing.T, ch <-chan time.Duration, asked, ended time.Time) bool {
	t.Helper()
	first, second := testkit.Receive(t, ch, "the first"), testkit.Receive(t, ch, "the second")
	if first <= 0 || first > time.Since(asked) || second <= 0 || second > time.Since(ended) {
		t.Fatalf("waited %v and %v", first, second)
	}
	return first >= patient
}

// patient is how long a loop has nothing to do.
const patient = 5 * time.Millisecond

// TestWaited has loops over publications and results tell how long they have waited
// for each message, without the time that their bodies took.
func TestWaited(t *testing.T) {
	overEach(t, func(t *testing.T, s site) {
		ch, option := waits()
		p, _, sub := s.feed(t, nil, []SubscriberOption{option})
		one := open(t, sub, nil)
		ready(t, sub)
		if strings.HasPrefix(s.endpoint, "inproc") {
			s.endpoint += "/tasks"
		}
		k := s.pipeline(t, nil, []SinkOption{option})
		work(t, squaring(squares), k.from, k.to)
		for name, way := range map[string]struct {
			send func()
			loop func(body func() bool)
		}{
			"publications": {func() { publish(t, p, at("ams", "")) }, func(body func() bool) {
				one.All(testkit.Within(t))(func(*reading, error) bool { return body() })
			}},
			"results": {func() { k.push(t, 1) }, func(body func() bool) {
				Results[number](testkit.Within(t), k.Sink, squareMethod)(func(*number, error) bool { return body() })
			}},
		} {
			t.Run(name, func(t *testing.T) {
				for range 50 {
					asked, ended, n := time.Now(), time.Time{}, 0
					time.AfterFunc(2*patient, way.send)
					way.loop(func() bool {
						if n++; n == 1 {
							way.send()
							ended = time.Now()
						}
						return n < 2
					})
					if waited(t, ch, asked, ended) {
						return
					}
				}
				t.Errorf("no loop has waited for %v, with messages that come %v after it is begun", patient, 2*patient)
			})
		}
	})
}

// TestWaitedElsewhere: whoever has no loop has not waited.
func TestWaitedElsewhere(t *testing.T) {
	ch, option := waits()
	want := func(what string, n int) {
		t.Helper()
		for i := range n {
			if got := testkit.Receive(t, ch, what); got != 0 {
				t.Errorf("%s %d: waited %v", what, i, got)
			}
		}
	}
	s := serve(t, Bind("inproc://"+t.Name()), echoHandlers(), option)
	mustEcho(t, dial(t, Connect(s.addr()), option))
	want("call", 2)
	p, _, sub := site{endpoint: "inproc://" + t.Name() + "/feed"}.feed(t, []PublisherOption{option}, []SubscriberOption{option})
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	done := make(chan error, 1)
	go func() {
		done <- HandleTopics(ctx, sub, "test.Feed", func() []TopicHandler {
			return []TopicHandler{HandleTopic(&temperature, stationFilter{}, func(context.Context, *reading) error { return nil })}
		}, nil)
	}()
	wantSubscribers(t, p, "weather/any/temperature", 1)
	publish(t, p, at("ams", ""))
	want("publication", 2)
	v := ventilator(t, Bind("inproc://"+t.Name()+"/tasks"), option)
	work(t, []TaskHandler{HandleTaskOnly(logMethod, func(context.Context, *number) error { return nil })}, From(Connect(v.Addrs()...)), option)
	if err := v.Push(testkit.Within(t), logMethod, wrapperspb.Int64(1)); err != nil {
		t.Fatal(err)
	}
	want("task", 2)
	stop()
	if err := testkit.Receive(t, done, "the end"); err != nil {
		t.Error(fmt.Errorf("handlers: %w", err))
	}
}
