package interop

import (
	"context"
	"fmt"
	"testing"

	weatherv1 "github.com/gozmq/gozmq/example/gen/weather/v1"
	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

// TestReadyWithLibzmq: after Ready, what a libzmq PUB or XPUB sends arrives,
// whichever side binds.
func TestReadyWithLibzmq(t *testing.T) {
	python(t)
	for _, kind := range []string{"PUB", "XPUB"} {
		for _, weBind := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, we bind: %v", kind, weBind), func(t *testing.T) {
				leakChecked(t)
				pub := newProbe(t, kind, nil)
				var sub feedSubscriber
				if weBind {
					sub = newFeedSubscriber(t, gozmq.Bind(anyPort))
					pub.connect(sub.Addrs()[0])
				} else {
					sub = newFeedSubscriber(t, gozmq.Connect(pub.bind(anyPort)))
				}
				ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience())
				defer cancel()
				for i := range 100 {
					station := fmt.Sprint(i)
					one, err := sub.TemperatureSubscription(filters([]string{station}))
					if err != nil {
						t.Fatal(err)
					}
					if err := sub.Ready(ctx); err != nil {
						t.Fatal(err)
					}
					pub.send(reading(t, "weather/"+station+"/temperature", station)...)
					if got := first(ctx, one); got.GetStation() != station {
						t.Fatalf("round %d: got %v, want what was sent right after Ready", i, got)
					}
					one.Close()
				}
			})
		}
	}
}

// first returns the first message of a subscription.
func first[F gozmq.Filter](ctx context.Context, s gozmq.Subscription[*weatherv1.Reading, F]) *weatherv1.Reading {
	for m := range s.All(ctx) {
		return m
	}
	return nil
}

// TestReadyBehindLibzmqProxy: Ready tells of the proxy alone, and works with it.
func TestReadyBehindLibzmqProxy(t *testing.T) {
	leakChecked(t)
	python(t)
	_, at := startProxy(t, "XSUB", "bind", anyPort, "XPUB", "bind", anyPort)
	sub := newFeedSubscriber(t, gozmq.Connect(at))
	if _, err := sub.AlertsSubscription(nil); err != nil {
		t.Fatal(err)
	}
	if err := sub.Ready(testkit.Within(t)); err != nil {
		t.Fatal(err)
	}
}

// TestOurProxiesBetweenLibzmq: PUB and XPUB to SUB and XSUB, with nothing of
// ours but two proxies between them.
func TestOurProxiesBetweenLibzmq(t *testing.T) {
	python(t)
	for _, ends := range [][2]string{{"PUB", "SUB"}, {"PUB", "XSUB"}, {"XPUB", "SUB"}, {"XPUB", "XSUB"}} {
		t.Run(ends[0]+" to "+ends[1], func(t *testing.T) {
			leakChecked(t)
			_, front, middle := newProxy(t, gozmq.PatternPubSub, gozmq.Bind(anyPort), gozmq.Bind(anyPort))
			last, _, back := newProxy(t, gozmq.PatternPubSub, gozmq.Connect(middle), gozmq.Bind(anyPort))
			watch := newProbe(t, "XPUB", nil) // sees what reaches publishers
			watch.connect(front)
			pub, sub := newProbe(t, ends[0], nil), newProbe(t, ends[1], nil)
			pub.connect(front)
			sub.connect(back)
			if ends[1] == "SUB" {
				sub.set("SUBSCRIBE", []byte("a"))
			} else {
				sub.send([]byte("\x01a"))
			}
			wantFrames(t, watch.receive(), []byte("\x01a"))
			// The watcher's subscription says nothing of the other publisher's.
			testkit.Eventually(t, "what has passed the proxies", func() bool {
				pub.send([]byte("b"), []byte("not wanted"))
				pub.send([]byte("a"), []byte("wanted"), nil)
				return last.Stats().ToBack > 0
			})
			wantFrames(t, sub.receive(), []byte("a"), []byte("wanted"), nil)
		})
	}
}
