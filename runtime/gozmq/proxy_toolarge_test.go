package gozmq

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A publication that is too large for a subscriber behind proxies, or for a proxy,
// is an error in the streams that would have got it, and the next one comes. No
// connection ends.
func TestProxyPublicationTooLarge(t *testing.T) {
	for name, c := range map[string]struct {
		proxy      []ProxyOption
		subscriber []SubscriberOption
	}{
		"for the subscriber": {nil, []SubscriberOption{WithMaxMessageSize(small)}},
		"for the proxy":      {[]ProxyOption{WithMaxMessageSize(small)}, nil},
	} {
		for hops := 1; hops <= 2; hops++ {
			t.Run(fmt.Sprintf("%s, %d hops", name, hops), func(t *testing.T) {
				chain := newChain(t, PatternPubSub, "tcp://127.0.0.1:*", hops, c.proxy...)
				pub := publisher(t, Connect(chain.front()))
				sub := subscriber(t, append(c.subscriber, Connect(chain.back()))...)
				ams := listen(t, pub, sub, stations("ams")...)
				publish(t, pub, at("ams", "1"), at("ams", strings.Repeat("x", 2*small)), at("ams", "2"))
				if m := ams.next(t); m.GetNote() != "1" {
					t.Errorf("got %v", m)
				}
				wantCode(t, ams.nextError(t), CodeResourceExhausted, "weather/ams/temperature")
				if m := ams.next(t); m.GetNote() != "2" {
					t.Errorf("got %v", m)
				}
				if n := pub.Stats().Disconnected + sub.Stats().Disconnected; n > 0 {
					t.Errorf("%d connections have ended", n)
				}
			})
		}
	}
}

// It is one, too, when a foreign publisher sends it to a proxy that does not take
// it: the proxy passes over it alone.
func TestProxyForeignPublicationTooLarge(t *testing.T) {
	c := newChain(t, PatternPubSub, "tcp://127.0.0.1:*", 2, WithMaxMessageSize(small))
	sub := subscriber(t, Connect(c.back()))
	pub := dialRaw(t, c.front(), zmtp.Pub)
	ams := follow(t, func(ctx context.Context) seq[*reading] { return Subscribe[reading](ctx, sub, stations("ams")) })
	pub.wantChanges("+weather/ams/temperature")
	topic := "weather/ams/temperature"
	pub.send(topic, strings.Repeat("x", 2*small))
	pub.send(topic, encode(t, at("ams", "2")))
	wantCode(t, ams.nextError(t), CodeResourceExhausted, topic)
	if m := ams.next(t); m.GetNote() != "2" {
		t.Errorf("got %v", m)
	}
	testkit.Eventually(t, "that the proxy counts it", func() bool { return c[0].Stats().Dropped == 1 })
}
