package link

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/leak"
	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/handshake"
	"github.com/gozmq/gozmq/runtime/internal/transport"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// TestBadHandshake checks that each of these ends with a reason and costs
// nothing, while a good peer is served.
func TestBadHandshake(t *testing.T) {
	for _, network := range []string{"tcp://127.0.0.1:*", "ipc://*", "inproc://bad-handshake"} {
		t.Run(network, func(t *testing.T) {
			events := newRecorder()
			_, ep := boundTo(t, testConfig(zmtp.Router, events), handlerFunc(echo), network)
			good := zmtptest.DialAs(t, ep, "DEALER")
			good.Ask("before")
			running := leak.Now()
			before := descriptors()
			for _, tt := range zmtptest.BadHandshakes() {
				t.Run(tt.Name, func(t *testing.T) {
					badHandshake(t, events, ep, tt.Send, tt.Reason)
					if now := descriptors(); now != before {
						t.Errorf("%d descriptors are open, %d were", now, before)
					}
				})
				good.Ask("after", tt.Name)
			}
			leak.Check(t, running)
		})
	}
}

func badHandshake(t *testing.T, events *recorder, ep transport.Endpoint, send []byte, reason string) {
	t.Helper()
	mark := events.Len()
	bad := zmtptest.Dial(t, ep)
	_, _ = bad.Write(send) // it may be refused before all was written
	e := events.await(t, mark, HandshakeFailed, 1)
	wantReason(t, e, reason)
	if e.Endpoint != ep.String() || e.Peer == "" {
		t.Errorf("event has endpoint %q and peer %q", e.Endpoint, e.Peer)
	}
	bad.Drained()
	bad.Close()
}

// TestCloseDuringHandshake cuts a good handshake at every byte.
func TestCloseDuringHandshake(t *testing.T) {
	events := newRecorder()
	_, ep := bound(t, testConfig(zmtp.Router, events), handlerFunc(echo))
	good := zmtptest.DialAs(t, ep, "DEALER")
	good.Ask("before")
	before, all := descriptors(), zmtptest.Hello("DEALER")
	for n := range all {
		mark := events.Len()
		p := zmtptest.Dial(t, ep)
		p.Send(all[:n])
		p.Close()
		if n == 0 {
			wantReason(t, events.await(t, mark, Probed, 1), "without a byte")
			continue
		}
		e := events.await(t, mark, HandshakeFailed, 1)
		if e.Err == nil || !strings.Contains(e.Err.Error(), "closed the connection during the handshake") &&
			!strings.Contains(e.Err.Error(), "reset by peer") && !strings.Contains(e.Err.Error(), "broken pipe") {
			t.Errorf("cut after %d bytes: reason %v", n, e.Err)
		}
	}
	good.Ask("after")
	if now := descriptors(); now != before {
		t.Errorf("%d descriptors are open, %d were", now, before)
	}
}

// TestHandshakeByteByByte checks that a slow peer is a good one.
func TestHandshakeByteByByte(t *testing.T) {
	_, ep := bound(t, testConfig(zmtp.Router, newRecorder()), handlerFunc(echo))
	p := zmtptest.Dial(t, ep)
	for _, b := range zmtptest.Hello("DEALER") {
		p.Send([]byte{b})
	}
	p.Greeted()
	p.Ask("a", "", "b")
}

