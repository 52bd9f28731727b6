package link

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/curve"
	"github.com/gozmq/gozmq/runtime/internal/handshake"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// anyone is an authenticator that lets everyone in.
func anyone(context.Context, *handshake.AuthRequest) (*handshake.Identity, error) {
	return &handshake.Identity{Name: "anyone"}, nil
}

// curveConfig is testConfig for a server of CURVE that lets everyone in.
func curveConfig(t *testing.T, kind zmtp.SocketType, r *recorder) (Config, curve.Public) {
	t.Helper()
	cfg := testConfig(kind, r)
	secret := zmtptest.Secret(t)
	cfg.Security = &handshake.Security{Mechanism: handshake.Curve, Server: true, Secret: secret, Authenticate: anyone}
	return cfg, secret.Public()
}

// TestCurveEcho sends messages of all sizes between two of our ends, and
// between ours and one by hand.
func TestCurveEcho(t *testing.T) {
	for _, network := range networks {
		t.Run(network, func(t *testing.T) {
			cfg, server := curveConfig(t, zmtp.Router, newRecorder())
			_, ep := boundTo(t, cfg, handlerFunc(echo), network)
			p := zmtptest.DialCurve(t, ep, zmtptest.Secret(t), server, "DEALER")
			p.Ask("hello")
			p.Ask("a", "message", "", "of", "frames", "")

			ours := testConfig(zmtp.Dealer, newRecorder())
			ours.Security = &handshake.Security{Mechanism: handshake.Curve, Secret: zmtptest.Secret(t), ServerKey: server}
			conns := make(chan *Conn, 1)
			g := NewGroup(ours, handlerFunc(func(c *Conn) error {
				conns <- c
				<-c.Closed()
				return c.Err()
			}))
			defer shutdown(t, g)
			if err := g.Connect(ep); err != nil {
				t.Fatal(err)
			}
			c := testkit.Receive(t, conns, "a connection")
			if c.Mechanism != handshake.Curve || c.PublicKey != server || c.SocketType != zmtp.Router {
				t.Errorf("the peer is %+v", c.Peer)
			}
			for _, size := range []int{0, 1, 222, 223, 255, 256, 4 << 10, 64 << 10, 200 << 10, 1 << 20} {
				body := bytes.Repeat([]byte{byte(size), byte(size >> 8), 7}, size/3+1)[:size]
				want := [][]byte{nil, []byte("head"), body}
				b, err := c.Begin()
				if err != nil {
					t.Fatal(err)
				}
				c.Commit(zmtptest.AppendMessage(b, want...))
				got, err := c.Next()
				if err != nil {
					t.Fatalf("%d bytes: %v", size, err)
				}
				if !bytes.Equal(zmtptest.AppendMessage(nil, got...), zmtptest.AppendMessage(nil, want...)) {
					t.Errorf("a message of %d bytes came back as another", size)
				}
			}
		})
	}
}

// TestCurveIdentity checks that what the authenticator made of a key reaches
// the connection.
func TestCurveIdentity(t *testing.T) {
	cfg, server := curveConfig(t, zmtp.Router, newRecorder())
	secret := zmtptest.Secret(t)
	cfg.Security.Domain = "lab"
	cfg.Security.Authenticate = func(_ context.Context, r *handshake.AuthRequest) (*handshake.Identity, error) {
		if r.PublicKey != secret.Public() || r.Mechanism != handshake.Curve || r.Domain != "lab" || r.Address == "" || r.Endpoint == "" || r.Metadata.Get("Socket-Type") != "DEALER" {
			return nil, fmt.Errorf("asked for %+v", r)
		}
		return &handshake.Identity{Name: "ada", Metadata: map[string]string{"role": "admin"}}, nil
	}
	peers := make(chan handshake.Peer, 1)
	_, ep := bound(t, cfg, handlerFunc(func(c *Conn) error {
		peers <- c.Peer
		return echo(c)
	}))
	zmtptest.DialCurve(t, ep, secret, server, "DEALER").Ask("hello")
	p := testkit.Receive(t, peers, "a peer")
	if p.Auth == nil || p.Auth.Name != "ada" || p.Auth.Metadata["role"] != "admin" || p.PublicKey != secret.Public() {
		t.Errorf("the peer is %+v", p)
	}
}

