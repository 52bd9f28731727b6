package gozmq

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A publisher that sends topics of any bytes, wrong numbers of frames and
// bodies that are none is reported; what others publish to the same
// subscriptions arrives, and so does what is good of its own.
func TestHostilePublisher(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	events := newRecorder()
	sub := subscriber(t, Bind("tcp://127.0.0.1:*"), events.option())
	good := publisher(t, Connect(sub.Addrs()[0]))
	bad := dialRaw(t, sub.Addrs()[0], "PUB")
	got := follow(t, func(ctx context.Context) seq[*reading] { return Subscribe[reading](ctx, sub, []stationFilter{}) })
	if name, body := bad.Command(); name != zmtp.CommandSubscribe || string(body) != "weather/" {
		t.Fatalf("got %s %q", name, body)
	}
	if err := good.WaitForSubscribersTo(testkit.Within(t), stationFilter{}, 1); err != nil {
		t.Fatal(err)
	}
	for i := range 200 {
		noise := make([]byte, rnd.IntN(300))
		for i := range noise {
			noise[i] = byte(rnd.Uint32())
		}
		bad.send(string(noise))
		bad.send(string(noise), "body")
		bad.send("weather/"+string(noise)+"/", "body")
		bad.send("weather/a/temperature", "\xff"+string(noise))
		bad.send("weather/a/temperature", "", "", "")
		bad.send()
		publish(t, good, at("good", fmt.Sprint(i)))
	}
	bad.send("weather/bad/temperature", encode(t, at("bad", "end")))
	next, errs, end := 0, 0, false
	for next < 200 || !end {
		i := testkit.Receive(t, got.items, "a message")
		switch {
		case i.err != nil:
			wantCode(t, i.err, CodeDataLoss, "decode")
			errs++
		case i.msg.GetStation() == "good":
			wantEqual(t, i.msg, at("good", fmt.Sprint(next)))
			next++
		case i.msg.GetStation() == "bad":
			end = true
		default:
			t.Fatalf("got %v", i.msg)
		}
	}
	if errs != 200 {
		t.Errorf("%d bodies were reported as undecodable, want 200", errs)
	}
	testkit.Eventually(t, "the report of what made no sense", func() bool { return sub.Stats().Malformed >= 400 })
}

// A publisher that announces another one's id with numbers far ahead does not
// silence it, and its losses are told still.
func TestPublisherIDIsNotTaken(t *testing.T) {
	sub := subscriber(t, Bind("tcp://127.0.0.1:*"))
	good, bad := dialRaw(t, sub.Addrs()[0], zmtp.Pub), dialRaw(t, sub.Addrs()[0], zmtp.Pub)
	got := follow(t, func(ctx context.Context) seq[*reading] { return Subscribe[reading](ctx, sub, []stationFilter{}) })
	send := func(p *rawPeer, station string, n uint64) {
		h := wire.PublicationHeader{Publisher: 7, Position: n, Sequence: n}
		p.send("weather/ams/temperature", encode(t, at(station, "")), string(h.Append(nil)))
	}
	want := func(station string) {
		t.Helper()
		i := testkit.Receive(t, got.items, "a message")
		if i.err != nil || i.msg.GetStation() != station {
			t.Fatalf("got %v, %v, want %s", i.msg, i.err, station)
		}
	}
	for _, p := range []*rawPeer{good, bad} {
		if name, _ := p.Command(); name != zmtp.CommandSubscribe {
			t.Fatalf("got %s", name)
		}
	}
	send(good, "one", 1)
	want("one")
	send(bad, "bad", 1<<40)
	want("bad")
	for n, station := range []string{"two", "three"} {
		send(good, station, uint64(n+2))
		want(station)
	}
	send(good, "ten", 10)
	var gap *GapError
	if i := testkit.Receive(t, got.items, "the gap"); !errors.As(i.err, &gap) || gap.Lost != 6 {
		t.Errorf("got %v, want a gap of 6", i.err)
	}
	want("ten")
}

// A peer may ask for prefixes that libzmq cannot send; it gets what it asked
// for.
func TestLongPrefixes(t *testing.T) {
	p := publisher(t, Bind("tcp://127.0.0.1:*"))
	for i, size := range []int{245, 246, 255, 256, 300, 1024} {
		station := strings.Repeat(string(rune('a'+i)), size) // no peer's prefix covers another's
		sub := dialRaw(t, p.Addrs()[0], "SUB")
		prefix := ("weather/" + station)[:size]
		sub.send("\x01" + prefix)
		if err := p.WaitForSubscribers(testkit.Within(t), prefix, 1); err != nil {
			t.Fatal(err)
		}
		publish(t, p, at("elsewhere", ""), at(station, ""))
		if m := sub.recv(); m[0] != "weather/"+station+"/temperature" {
			t.Errorf("prefix of %d bytes: got topic %.20q", size, m[0])
		}
		sub.Close()
	}
}
