package gozmq

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/transport"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// open opens a subscription until the test ends.
func open(t testing.TB, s *Subscriber, filters []stationFilter, opts ...SubscriptionOption) Subscription[*reading, stationFilter] {
	t.Helper()
	sub, err := OpenSubscription[reading](s, filters, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sub.Close() })
	return sub
}

func ready(t testing.TB, s *Subscriber) {
	t.Helper()
	if err := s.Ready(testkit.Within(t)); err != nil {
		t.Fatal(err)
	}
}

// What is published right after Ready arrives, each of a thousand times.
func TestReadyIsExact(t *testing.T) {
	everywhere(t, func(t *testing.T, s site) {
		p, _, sub := s.feed(t, nil, nil)
		for i := range 1000 {
			own := fmt.Sprint(i)
			one := open(t, sub, stations(own))
			ready(t, sub)
			publish(t, p, at(own, "right after"))
			for m, err := range one.All(testkit.Within(t)) {
				if err != nil {
					t.Fatal(err)
				}
				wantEqual(t, m, at(own, "right after"))
				break
			}
			if i%2 == 0 {
				one.Close() // others stay
			}
		}
	})
}

// Ready waits for an endpoint that is dialed and not yet there, and again when
// its publisher has gone, and says what is missing.
func TestReadyWaitsForPublishers(t *testing.T) {
	first, second := closedPort(t), closedPort(t)
	sub := subscriber(t, Connect(first, second), fast())
	open(t, sub, nil)
	there := publisher(t, Bind(first))
	if err := there.WaitForSubscribers(testkit.Within(t), "weather/", 1); err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	wantCode(t, sub.Ready(short), CodeDeadlineExceeded, "no publisher at "+second)
	for range 3 {
		waiting := make(chan error, 1)
		go func() { waiting <- sub.Ready(testkit.Within(t)) }()
		p := publisher(t, Bind(second))
		if err := testkit.Receive(t, waiting, "Ready"); err != nil {
			t.Fatal(err)
		}
		if err := p.WaitForSubscribers(testkit.Within(t), "weather/", 1); err != nil {
			t.Fatal(err)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		testkit.Eventually(t, "the end of the connection", func() bool { return sub.sub.Links().DialError() != nil })
	}
}

// A socket that only binds is ready when a publisher has come.
func TestReadyOfABoundSubscriber(t *testing.T) {
	sub := subscriber(t, Bind("tcp://127.0.0.1:*"))
	stream := open(t, sub, nil)
	short, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	wantCode(t, sub.Ready(short), CodeDeadlineExceeded, "no publisher has connected")
	p := publisher(t, Connect(sub.Addrs()[0]))
	ready(t, sub)
	publish(t, p, at("a", ""))
	for m := range stream.All(testkit.Within(t)) {
		wantEqual(t, m, at("a", ""))
		break
	}
}

func TestReadyFails(t *testing.T) {
	t.Run("refused", func(t *testing.T) {
		l := zmtptest.Listen(t)
		sub := subscriber(t, Connect("tcp://"+l.Addr().String()))
		waiting := make(chan error, 1)
		go func() { waiting <- sub.Ready(testkit.Within(t)) }()
		l.Next().Send(zmtptest.Join(zmtptest.Greeting(3, 1, "NULL"), zmtp.AppendCommand(nil, zmtp.CommandError, zmtp.ErrorBody("go away"))))
		wantCode(t, testkit.Receive(t, waiting, "Ready"), CodeUnavailable, "go away")
	})
	t.Run("a filter too many", func(t *testing.T) {
		pub := publisher(t, Bind("tcp://127.0.0.1:*"), WithMaxSubscriptions(2))
		sub := subscriber(t, Connect(pub.Addrs()...), WithReconnectBackoff(20*time.Millisecond, time.Second))
		open(t, sub, stations("a", "b", "c"))
		tries := uint64(0)
		testkit.Eventually(t, "that Ready says why", func() bool { // it cannot while a connection is new
			tries++
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			err := sub.Ready(ctx)
			wantCode(t, err, CodeDeadlineExceeded)
			return strings.Contains(err.Error(), "WithMaxSubscriptions")
		})
		if n := sub.Stats().Dialed; n > 10*tries {
			t.Errorf("%d connections were made in %d seconds: the pauses do not grow", n, tries)
		}
	})
	t.Run("closed", func(t *testing.T) {
		sub := subscriber(t, Connect(closedPort(t)))
		waiting := make(chan error, 1)
		go func() { waiting <- sub.Ready(testkit.Within(t)) }()
		if err := sub.Close(); err != nil {
			t.Fatal(err)
		}
		wantCode(t, testkit.Receive(t, waiting, "Ready"), CodeCanceled, "closed")
		wantCode(t, sub.Ready(testkit.Within(t)), CodeCanceled, "closed")
		_, err := OpenSubscription[reading](sub, stations("a"), nil)
		wantCode(t, err, CodeCanceled, "closed")
	})
	t.Run("a publisher that cannot tell", func(t *testing.T) {
		sub := subscriber(t, Bind("tcp://127.0.0.1:*"))
		ep, err := transport.ParseConnect(sub.Addrs()[0])
		if err != nil {
			t.Fatal(err)
		}
		old := zmtptest.DialMinor(t, ep, "PUB", 0)
		open(t, sub, nil)
		if m := old.Message(); string(m[0]) != "\x01weather/" {
			t.Errorf("got %q", m)
		}
		wantCode(t, sub.Ready(testkit.Within(t)), CodeUnimplemented, "ZMTP 3.0", old.LocalAddr().String())
	})
}

// A peer whose PONGs are late, wrong or lost is waited for.
func TestReadyIgnoresOtherPongs(t *testing.T) {
	sub := subscriber(t, Bind("tcp://127.0.0.1:*"))
	ep, err := transport.ParseConnect(sub.Addrs()[0])
	if err != nil {
		t.Fatal(err)
	}
	p := zmtptest.DialAs(t, ep, "PUB", zmtp.PropertyGozmq, "1") // which need not be asked twice
	open(t, sub, nil)
	waiting := make(chan error, 1)
	go func() { waiting <- sub.Ready(testkit.Within(t)) }()
	if name, body := p.Command(); name != zmtp.CommandSubscribe || string(body) != "weather/" {
		t.Fatalf("got %s %q, want the subscription before the PING", name, body)
	}
	name, body := p.Command()
	if _, mark, err := zmtp.ParsePing(body); name != zmtp.CommandPing || len(mark) != 8 || err != nil {
		t.Fatalf("got %s %q, %v", name, body, err)
	}
	wrong := append([]byte(nil), body[2:]...)
	wrong[7]++
	for _, context := range [][]byte{nil, wrong, body[3:], []byte(strings.Repeat("x", 16))} {
		p.Send(zmtp.AppendCommand(nil, zmtp.CommandPong, context))
	}
	name, again := p.Command() // after a second, since no answer has come
	if name != zmtp.CommandPing || again[9] != body[9]+1 {
		t.Fatalf("got %s %q, want the next PING", name, again)
	}
	select {
	case err := <-waiting:
		t.Fatalf("Ready returned %v before its PONG", err)
	default:
	}
	p.Send(zmtp.AppendCommand(nil, zmtp.CommandPong, body[2:]))
	if err := testkit.Receive(t, waiting, "Ready"); err != nil {
		t.Fatal(err)
	}
}
