package relay

import (
	"testing"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// wantCommand reads a publisher's next command.
func wantCommand(t *testing.T, p *zmtptest.Peer, want, wantBody string) {
	t.Helper()
	if name, body := p.Command(); name != want || string(body) != wantBody {
		t.Fatalf("got %s %q, want %s %q", name, body, want, wantBody)
	}
}

// subscribe sends a subscription as a message, as ZMTP 3.0 does.
func (b *bench) subscribe(t testing.TB, p *zmtptest.Peer, flag, prefix string) {
	t.Helper()
	kind := link.Subscribed
	if flag == "\x00" {
		kind = link.Unsubscribed
	}
	mark := b.events.Len()
	p.Send(zmtptest.Message(flag + prefix))
	b.events.Wait(t, mark, 1, "a subscription", func(e link.Event) bool { return e.Kind == kind })
}

// Subscriptions go to the publishers, each prefix once, and publications to the
// subscribers that asked for them.
func TestPubSub(t *testing.T) {
	b := start(t, NewPubSub, nil)
	pub := b.join(t, b.front, zmtp.Pub)
	one, two := b.join(t, b.back, zmtp.Sub), b.join(t, b.back, zmtp.Sub)
	b.subscribe(t, one, "\x01", "a")
	wantCommand(t, pub, zmtp.CommandSubscribe, "a")
	b.subscribe(t, two, "\x01", "a")
	b.subscribe(t, two, "\x01", "b")
	wantCommand(t, pub, zmtp.CommandSubscribe, "b")
	pub.Send(zmtptest.Join(zmtptest.Message("c/1", "nobody's"), zmtptest.Message("b/1", "x", ""), zmtptest.Message("a/1", "y")))
	wantMessage(t, one, "a/1", "y")
	wantMessage(t, two, "b/1", "x", "")
	wantMessage(t, two, "a/1", "y")
	b.wantCaptured(t, false, []string{"b/1", "x", ""}, []string{"a/1", "y"})
	b.wantStats(t, Stats{ToBack: 2})

	b.subscribe(t, two, "\x00", "b")
	wantCommand(t, pub, zmtp.CommandCancel, "b")
	b.subscribe(t, one, "\x00", "a") // the other one still has it
	pub.Send(zmtptest.Message("a/2", "z"))
	wantMessage(t, two, "a/2", "z")
}

// A publisher that connects later gets the subscriptions that there are, and
// those of a subscriber that goes are taken back.
func TestPubSubLatePublisher(t *testing.T) {
	b := start(t, NewPubSub, func(cfg *Config) { cfg.Capture = nil })
	sub := b.join(t, b.back, zmtp.Sub)
	b.subscribe(t, sub, "\x01", "a")
	pub := b.join(t, b.front, zmtp.Pub)
	wantCommand(t, pub, zmtp.CommandSubscribe, "a")
	pub.Send(zmtptest.Message("a", "1"))
	wantMessage(t, sub, "a", "1")
	sub.Close()
	wantCommand(t, pub, zmtp.CommandCancel, "a")
}

// Close ends the connections of both sides, also of peers that do not read.
func TestPubSubClose(t *testing.T) {
	b := start(t, NewPubSub, nil)
	pub, sub := b.join(t, b.front, zmtp.Pub), b.join(t, b.back, zmtp.Sub)
	if err := b.Close(testkit.Within(t)); err != nil {
		t.Error(err)
	}
	for name, p := range map[string]*zmtptest.Peer{"publisher": pub, "subscriber": sub} {
		if m, err := p.Next(); err == nil {
			t.Errorf("the %s got %q, want the end of its connection", name, m)
		}
	}
}
