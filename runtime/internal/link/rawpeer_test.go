package link

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/transport"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// greetingOf returns the bytes of a greeting.
func greetingOf(major, minor byte, mechanism string) []byte {
	b := make([]byte, zmtp.GreetingSize)
	b[0], b[9], b[10], b[11] = 0xff, 0x7f, major, minor
	copy(b[12:32], mechanism)
	return b
}

// readyOf returns the bytes of a READY command with name-value pairs.
func readyOf(pairs ...string) []byte {
	var m zmtp.Metadata
	for i := 0; i < len(pairs); i += 2 {
		m = append(m, zmtp.Property{Name: pairs[i], Value: pairs[i+1]})
	}
	return zmtp.AppendCommand(nil, zmtp.CommandReady, m.Append(nil))
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// hello is what a good peer of ZMTP 3.1 sends first.
func hello(socketType string) []byte {
	return join(greetingOf(3, 1, "NULL"), readyOf("Socket-Type", socketType))
}

// A rawPeer is the far end of a connection, byte by byte.
type rawPeer struct {
	t *testing.T
	net.Conn
	scanner zmtp.Scanner
	buf     []byte
	minor   byte
	ready   zmtp.Metadata
}

// dialRaw connects to ep and sends nothing.
func dialRaw(t *testing.T, ep transport.Endpoint) *rawPeer {
	t.Helper()
	conn, err := ep.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return newRawPeer(t, conn)
}

func newRawPeer(t *testing.T, conn net.Conn) *rawPeer {
	p := &rawPeer{t: t, Conn: conn}
	p.scanner.Limits = zmtp.Limits{MaxFrame: 1 << 30, MaxMessage: 1 << 30, MaxFrames: 1 << 20, MaxCommand: 1 << 20}
	if err := conn.SetDeadline(time.Now().Add(2 * patience)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return p
}

// dialPeer connects to ep and shakes hands as a good peer of that type.
func dialPeer(t *testing.T, ep transport.Endpoint, socketType string) *rawPeer {
	t.Helper()
	p := dialRaw(t, ep)
	p.send(hello(socketType))
	p.greeted()
	return p
}

// greeted reads the other side's greeting and READY.
func (p *rawPeer) greeted() {
	p.t.Helper()
	head := make([]byte, zmtp.GreetingSize)
	if _, err := io.ReadFull(p, head); err != nil {
		p.t.Fatalf("read greeting: %v", err)
	}
	p.minor = head[zmtp.OffsetMinor]
	name, body := p.command()
	if name != zmtp.CommandReady {
		p.t.Fatalf("got %s in place of READY", name)
	}
	ready, err := zmtp.ParseMetadata(body)
	if err != nil {
		p.t.Fatal(err)
	}
	p.ready = ready
}

func (p *rawPeer) send(b []byte) {
	p.t.Helper()
	if _, err := p.Write(b); err != nil {
		p.t.Fatalf("write: %v", err)
	}
}

// token reads the next command or message, whose parts are copied.
func (p *rawPeer) token() (token zmtp.Token, command []byte, message [][]byte, err error) {
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

// command reads the next command.
func (p *rawPeer) command() (name string, body []byte) {
	p.t.Helper()
	token, command, message, err := p.token()
	if err != nil || token != zmtp.Command {
		p.t.Fatalf("got message %q, %v, want a command", message, err)
	}
	n, body, err := zmtp.ParseCommand(command)
	if err != nil {
		p.t.Fatal(err)
	}
	return string(n), body
}

// message reads the next message, passing over commands.
func (p *rawPeer) message() [][]byte {
	p.t.Helper()
	for {
		token, _, message, err := p.token()
		if err != nil {
			p.t.Fatalf("want a message: %v", err)
		}
		if token == zmtp.Message {
			return message
		}
	}
}

// ask sends a message to a peer that echoes and checks that it comes back.
func (p *rawPeer) ask(frames ...string) {
	p.t.Helper()
	var in [][]byte
	for _, f := range frames {
		in = append(in, []byte(f))
	}
	p.send(appendMessage(nil, in...))
	if got := p.message(); !bytes.Equal(appendMessage(nil, got...), appendMessage(nil, in...)) {
		p.t.Fatalf("sent %q, got back %q", in, got)
	}
}

// drained reads until the other side has closed the connection, and returns
// what came.
func (p *rawPeer) drained() []byte {
	b, _ := io.ReadAll(p)
	return append(p.buf, b...)
}