// badSealed is what a hostile peer with a good session sends.
var badSealed = []struct {
	name   string
	send   func(c *zmtptest.SealedConn) []byte
	reason string
}{
	{"a plain message", func(*zmtptest.SealedConn) []byte { return zmtptest.Message("hello") }, "no MESSAGE command"},
	{"a plain PING", func(*zmtptest.SealedConn) []byte { return zmtp.AppendPing(nil, 0) }, "no MESSAGE command"},
	{"a plain ERROR", func(*zmtptest.SealedConn) []byte {
		return zmtp.AppendCommand(nil, "ERROR", zmtp.ErrorBody("no"))
	}, "no MESSAGE command"},
	{"an empty frame", func(*zmtptest.SealedConn) []byte { return []byte{0, 0} }, "no MESSAGE command"},
	{"MORE outside", func(c *zmtptest.SealedConn) []byte { return flagged(c.Seal(nil, 0, []byte("x")), zmtp.FlagMore) }, "MORE flag"},
	{"reserved bits outside", func(c *zmtptest.SealedConn) []byte { return flagged(c.Seal(nil, 0, nil), 0x40) }, "reserved flag bits"},
	{"reserved flags inside", func(c *zmtptest.SealedConn) []byte { return c.Seal(nil, 4, nil) }, "flags 0x04"},
	{"a command with MORE", func(c *zmtptest.SealedConn) []byte { return c.Seal(nil, 3, []byte("\x04PONG")) }, "flags 0x03"},
	{"a command without a name", func(c *zmtptest.SealedConn) []byte { return c.Seal(nil, 2, nil) }, "command has no name"},
	{"a replay", func(c *zmtptest.SealedConn) []byte {
		one := c.Seal(nil, 2, []byte("\x04PONG"))
		return append(one, one...)
	}, "used already"},
	{"an order that was changed", func(c *zmtptest.SealedConn) []byte {
		one, two := c.Seal(nil, 2, []byte("\x04PONG")), c.Seal(nil, 2, []byte("\x04PONG"))
		return append(two, one...)
	}, "not the next one"},
	{"a frame that was removed", func(c *zmtptest.SealedConn) []byte {
		c.Seal(nil, 0, []byte("removed"))
		return c.Seal(nil, 0, []byte("hello"))
	}, "removed on the way"},
	{"a damaged box", func(c *zmtptest.SealedConn) []byte {
		b := c.Seal(nil, 0, []byte("hello"))
		b[len(b)-1] ^= 1
		return b
	}, "cannot be opened"},
	{"a frame of 2^31", func(*zmtptest.SealedConn) []byte { return zmtptest.LongHeader(0, 1<<31) }, "exceeds the limit"},
	{"a frame of 2^62", func(*zmtptest.SealedConn) []byte { return zmtptest.LongHeader(0, 1<<62) }, "exceeds the limit"},
	{"a message that is one byte too large", func(c *zmtptest.SealedConn) []byte { return c.Seal(nil, 0, make([]byte, 1<<20+1)) }, "exceeds the limit"},
	{"many frames that are too large together", func(c *zmtptest.SealedConn) (b []byte) {
		for range 80 {
			b = c.Seal(b, 1, make([]byte, 16<<10))
		}
		return b
	}, "exceeds the limit"},
	{"endless empty frames", func(c *zmtptest.SealedConn) (b []byte) {
		for range 1100 {
			b = c.Seal(b, 1, nil)
		}
		return b
	}, "more than 1024 frames"},
	{"a large command", func(c *zmtptest.SealedConn) []byte { return c.Seal(nil, 2, make([]byte, 9000)) }, "command of 9000 bytes"},
	{"half a frame", func(c *zmtptest.SealedConn) []byte { return c.Seal(nil, 0, []byte("hello"))[:20] }, "within a message"},
	{"half a message", func(c *zmtptest.SealedConn) []byte { return c.Seal(nil, 1, []byte("hello")) }, "within a message"},
}

func flagged(b []byte, flag byte) []byte {
	b[0] |= flag
	return b
}

