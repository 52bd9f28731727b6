package interop

import (
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/nacl/box"
	"google.golang.org/protobuf/proto"

	greetv1 "github.com/gozmq/gozmq/example/gen/greet/v1"
	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqcurve"
	"github.com/gozmq/gozmq/test/internal/rawzmtp"
)

// secured is a connection on which both greetings with a mechanism have passed.
func secured(t *testing.T, conn net.Conn, mechanism string) *rawPeer {
	t.Helper()
	p := &rawPeer{t: t, conn: conn}
	t.Cleanup(func() { conn.Close() })
	p.send(rawzmtp.Greeting(3, 1, mechanism))
	if theirs := p.read(64); !strings.HasPrefix(string(theirs[12:]), mechanism+"\x00") {
		t.Fatalf("the greeting names %q, want %s", theirs[12:32], mechanism)
	}
	return p
}

func dialSecured(t *testing.T, endpoint, mechanism string) *rawPeer {
	t.Helper()
	conn, err := net.DialTimeout("tcp", strings.TrimPrefix(endpoint, "tcp://"), testkit.Patience())
	if err != nil {
		t.Fatal(err)
	}
	return secured(t, conn, mechanism)
}

// TestPlainOnTheWire sends and expects the examples of docs/PROTOCOL.md.
func TestPlainOnTheWire(t *testing.T) {
	python(t)
	leakChecked(t)
	bytes, users := examples(t), map[string]string{"ada": "lovelace"}
	ours := serveGreeter(t, gozmq.Bind(anyPort).Secured(gozmq.PlainServer(gozmq.Passwords(users))), &greeter{})[0]
	router := newProbe(t, "ROUTER", map[string]any{"PLAIN_SERVER": 1, "ZAP_DOMAIN": []byte("test")})
	router.zap(nil, users)
	for name, at := range map[string]string{"our server": ours, "libzmq's server": router.bind(anyPort)} {
		t.Run(name, func(t *testing.T) {
			p := dialSecured(t, at, "PLAIN")
			p.send(bytes["plain-hello"])
			p.expect(bytes["plain-welcome"])
			p.send(bytes["plain-initiate"])
			if at == ours {
				p.expect(bytes["plain-ready"])
			} else if f := p.readFrame(); !strings.Contains(string(f), "READY\x0bSocket-Type\x00\x00\x00\x06ROUTER") {
				t.Errorf("libzmq answers %q", f)
			}
		})
	}
	t.Run("refused by us", func(t *testing.T) {
		p := dialSecured(t, ours, "PLAIN")
		p.send(rawzmtp.Command("HELLO", []byte("\x03ada\x08Lovelace")))
		p.expect(bytes["plain-error"])
		p.expectClosed()
	})
	t.Run("libzmq's client", func(t *testing.T) {
		l := listenRaw(t)
		newProbe(t, "REQ", map[string]any{"PLAIN_USERNAME": []byte("ada"), "PLAIN_PASSWORD": []byte("lovelace")}).connect(l.endpoint())
		if err := l.ln.(*net.TCPListener).SetDeadline(time.Now().Add(testkit.Patience())); err != nil {
			t.Fatal(err)
		}
		conn, err := l.ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		p := secured(t, conn, "PLAIN")
		p.expect(bytes["plain-hello"])
		p.send(bytes["plain-welcome"])
		p.expect(bytes["plain-initiate"])
	})
}

// TestCurveOnTheWire has a client, written from docs/PROTOCOL.md and with the
// keys of its examples, make a call of a server of ours and of libzmq's. Its
// first command is the example itself.
func TestCurveOnTheWire(t *testing.T) {
	python(t)
	leakChecked(t)
	keys := exampleCurve(t)
	secret, err := gozmqcurve.ParseSecretKey(keys.s.secret[:])
	if err != nil {
		t.Fatal(err)
	}
	ours := serveGreeter(t, gozmq.Bind(anyPort).Secured(gozmqcurve.Server(secret, gozmqcurve.AllowKeys(gozmq.PublicKey(*keys.c.public)))), &greeter{})[0]
	router := newProbe(t, "ROUTER", map[string]any{"CURVE_SERVER": 1, "CURVE_SECRETKEY": keys.s.secret[:]})
	request := append([][]byte{{}}, helloFrames(t, "World")...)
	t.Run("our server", func(t *testing.T) {
		c := dialCurve(t, ours)
		c.send(request...)
		var reply greetv1.HelloReply
		frames := [][]byte{c.next(), c.next(), c.next()}
		if err := proto.Unmarshal(frames[2], &reply); err != nil || len(frames[0])+len(frames[1]) != 0 || reply.GetMessage() != "Hello, World!" {
			t.Errorf("the reply is %q", frames)
		}
	})
	t.Run("libzmq's server", func(t *testing.T) {
		c := dialCurve(t, router.bind(anyPort))
		c.send(request...)
		wantFrames(t, router.receive()[1:], request...)
	})
}

// A curveClientPeer is a client of CURVE, played from docs/PROTOCOL.md.
type curveClientPeer struct {
	*rawPeer
	*curveWire
	sent uint64
}

// dialCurve shakes hands.
func dialCurve(t *testing.T, endpoint string) *curveClientPeer {
	t.Helper()
	c := &curveClientPeer{dialSecured(t, endpoint, "CURVE"), exampleCurve(t), 2}
	c.rawPeer.send(examples(t)["curve-hello"])
	welcome := c.command("WELCOME", 168)
	plain := c.open(welcome[16:], "WELCOME-", welcome[:16], c.s.public)
	c.s1 = curvePair{public: (*[32]byte)(plain[:32])}
	c.rawPeer.send(c.initiate(plain[32:], repeated(0x05, 16), rawzmtp.Metadata("Socket-Type", "DEALER")))
	ready := c.command("READY", 0)
	if said := string(c.open(ready[8:], "CurveZMQREADY---", ready[:8], c.s1.public)); !strings.Contains(said, "Socket-Type\x00\x00\x00\x06ROUTER") {
		t.Fatalf("READY says %q", said)
	}
	return c
}

// command reads a command and returns its data; size is that of its frame, 0
// for any.
func (c *curveClientPeer) command(name string, size int) []byte {
	c.t.Helper()
	f := c.readFrame()
	if f[0] != rawzmtp.FlagCommand || string(f[3:3+len(name)]) != name || size != 0 && len(f) != 2+size {
		c.t.Fatalf("got %q, want %s", f, name)
	}
	return f[3+len(name):]
}

func (c *curveClientPeer) open(sealed []byte, prefix string, rest []byte, from *[32]byte) []byte {
	c.t.Helper()
	var nonce [24]byte
	copy(nonce[copy(nonce[:], prefix):], rest)
	plain, ok := box.Open(nil, sealed, &nonce, from, c.c1.secret)
	if !ok {
		c.t.Fatalf("a box of %q cannot be opened", prefix)
	}
	return plain
}

// send sends one message.
func (c *curveClientPeer) send(frames ...[]byte) {
	c.t.Helper()
	for i, f := range frames {
		flags := byte(rawzmtp.FlagMore)
		if i == len(frames)-1 {
			flags = 0
		}
		c.sent++
		c.rawPeer.send(c.message(c.sent, flags, f))
	}
}

// next returns the next frame of a message.
func (c *curveClientPeer) next() []byte {
	c.t.Helper()
	f := c.readFrame()
	if f[0] != 0 || string(f[2:10]) != "\x07MESSAGE" {
		c.t.Fatalf("got %q, want MESSAGE", f)
	}
	return c.open(f[18:], "CurveZMQMESSAGES", f[10:18], c.s1.public)[1:]
}
