package link

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/handshake"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// TestUnsent cuts connections at a random point while messages are written.
// Each message was received whole, or is unsent, or is the one that was cut.
func TestUnsent(t *testing.T) { cutAtRandom(t, handshake.Null) }

// TestUnsentSealed is TestUnsent under CURVE: what is unsent is plain again.
func TestUnsentSealed(t *testing.T) { cutAtRandom(t, handshake.Curve) }

func cutAtRandom(t *testing.T, mechanism string) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	for _, network := range networks {
		t.Run(network, func(t *testing.T) {
			for round := range 20 {
				size := 1 + random.IntN(3000)
				cut := random.IntN(min(400_000, 2000*(size+20))) // so few messages that a slow machine seals them in time
				unsent(t, mechanism, network, cut, size, round%2 == 0, round%3 == 0)
				if t.Failed() {
					t.Fatalf("round %d: cut at %d, messages of %d bytes", round, cut, size)
				}
			}
		})
	}
}

// unsent sends messages to a peer that reads cut bytes and goes. ours: our own
// side closes, with the peer reading what is left.
func unsent(t *testing.T, mechanism, network string, cut, size int, ours, later bool) {
	cfg, server := curveConfig(t, zmtp.Router, newRecorder())
	if mechanism == handshake.Null {
		cfg.Security = nil
	}
	conns, room := make(chan *Conn, 1), make(chan struct{}, 1)
	g, ep := boundTo(t, cfg, handlerFunc(func(c *Conn) error {
		c.OnWritable(func() {
			select {
			case room <- struct{}{}:
			default:
			}
		})
		conns <- c
		for {
			if _, err := c.Next(); err != nil {
				return err
			}
		}
	}), network)
	defer shutdown(t, g)
	p := zmtptest.Dial(t, ep)
	if mechanism == handshake.Null {
		p.Shake("DEALER")
	} else {
		p.ShakeCurve(zmtptest.Secret(t), server, "DEALER")
	}
	c := testkit.Receive(t, conns, "a connection")
	reading := make(chan struct{})
	got := 0
	go func() {
		defer close(reading)
		for total := 0; ours || total < cut; {
			_, _, message, err := p.Token()
			if err != nil {
				break
			}
			if _, n, err := unnumber(message); err != nil || n != got {
				t.Errorf("received %d, %v, want %d", n, err, got)
			}
			got++
			if total += size + 20; ours && total >= cut {
				c.Close(ErrClosed)
			}
		}
		p.Close() // also when it was ours to close, or a failed test would hang
	}()
	sent := 0
	for c.Err() == nil {
		b, err := c.Begin()
		if errors.Is(err, ErrFull) {
			<-room
			continue
		}
		if err != nil {
			break
		}
		b = numbered(b, 0, sent, size)
		if sent++; later {
			c.CommitLater(b)
		} else {
			c.Commit(b)
		}
	}
	<-c.Closed()
	rest := c.Unsent()
	<-reading
	first, left := sent, 0
	s := zmtp.Scanner{Limits: zmtp.Limits{MaxFrame: 1 << 30, MaxMessage: 1 << 30, MaxFrames: 10, MaxCommand: 100}}
	for len(rest) > 0 {
		token, err := s.Next(rest)
		if token != zmtp.Message || err != nil {
			t.Fatalf("unsent bytes are not whole messages: %v, %v", token, err)
		}
		_, n, err := unnumber(s.Frames(rest))
		if left == 0 {
			first = n
		}
		if err != nil || n != first+left {
			t.Fatalf("unsent message %d, %v, want %d", n, err, first+left)
		}
		left++
		rest = rest[s.Skip():]
	}
	if first+left != sent {
		t.Errorf("messages %d to %d of %d are unsent", first, first+left, sent)
	}
	// Where the peer goes, the kernel may have taken any number that it has
	// not read. Where we go, the peer reads all but the message that was cut.
	if got > first || ours && got < first-1 && network != "inproc://link-test" {
		t.Errorf("%d sent: %d received, unsent from %d on", sent, got, first)
	}
	if out := c.stats().MessagesOut; out != uint64(first) {
		t.Errorf("%d messages are counted as sent, want %d", out, first)
	}
	if c.Unsent() != nil {
		t.Error("the unsent messages were given twice")
	}
}