func TestHandshakeTimeout(t *testing.T) {
	tests := []struct {
		name string
		send []byte
	}{
		{"silent", nil},
		{"half a signature", []byte{0xff, 0, 0, 0}},
		{"greeting only", zmtptest.Greeting(3, 1, "NULL")},
		{"half of READY", zmtptest.Hello("DEALER")[:zmtp.GreetingSize+10]},
	}
	events := newRecorder()
	cfg := testConfig(zmtp.Router, events)
	cfg.HandshakeTimeout = 300 * time.Millisecond
	_, ep := bound(t, cfg, handlerFunc(echo))
	before := descriptors()
	peers := make(map[string]bool)
	for _, tt := range tests {
		p := zmtptest.Dial(t, ep)
		p.Send(tt.send)
		peers[p.LocalAddr().String()] = true
	}
	for i := range tests {
		e := events.await(t, 0, HandshakeFailed, i+1)
		wantReason(t, e, "timed out")
		if !peers[e.Peer] {
			t.Errorf("%q was reported twice or never connected", e.Peer)
		}
		delete(peers, e.Peer)
	}
	if now := descriptors(); before >= 0 && now != before+len(tests) {
		t.Errorf("%d descriptors are open, want the %d of before and our %d ends", now, before, len(tests))
	}
}

// TestIncompatibleTypes checks that the peer is told why before the connection
// is closed.
func TestIncompatibleTypes(t *testing.T) {
	events := newRecorder()
	_, ep := bound(t, testConfig(zmtp.Pull, events), handlerFunc(echo))
	p := zmtptest.DialAs(t, ep, "SUB")
	name, body := p.Command()
	if reason := zmtp.ParseErrorCommand(body); name != zmtp.CommandError || !strings.Contains(reason, `"SUB" socket, which does not go with PULL`) {
		t.Errorf("got %s %q, want an ERROR that names both types", name, reason)
	}
	if rest := p.Drained(); len(rest) > 0 {
		t.Errorf("%q came behind the ERROR", rest)
	}
	wantReason(t, events.await(t, 0, HandshakeFailed, 1), "does not go with PULL")
}

// TestReady checks what is announced, and what is read from the peer.
func TestReady(t *testing.T) {
	for _, minor := range []byte{0, 1} {
		events := newRecorder()
		cfg := testConfig(zmtp.Router, events)
		cfg.Identity = "it is me"
		peers := make(chan handshake.Peer, 1)
		_, ep := bound(t, cfg, handlerFunc(func(c *Conn) error {
			peers <- c.Peer
			return echo(c)
		}))
		p := zmtptest.Dial(t, ep)
		p.Send(zmtptest.Join(zmtptest.Greeting(3, minor, "NULL"), zmtptest.Ready("socket-TYPE", "REQ", "IDENTITY", "you", "x-gozmq", "1")))
		p.Greeted()
		want := zmtp.Metadata{{Name: "Socket-Type", Value: "ROUTER"}, {Name: "Identity", Value: "it is me"}, {Name: "X-Gozmq", Value: "1"}, {Name: "X-Gozmq-Max-Size", Value: strconv.Itoa(cfg.MaxMessageSize)}}
		if string(p.Ready.Append(nil)) != string(want.Append(nil)) || p.Minor != 1 {
			t.Errorf("announced %q and ZMTP 3.%d", p.Ready, p.Minor)
		}
		peer := testkit.Receive(t, peers, "a peer")
		if peer.SocketType != zmtp.Req || peer.Identity != "you" || peer.Minor != minor || !peer.Gozmq() {
			t.Errorf("read %+v", peer)
		}
	}
}

// TestBadHandshakeOfListener checks the dialing side: it reports why, and
// tries again.
func TestBadHandshakeOfListener(t *testing.T) {
	for _, tt := range zmtptest.BadHandshakes() {
		t.Run(tt.Name, func(t *testing.T) {
			events := newRecorder()
			ln := zmtptest.Listen(t)
			ep := ln.Endpoint
			g := NewGroup(testConfig(zmtp.Router, events), handlerFunc(echo))
			defer shutdown(t, g)
			if err := g.Connect(ep); err != nil {
				t.Fatal(err)
			}
			p := ln.Next()
			_, _ = p.Write(tt.Send)
			e := events.await(t, 0, HandshakeFailed, 1)
			wantReason(t, e, tt.Reason)
			p.Drained()
			p.Close()
			if g.DialError() == nil {
				t.Error("DialError is nil")
			}
			again := ln.NextAs("DEALER")
			again.Ask("served at the second attempt")
		})
	}
}
