package zmtptest

import (
	"io"
	"net"
	"testing"

	"github.com/gozmq/gozmq/runtime/internal/curve"
	"github.com/gozmq/gozmq/runtime/internal/transport"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// Secret returns a new secret key.
func Secret(t testing.TB) *curve.Secret {
	t.Helper()
	s, err := curve.Generate()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// DialCurve connects to ep and shakes hands as a good client of CURVE.
func DialCurve(t testing.TB, ep transport.Endpoint, secret *curve.Secret, server curve.Public, socketType zmtp.SocketType) *Peer {
	t.Helper()
	p := Dial(t, ep)
	p.ShakeCurve(secret, server, socketType)
	return p
}

// ShakeCurve shakes hands as a good client of CURVE. From then on it seals all
// bytes that are sent, and opens all that are read.
func (p *Peer) ShakeCurve(secret *curve.Secret, server curve.Public, socketType zmtp.SocketType) {
	p.t.Helper()
	p.Send(Greeting(3, 1, "CURVE"))
	p.ReadGreeting()
	client, err := curve.NewClient(secret, server)
	p.must(nil, err)
	p.Send(zmtp.AppendCommand(nil, curve.CommandHello, p.must(client.Hello())))
	p.must(nil, client.Welcome(p.Expect(curve.CommandWelcome)))
	p.Send(zmtp.AppendCommand(nil, curve.CommandInitiate, p.must(client.Initiate(properties(socketType)))))
	_, session, err := client.Ready(p.Expect(curve.CommandReady))
	p.must(nil, err)
	p.seal(session)
}

// ServeCurve shakes hands as a good server of CURVE that lets everyone in.
func (p *Peer) ServeCurve(secret *curve.Secret, socketType zmtp.SocketType) {
	p.t.Helper()
	p.Send(Greeting(3, 1, "CURVE"))
	p.ReadGreeting()
	server := curve.NewServer(secret)
	p.must(nil, server.Hello(p.Expect(curve.CommandHello)))
	p.Send(zmtp.AppendCommand(nil, curve.CommandWelcome, p.must(server.Welcome())))
	_, _, err := server.Initiate(p.Expect(curve.CommandInitiate))
	p.must(nil, err)
	body, session, err := server.Ready(properties(socketType))
	p.Send(zmtp.AppendCommand(nil, curve.CommandReady, p.must(body, err)))
	p.seal(session)
}

func properties(socketType zmtp.SocketType) []byte {
	return zmtp.Metadata{{Name: zmtp.PropertySocketType, Value: string(socketType)}}.Append(nil)
}

func (p *Peer) must(body []byte, err error) []byte {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
	return body
}

// ReadGreeting reads the other side's greeting.
func (p *Peer) ReadGreeting() []byte {
	p.t.Helper()
	head := make([]byte, zmtp.GreetingSize)
	if _, err := io.ReadFull(p, head); err != nil {
		p.t.Fatalf("read greeting: %v", err)
	}
	p.Minor = head[zmtp.OffsetMinor]
	return head
}

// Expect reads the command of that name and returns its body.
func (p *Peer) Expect(name string) []byte {
	p.t.Helper()
	got, body := p.Command()
	if got != name {
		p.t.Fatalf("got %s %q in place of %s", got, body, name)
	}
	return body
}

func (p *Peer) seal(session *curve.Session) {
	p.Conn = &SealedConn{Conn: p.Conn, Session: session, in: p.buf}
	p.buf = nil
}

// A SealedConn seals each frame that is written, and opens what is read. A
// write is of whole frames.
type SealedConn struct {
	net.Conn
	Session *curve.Session

	in   []byte // read and not yet opened
	open []byte // opened and not yet read
}

// Write seals the frames in b and writes them.
func (c *SealedConn) Write(b []byte) (int, error) {
	var out []byte
	for rest := b; len(rest) > 0; {
		h, ok, err := zmtp.ParseHeader(rest)
		if !ok || err != nil || len(rest) < h.Len+int(h.Size) {
			return 0, io.ErrShortWrite
		}
		end := h.Len + int(h.Size)
		var flags byte
		if h.More() {
			flags |= curve.FlagMore
		}
		if h.Command() {
			flags |= curve.FlagCommand
		}
		out = c.Seal(out, flags, rest[h.Len:end])
		rest = rest[end:]
	}
	_, err := c.Conn.Write(out)
	return len(b), err
}

// Seal appends a frame with a MESSAGE command in it.
func (c *SealedConn) Seal(b []byte, flags byte, body []byte) []byte {
	b = zmtp.AppendHeader(b, 0, curve.Overhead+len(body))
	return c.Session.Seal(b, append([]byte{flags}, body...))
}

// Read reads opened frames.
func (c *SealedConn) Read(b []byte) (int, error) {
	for len(c.open) == 0 {
		h, ok, err := zmtp.ParseHeader(c.in)
		if err != nil {
			return 0, err
		}
		if end := h.Len + int(h.Size); ok && end <= len(c.in) {
			if err := c.openFrame(c.in[h.Len:end]); err != nil {
				return 0, err
			}
			c.in = c.in[end:]
			continue
		}
		chunk := make([]byte, 64<<10)
		n, err := c.Conn.Read(chunk)
		c.in = append(c.in, chunk[:n]...)
		if n == 0 && err != nil {
			return 0, err
		}
	}
	n := copy(b, c.open)
	c.open = c.open[n:]
	return n, nil
}

func (c *SealedConn) openFrame(command []byte) error {
	plain, err := c.Session.Open(nil, command)
	if err != nil {
		return err
	}
	var flags byte
	if plain[0]&curve.FlagMore != 0 {
		flags |= zmtp.FlagMore
	}
	if plain[0]&curve.FlagCommand != 0 {
		flags |= zmtp.FlagCommand
	}
	c.open = zmtp.AppendFrame(c.open, flags, plain[1:])
	return nil
}

// CloseWrite closes this end's direction.
func (c *SealedConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return c.Close()
}
