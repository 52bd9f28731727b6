package socket

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// A gatherer passes on what a Sub receives, message by message.
type gatherer chan string

func (g gatherer) Receive(_ *link.Conn, b *link.Batch) {
	for i := range b.Len() {
		var text []string
		for _, f := range b.Message(i) {
			text = append(text, string(f))
		}
		g <- strings.Join(text, "|")
	}
}

func subscribing(t *testing.T) (*Sub, gatherer, *recorder) {
	t.Helper()
	events, got := newRecorder(), make(gatherer, 10000)
	s := NewSub(testConfig(zmtp.Sub, events), got)
	closing(t, s.Shutdown)
	return s, got, events
}

// readChanges reads n subscriptions and cancellations.
func readChanges(t *testing.T, p *zmtptest.Peer, n int) (list []string) {
	t.Helper()
	for range n {
		name, body := p.Command()
		list = append(list, name+" "+string(body))
	}
	return list
}

// TestSubCounts checks that equal subscriptions are sent once, and canceled
// when the last one is.
func TestSubCounts(t *testing.T) {
	s, _, events := subscribing(t)
	p := zmtptest.DialAs(t, bind(t, s.Links(), tcp), "PUB")
	events.await(t, link.Connected, 1)
	for _, step := range []struct {
		on     bool
		prefix string
	}{
		{true, "a"}, {true, "a"}, {true, "b"}, {false, "a"}, {true, ""}, {false, "b"}, {false, "a"}, {true, "a"}, {false, ""},
	} {
		if step.on {
			s.Subscribe([]byte(step.prefix))
		} else {
			s.Cancel([]byte(step.prefix))
		}
	}
	for _, want := range []string{"SUBSCRIBE a", "SUBSCRIBE b", "SUBSCRIBE ", "CANCEL b", "CANCEL a", "SUBSCRIBE a", "CANCEL "} {
		if got := readChanges(t, p, 1)[0]; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestSubOldPublisher sends the form of ZMTP 3.0.
func TestSubOldPublisher(t *testing.T) {
	s, got, _ := subscribing(t)
	s.Subscribe([]byte("before"))
	p := zmtptest.DialMinor(t, bind(t, s.Links(), tcp), "XPUB", 0)
	if m := p.Message(); len(m) != 1 || string(m[0]) != "\x01before" {
		t.Errorf("got %q", m)
	}
	s.Subscribe([]byte(strings.Repeat("x", 245)))
	if m := p.Message(); len(m) != 1 || string(m[0]) != "\x01"+strings.Repeat("x", 245) {
		t.Errorf("got %q", m)
	}
	s.Cancel([]byte("before"))
	if m := p.Message(); len(m) != 1 || string(m[0]) != "\x00before" {
		t.Errorf("got %q", m)
	}
	p.Send(zmtptest.Message("topic", "body"))
	if m := testkit.Receive(t, got, "a message"); m != "topic|body" {
		t.Errorf("received %q", m)
	}
}

// TestSubReconnects checks that every subscription of the moment is sent to
// each new connection.
func TestSubReconnects(t *testing.T) {
	s, got, events := subscribing(t)
	ln := zmtptest.Listen(t)
	connect(t, s.Links(), ln.Endpoint)
	var want []string
	for i := range 20 {
		s.Subscribe(fmt.Append(nil, i))
		want = append(want, fmt.Sprint("SUBSCRIBE ", i))
	}
	for round := range 4 {
		p := ln.NextAs("PUB")
		if list := readChanges(t, p, len(want)); !slices.Equal(list, want) {
			t.Fatalf("round %d: got %q, want %q", round, list, want)
		}
		p.Send(zmtptest.Message("after", fmt.Sprint(round)))
		if m := testkit.Receive(t, got, "a message"); m != fmt.Sprint("after|", round) {
			t.Errorf("received %q", m)
		}
		p.Close()
		events.await(t, link.Disconnected, round+1)
		s.Cancel(fmt.Append(nil, round))
		s.Subscribe(fmt.Append(nil, round))
		want = append(want[1:], want[0])
	}
}

// TestSubFromManyPublishers receives from all, in order for each.
func TestSubFromManyPublishers(t *testing.T) {
	const publishers, each = 5, 200
	s, got, _ := subscribing(t)
	ep := bind(t, s.Links(), tcp)
	s.Subscribe(nil)
	for i := range publishers {
		p := zmtptest.DialAs(t, ep, "PUB")
		readChanges(t, p, 1)
		var b []byte
		for n := range each {
			b = append(b, zmtptest.Message(fmt.Sprint(i), fmt.Sprint(n))...)
		}
		p.Send(b)
	}
	var next [publishers]int
	for range publishers * each {
		var i, n int
		m := testkit.Receive(t, got, "a message")
		if _, err := fmt.Sscanf(m, "%d|%d", &i, &n); err != nil || n != next[i] {
			t.Fatalf("received %q, want message %d", m, next[i])
		}
		next[i]++
	}
}

// TestPubToSub connects the two sockets to each other, either side binding.
func TestPubToSub(t *testing.T) {
	for _, network := range networks {
		for _, pubBinds := range []bool{true, false} {
			t.Run(fmt.Sprint(network, " publisher binds ", pubBinds), func(t *testing.T) {
				events := newRecorder()
				p := NewPub(pubConfig(events), 10)
				closing(t, p.Shutdown)
				s, got, _ := subscribing(t)
				if pubBinds {
					connect(t, s.Links(), bind(t, p.Links(), network))
				} else {
					connect(t, p.Links(), bind(t, s.Links(), network))
				}
				s.Subscribe([]byte("a"))
				for range 3 { // the connection is cut, and comes back with its subscriptions
					if err := p.WaitSubscribers(testkit.Within(t), []byte("a"), 1); err != nil {
						t.Fatal(err)
					}
					for n := range 100 {
						publish(p, "b")
						publish(p, fmt.Sprint("a", n))
					}
					for n := range 100 {
						if m := testkit.Receive(t, got, "a message"); m != fmt.Sprint("a", n) {
							t.Fatalf("received %q, want a%d", m, n)
						}
					}
					gone := events.sum(link.Disconnected)
					p.Links().Each(func(c *link.Conn) { c.Close(errKilled) })
					events.await(t, link.Disconnected, gone+1)
				}
			})
		}
	}
}
