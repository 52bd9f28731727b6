package socket

import (
	"fmt"
	"testing"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// TestSubscriptionShare has peers subscribe to more than all together may: the one
// that takes the most is disconnected, and the others stay.
func TestSubscriptionShare(t *testing.T) {
	events := newRecorder()
	p, ep := publishing(t, pubConfig(events), 1000, tcp)
	p.shares.most = 20 * (subscriptionCost + 2)
	modest := zmtptest.DialAs(t, ep, zmtp.Sub)
	for i := range 4 {
		modest.Send(subscriptionTo(fmt.Sprint("m", i)))
	}
	if err := p.WaitSubscribers(testkit.Within(t), []byte("m3"), 1); err != nil {
		t.Fatal(err)
	}
	greedy := zmtptest.DialAs(t, ep, zmtp.Sub)
	for i := range 15 {
		greedy.Send(subscriptionTo(fmt.Sprintf("%02d", i)))
	}
	if err := p.WaitSubscribers(testkit.Within(t), []byte("14"), 1); err != nil {
		t.Fatal(err)
	}
	modest.Send(subscriptionTo("m4"))
	modest.Send(subscriptionTo("m5")) // one too many
	events.await(t, link.Disconnected, 1)
	if err := p.WaitSubscribers(testkit.Within(t), []byte("m5"), 1); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "what is left", func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.subs.Len() == 6 && p.shares.bytes == 6*(subscriptionCost+2) && len(p.shares.of) == 1
	})
	publish(p, "m0")
	if m := modest.Message(); string(m[0]) != "m0" {
		t.Errorf("got %q", m)
	}
}

// subscriptionTo is a subscription of ZMTP 3.1.
func subscriptionTo(prefix string) []byte {
	return zmtp.AppendCommand(nil, zmtp.CommandSubscribe, []byte(prefix))
}