// TestBadSealed checks that each of these ends that one connection with a
// reason, while a good peer is served.
func TestBadSealed(t *testing.T) {
	events := newRecorder()
	cfg, server := curveConfig(t, zmtp.Router, events)
	delivered := make(chan struct{}, 100)
	_, ep := bound(t, cfg, handlerFunc(func(c *Conn) error {
		if c.Identity == "" {
			return echo(c)
		}
		_, err := c.Next()
		if err == nil {
			delivered <- struct{}{}
		}
		return err
	}))
	good := zmtptest.DialCurve(t, ep, zmtptest.Secret(t), server, "DEALER")
	for _, tt := range badSealed {
		t.Run(tt.name, func(t *testing.T) {
			mark := events.Len()
			bad := zmtptest.DialCurve(t, ep, zmtptest.Secret(t), server, "DEALER")
			sealed := bad.Conn.(*zmtptest.SealedConn)
			_, _ = sealed.Conn.Write(tt.send(sealed))
			_ = sealed.CloseWrite()
			wantReason(t, events.await(t, mark, Disconnected, 1), tt.reason)
			good.Ask("still here")
		})
	}
	if len(delivered) > 0 {
		t.Error("something of it was delivered")
	}
}

// TestSealedAsCommand checks that a peer may send MESSAGE as the command that
// it is, which libzmq does not.
func TestSealedAsCommand(t *testing.T) {
	cfg, server := curveConfig(t, zmtp.Router, newRecorder())
	_, ep := bound(t, cfg, handlerFunc(echo))
	p := zmtptest.DialCurve(t, ep, zmtptest.Secret(t), server, "DEALER")
	sealed := p.Conn.(*zmtptest.SealedConn)
	if _, err := sealed.Conn.Write(flagged(sealed.Seal(nil, 0, []byte("hello")), zmtp.FlagCommand)); err != nil {
		t.Fatal(err)
	}
	if got := p.Message(); len(got) != 1 || string(got[0]) != "hello" {
		t.Errorf("got back %q", got)
	}
}

// TestSealedByteByByte checks that a message that comes one byte at a time is
// put together.
func TestSealedByteByByte(t *testing.T) {
	cfg, server := curveConfig(t, zmtp.Router, newRecorder())
	_, ep := bound(t, cfg, handlerFunc(echo))
	p := zmtptest.DialCurve(t, ep, zmtptest.Secret(t), server, "DEALER")
	sealed := p.Conn.(*zmtptest.SealedConn)
	for _, b := range sealed.Seal(sealed.Seal(nil, 1, make([]byte, 300)), 0, []byte("x")) {
		if _, err := sealed.Conn.Write([]byte{b}); err != nil {
			t.Fatal(err)
		}
	}
	if got := p.Message(); len(got) != 2 || len(got[0]) != 300 || string(got[1]) != "x" {
		t.Errorf("got back %q", got)
	}
}

