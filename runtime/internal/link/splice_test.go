package link

import (
	"fmt"
	"slices"
	"testing"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/handshake"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// TestSplice removes every run of sealed frames from two messages, as an
// attacker on the way can who has no key, in both directions. Whatever is
// removed, only messages that were sent are received, the first one first.
func TestSplice(t *testing.T) {
	sent := [][]string{{"id 1", "", "Wipe", "scratch"}, {"id 2", "", "Read", "production"}}
	for _, accepted := range []bool{true, false} {
		t.Run(fmt.Sprintf("accepted=%v", accepted), func(t *testing.T) {
			for from := range 8 {
				for to := from + 1; to <= 8; to++ {
					got := spliced(t, accepted, sent, from, to)
					if n := len(got); n > 2 || !slices.EqualFunc(got, sent[:n], slices.Equal) || from < 4 && n > 0 || n > 1 {
						t.Errorf("without the frames %d to %d the receiver got %q", from, to-1, got)
					}
				}
			}
		})
	}
}

// spliced sends two messages of four frames each without those from one number
// up to another, and returns the messages that our end received.
func spliced(t *testing.T, accepted bool, sent [][]string, from, to int) [][]string {
	t.Helper()
	events := newRecorder()
	done := make(chan [][]string, 1)
	receiver := handlerFunc(func(c *Conn) error {
		var got [][]string
		for {
			frames, err := c.Next()
			if err != nil {
				done <- got
				return err
			}
			var message []string
			for _, f := range frames {
				message = append(message, string(f))
			}
			got = append(got, message)
		}
	})
	peer := sealedPeer(t, accepted, events, receiver)
	sealed := peer.Conn.(*zmtptest.SealedConn)
	var wire []byte
	for i, frame := range slices.Concat(sent...) {
		var flags byte
		if i%4 < 3 {
			flags = zmtp.FlagMore
		}
		if b := sealed.Seal(nil, flags, []byte(frame)); i < from || i >= to {
			wire = append(wire, b...)
		}
	}
	_, _ = sealed.Conn.Write(wire)
	_ = sealed.CloseWrite()
	return testkit.Receive(t, done, "the end")
}

// sealedPeer returns a peer over CURVE, which is accepted by our end or accepts it.
func sealedPeer(t *testing.T, accepted bool, events *recorder, h Handler) *zmtptest.Peer {
	t.Helper()
	return sealedPeerWith(t, accepted, events, h, func(*Config) {})
}

// sealedPeerWith is sealedPeer for an end of ours whose configuration with changes.
func sealedPeerWith(t *testing.T, accepted bool, events *recorder, h Handler, with func(*Config)) *zmtptest.Peer {
	t.Helper()
	if accepted {
		cfg, server := curveConfig(t, zmtp.Router, events)
		with(&cfg)
		_, ep := bound(t, cfg, h)
		return zmtptest.DialCurve(t, ep, zmtptest.Secret(t), server, "DEALER")
	}
	secret, ln := zmtptest.Secret(t), zmtptest.Listen(t)
	cfg := testConfig(zmtp.Router, events)
	with(&cfg)
	cfg.Security = &handshake.Security{Mechanism: handshake.Curve, Secret: zmtptest.Secret(t), ServerKey: secret.Public()}
	dialing(t, cfg, ln.Endpoint, func(g *Group) error {
		g.handler = h
		return g.Connect(ln.Endpoint)
	})
	peer := ln.Next()
	peer.ServeCurve(secret, "DEALER")
	return peer
}
