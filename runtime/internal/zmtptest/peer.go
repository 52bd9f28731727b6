package zmtptest

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/transport"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// lifetime is how long a connection of a test may live. It bounds all operations on
// it together, so unlike patience it has no upper limit.
func lifetime() time.Duration { return testkit.Stretch(40 * time.Second) }

// A Peer is the far end of a connection, byte by byte. A failure ends the test,
// except where a method returns an error. One goroutine may read and another one
// write.
type Peer struct {
	net.Conn
	Minor byte          // of the other side's greeting, once Greeted
	Ready zmtp.Metadata // of its READY, once Greeted

	t       testing.TB
	scanner zmtp.Scanner
	buf     []byte // read and not yet scanned
}

// NewPeer returns a peer that has sent nothing yet. The connection is closed
// when the test ends, and lives 40 s at most, or longer on a slow machine.
func NewPeer(t testing.TB, conn net.Conn) *Peer {
	t.Helper()
	p := &Peer{t: t, Conn: conn}
	p.scanner.Limits = zmtp.Limits{MaxFrame: 1 << 30, MaxMessage: 1 << 30, MaxFrames: 1 << 20, MaxCommand: 1 << 20}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(lifetime())); err != nil {
		t.Fatal(err)
	}
	return p
}

// Dial connects to ep and sends nothing.
func Dial(t testing.TB, ep transport.Endpoint) *Peer {
	t.Helper()
	conn, err := ep.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return NewPeer(t, conn)
}

// DialAs connects to ep and shakes hands as a good peer of that type, with
// further name-value pairs in its READY.
func DialAs(t testing.TB, ep transport.Endpoint, socketType zmtp.SocketType, pairs ...string) *Peer {
	t.Helper()
	p := Dial(t, ep)
	p.Shake(socketType, pairs...)
	return p
}

// DialMinor is DialAs for a peer of ZMTP 3.minor.
func DialMinor(t testing.TB, ep transport.Endpoint, socketType zmtp.SocketType, minor byte) *Peer {
	t.Helper()
	p := Dial(t, ep)
	p.Send(Join(Greeting(3, minor, "NULL"), Ready(zmtp.PropertySocketType, string(socketType))))
	p.Greeted()
	return p
}

// Shake shakes hands as a good peer of that type.
func (p *Peer) Shake(socketType zmtp.SocketType, pairs ...string) {
	p.t.Helper()
	p.Send(Hello(socketType, pairs...))
	p.Greeted()
}

// Greeted reads the other side's greeting and READY.
func (p *Peer) Greeted() {
	p.t.Helper()
	p.ReadGreeting()
	ready, err := zmtp.ParseMetadata(p.Expect(zmtp.CommandReady))
	if err != nil {
		p.t.Fatal(err)
	}
	p.Ready = ready
}

// Send writes bytes.
func (p *Peer) Send(b []byte) {
	p.t.Helper()
	if _, err := p.Write(b); err != nil {
		p.t.Fatalf("write: %v", err)
	}
}

// Token reads the next command or message, whose parts are copied.
func (p *Peer) Token() (token zmtp.Token, command []byte, message [][]byte, err error) {
	for {
		if token, err = p.scanner.Next(p.buf); err != nil {
			return token, nil, nil, err
		}
		switch token {
		case zmtp.Message:
			for _, f := range p.scanner.Frames(p.buf) {
				message = append(message, bytes.Clone(f))
			}
			p.buf = p.buf[p.scanner.Skip():]
			return token, nil, message, nil
		case zmtp.Command:
			command = bytes.Clone(p.scanner.Body(p.buf))
			if p.scanner.Idle() {
				p.buf = p.buf[p.scanner.Skip():]
			}
			return token, command, nil, nil
		}
		chunk := make([]byte, 64<<10)
		n, err := p.Read(chunk)
		p.buf = append(p.buf, chunk[:n]...)
		if n == 0 && err != nil {
			return token, nil, nil, err
		}
	}
}

// Command reads the next command; a message in its place ends the test.
func (p *Peer) Command() (name string, body []byte) {
	p.t.Helper()
	token, command, message, err := p.Token()
	if err != nil || token != zmtp.Command {
		p.t.Fatalf("got message %q, %v, want a command", message, err)
	}
	n, body, err := zmtp.ParseCommand(command)
	if err != nil {
		p.t.Fatal(err)
	}
	return string(n), body
}

// Next reads the next message, passing over commands. The error is that of the
// connection's end.
func (p *Peer) Next() ([][]byte, error) {
	for {
		token, _, message, err := p.Token()
		if err != nil || token == zmtp.Message {
			return message, err
		}
	}
}

// Message is Next for a message that must come.
func (p *Peer) Message() [][]byte {
	p.t.Helper()
	m, err := p.Next()
	if err != nil {
		p.t.Fatalf("want a message: %v", err)
	}
	return m
}

// Ask sends a message to a peer that echoes and checks that it comes back.
func (p *Peer) Ask(frames ...string) {
	p.t.Helper()
	in := Message(frames...)
	p.Send(in)
	if got := p.Message(); !bytes.Equal(AppendMessage(nil, got...), in) {
		p.t.Fatalf("sent %q, got back %q", frames, got)
	}
}

// Drained reads until the other side has closed the connection, and returns the
// bytes that came.
func (p *Peer) Drained() []byte {
	b, _ := io.ReadAll(p)
	return append(p.buf, b...)
}