// TestCurveFailures checks what each side is told when a handshake fails.
func TestCurveFailures(t *testing.T) {
	secret, client := zmtptest.Secret(t), zmtptest.Secret(t)
	server := &handshake.Security{Mechanism: handshake.Curve, Server: true, Secret: secret, Authenticate: anyone}
	deny := func(err error) *handshake.Security {
		return &handshake.Security{Mechanism: handshake.Curve, Server: true, Secret: secret, Authenticate: func(context.Context, *handshake.AuthRequest) (*handshake.Identity, error) { return nil, err }}
	}
	good := &handshake.Security{Mechanism: handshake.Curve, Secret: client, ServerKey: secret.Public()}
	const refused, late, soon = "after a refusal", "late", "soon"
	for _, tt := range []struct {
		name           string
		server, client *handshake.Security
		kind           EventKind
		there, here    string
		again          string
	}{
		{"wrong server key", server, &handshake.Security{Mechanism: handshake.Curve, Secret: client, ServerKey: client.Public()},
			HandshakeFailed, "another server's public key", "probably the server's public key", late},
		{"unknown client key", deny(errors.New("not on the list")), good,
			AuthFailed, "refused public key " + client.Public().String() + ": not on the list", "does not accept our credentials", refused},
		{"no authenticator", &handshake.Security{Mechanism: handshake.Curve, Server: true, Secret: secret}, good,
			AuthFailed, "without an authenticator", "does not accept our credentials", refused},
		{"no identity", deny(nil), good, AuthFailed, "no identity", "does not accept our credentials", refused},
		{"undecided", deny(fmt.Errorf("database away: %w", handshake.ErrTryLater)), good,
			AuthFailed, "database away", "could not check our key just now", soon},
		{"panic", &handshake.Security{Mechanism: handshake.Curve, Server: true, Secret: secret, Authenticate: func(context.Context, *handshake.AuthRequest) (*handshake.Identity, error) { panic("ouch") }}, good,
			AuthFailed, "panicked: ouch", "its authenticator failed", late},
		{"client speaks NULL", server, nil, HandshakeFailed, `mechanism "NULL", this socket speaks CURVE`, `mechanism "CURVE", this socket speaks NULL`, late},
		{"server speaks NULL", nil, good, HandshakeFailed, `mechanism "CURVE", this socket speaks NULL`, `mechanism "NULL", this socket speaks CURVE`, late},
		{"both are clients", good, good, HandshakeFailed, "both sides have the role of the client", "both sides have the role of the client", late},
	} {
		t.Run(tt.name, func(t *testing.T) {
			there, here := newRecorder(), newRecorder()
			cfg := testConfig(zmtp.Router, there)
			cfg.Security = tt.server
			_, ep := bound(t, cfg, handlerFunc(echo))
			cfg = testConfig(zmtp.Dealer, here)
			cfg.Security = tt.client
			dialing(t, cfg, ep, func(g *Group) error { return g.Connect(ep) })
			wantReason(t, there.await(t, 0, tt.kind, 1), tt.there)
			e := here.await(t, 0, HandshakeFailed, 1)
			wantReason(t, e, tt.here)
			if errors.As(e.Err, new(*handshake.RefusedError)) != (tt.again == refused) || errors.As(e.Err, new(*handshake.MismatchError)) != (tt.again == late) {
				t.Errorf("%v is of type %T, want one that has us try again %s", e.Err, errors.Unwrap(e.Err), tt.again)
			}
			here.await(t, 0, HandshakeFailed, 2)
		})
	}
}

// TestHalfHandshakes has a thousand peers stop at each point of the handshake,
// while a good one comes, stays and is served.
func TestHalfHandshakes(t *testing.T) {
	events := newRecorder()
	cfg, server := curveConfig(t, zmtp.Router, events)
	cfg.MaxPeers = 2000
	_, ep := bound(t, cfg, handlerFunc(echo))
	good := zmtptest.DialCurve(t, ep, zmtptest.Secret(t), server, "DEALER")
	client, err := curve.NewClient(zmtptest.Secret(t), server)
	if err != nil {
		t.Fatal(err)
	}
	body, err := client.Hello()
	if err != nil {
		t.Fatal(err)
	}
	greeting := zmtptest.Greeting(3, 1, "CURVE")
	hello := zmtp.AppendCommand(nil, curve.CommandHello, body)
	stops := [][]byte{nil, greeting[:11], greeting, zmtptest.Join(greeting, hello[:100]), zmtptest.Join(greeting, hello)}
	before := descriptors()
	for i := range 1000 {
		conn, err := ep.Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_, _ = conn.Write(stops[i%len(stops)]) // it may have lost its place already
		if i%100 == 0 {
			good.Ask("still here")
		}
	}
	good.Ask("still here")
	zmtptest.DialCurve(t, ep, zmtptest.Secret(t), server, "DEALER").Ask("and I came")
	events.await(t, 0, HandshakeFailed, 1000-cfg.MaxHandshakes)
	if now := descriptors(); before >= 0 && now > before+1000+2*cfg.MaxHandshakes+10 {
		t.Errorf("%d descriptors, %d before", now, before)
	}
}

