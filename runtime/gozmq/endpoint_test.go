package gozmq

import (
	"context"
	"strings"
	"testing"
)

// An endpoint that is given twice is one connection, however it is spelled: a
// subscriber gets each message once, and so do those of a publisher that connects.
func TestEndpointTwice(t *testing.T) {
	for _, spell := range []func(string) string{
		func(s string) string { return s },
		func(s string) string { return strings.Replace(s, "127.0.0.1", "localhost", 1) },
		func(s string) string { return strings.Replace(s, "127.0.0.1", "LocalHost.", 1) },
		func(s string) string { return strings.Replace(s, "127.0.0.1", "[::ffff:127.0.0.1]", 1) },
	} {
		p := publisher(t, Bind("tcp://127.0.0.1:*"))
		addr := p.Addrs()[0]
		sub := subscriber(t, Connect(addr), Connect(spell(addr), addr))
		s, err := OpenSubscription[reading](sub, stations("x"), nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := sub.Ready(within(t)); err != nil {
			t.Fatal(err)
		}
		for _, note := range []string{"1", "2"} {
			if err := Publish(within(t), p, &temperature, at("x", note)); err != nil {
				t.Fatal(err)
			}
		}
		got := follow(t, func(ctx context.Context) seq[*reading] { return s.All(ctx) })
		for _, note := range []string{"1", "2"} {
			if m := got.next(t); m.GetNote() != note {
				t.Errorf("%s: got %s, want %s", spell(addr), m.GetNote(), note)
			}
		}
		if n := sub.Stats().Dialed; n != 1 {
			t.Errorf("%s and %s: %d connections", addr, spell(addr), n)
		}
	}
}

// Every role takes a list in which an endpoint is twice, and refuses one that
// is to be secured in two ways.
func TestEndpointTwiceSecured(t *testing.T) {
	const addr = "tcp://127.0.0.1:1"
	twice := []Endpoints{Connect(addr), Connect("tcp://localhost:1").Secured(PlainClient("user", "password"))}
	_, dialErr := Dial(twice[0], twice[1])
	_, pubErr := NewPublisher(twice[0], twice[1])
	_, subErr := NewSubscriber(twice[0], twice[1])
	_, ventErr := NewVentilator(DeliveryAtMostOnce, twice[0], twice[1])
	_, sinkErr := NewSink(DeliveryAtLeastOnce, twice[0], twice[1])
	for role, err := range map[string]error{"client": dialErr, "publisher": pubErr, "subscriber": subErr, "ventilator": ventErr, "sink": sinkErr} {
		if err == nil || !strings.Contains(err.Error(), "are the same peer") {
			t.Errorf("%s: got %v", role, err)
		}
	}
}