// TestDowngrade checks that neither role of CURVE takes a peer that speaks
// anything less, whatever that says after its greeting.
func TestDowngrade(t *testing.T) {
	events := newRecorder()
	cfg, _ := curveConfig(t, zmtp.Router, events)
	_, ep := bound(t, cfg, handlerFunc(func(c *Conn) error {
		t.Error("the peer came in")
		return nil
	}))
	for _, first := range [][]byte{
		zmtptest.Hello("DEALER"),
		zmtptest.Join(zmtptest.Greeting(3, 1, "PLAIN"), zmtp.AppendCommand(nil, "HELLO", []byte{1, 'a', 1, 'b'})),
		zmtptest.Join(zmtptest.Greeting(3, 1, ""), zmtptest.Ready("Socket-Type", "DEALER")),
		zmtptest.Join(zmtptest.Greeting(3, 1, "curve"), zmtptest.Ready("Socket-Type", "DEALER")),
		zmtptest.Join(zmtptest.Greeting(3, 1, "CURVE"), zmtptest.Ready("Socket-Type", "DEALER")),
		zmtptest.Join(zmtptest.Greeting(3, 1, "CURVE"), zmtp.AppendCommand(nil, curve.CommandMessage, make([]byte, 40))),
	} {
		mark := events.Len()
		p := zmtptest.Dial(t, ep)
		p.Send(first)
		p.Drained()
		events.await(t, mark, HandshakeFailed, 1)
	}
	ln := zmtptest.Listen(t)
	here := newRecorder()
	cfg = testConfig(zmtp.Dealer, here)
	cfg.Security = &handshake.Security{Mechanism: handshake.Curve, Secret: zmtptest.Secret(t), ServerKey: zmtptest.Secret(t).Public()}
	dialing(t, cfg, ln.Endpoint, func(g *Group) error { return g.Connect(ln.Endpoint) })
	p := ln.Next()
	p.Send(zmtptest.Join(zmtptest.Greeting(3, 1, "CURVE"), zmtptest.Ready("Socket-Type", "ROUTER")))
	wantReason(t, here.await(t, 0, HandshakeFailed, 1), `"READY" in place of WELCOME`)
}

// TestSealedPassOver passes over sealed frames that are too large, in either
// direction: their beginning is reported once the frame is known to be the
// peer's, and the connection stays. A frame that was changed ends it, and is
// not reported as too large.
func TestSealedPassOver(t *testing.T) {
	const limit, large = 10_000, 300_000 // beyond the size of a command
	for _, accepted := range []bool{true, false} {
		t.Run(fmt.Sprintf("accepted=%v", accepted), func(t *testing.T) {
			results := make(chan string, 100)
			events := newRecorder()
			peer := sealedPeerWith(t, accepted, events, handlerFunc(func(c *Conn) error {
				for {
					frames, err := c.Next()
					results <- fmt.Sprintf("%q %v", frames, err)
					if err != nil && !errors.As(err, new(*zmtp.SizeError)) {
						return err
					}
				}
			}), func(c *Config) { c.MaxMessageSize, c.PassOver = limit, true })
			want := func(text string) {
				t.Helper()
				if got := testkit.Receive(t, results, "a result"); !strings.HasPrefix(got, text) {
					t.Errorf("Next gave %.200s, want %s", got, text)
				}
			}
			sealed := peer.Conn.(*zmtptest.SealedConn)
			message := func(bodies ...int) (wire []byte) {
				wire = sealed.Seal(wire, zmtp.FlagMore, []byte("a"))
				for i, n := range bodies {
					var flags byte
					if i < len(bodies)-1 {
						flags = zmtp.FlagMore
					}
					wire = sealed.Seal(wire, flags, make([]byte, n))
				}
				return wire
			}
			tooLarge := `["a"] ` + (&zmtp.SizeError{Size: large, Limit: limit}).Error()
			send := func(b []byte) {
				t.Helper()
				if _, err := sealed.Conn.Write(b); err != nil {
					t.Fatal(err)
				}
			}
			send(message(large))
			want(tooLarge)
			send(zmtptest.Join(message(large, 3, large, large), message(0)))
			want(tooLarge)
			want(`["a" ""] <nil>`)
			send(zmtptest.Join(message(large), message(large)))
			want(tooLarge)
			want(tooLarge)
			b := message(large)
			send(b[:len(b)-1])
			if len(results) > 0 {
				t.Error("a frame is reported before its end")
			}
			b[len(b)-1] ^= 1
			send(b[len(b)-1:])
			want("[] MESSAGE cannot be opened")
			if n := events.count(Malformed); n > 0 {
				t.Errorf("%d events of malformed messages", n)
			}
		})
	}
}
