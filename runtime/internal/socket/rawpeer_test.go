package socket

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/transport"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A rawPeer is the far end of a connection, byte by byte.
type rawPeer struct {
	t *testing.T
	net.Conn
	scanner zmtp.Scanner
	buf     []byte
}

// newRawPeer shakes hands on conn as a peer of that type and version.
func newRawPeer(t *testing.T, conn net.Conn, socketType string, minor byte) *rawPeer {
	t.Helper()
	p := &rawPeer{t: t, Conn: conn}
	p.scanner.Limits = zmtp.Limits{MaxFrame: 1 << 30, MaxMessage: 1 << 30, MaxFrames: 1 << 20, MaxCommand: 1 << 20}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(3 * patience)); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, zmtp.GreetingSize)
	b[0], b[9], b[10], b[11] = 0xff, 0x7f, 3, minor
	copy(b[12:], "NULL")
	p.send(zmtp.AppendCommand(b, zmtp.CommandReady, zmtp.Metadata{{Name: "Socket-Type", Value: socketType}}.Append(nil)))
	if _, err := io.ReadFull(p, b); err != nil {
		t.Fatalf("read greeting: %v", err)
	}
	if name, _ := p.command(); name != zmtp.CommandReady {
		t.Fatalf("got %s in place of READY", name)
	}
	return p
}

// dialPeer connects to ep as a peer of that type.
func dialPeer(t *testing.T, ep transport.Endpoint, socketType string) *rawPeer {
	t.Helper()
	return dialPeerOf(t, ep, socketType, 1)
}

func dialPeerOf(t *testing.T, ep transport.Endpoint, socketType string, minor byte) *rawPeer {
	t.Helper()
	conn, err := ep.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return newRawPeer(t, conn, socketType, minor)
}

// A rawListener is what a socket under test dials.
type rawListener struct {
	*net.TCPListener
	ep transport.Endpoint
}

func listenRaw(t *testing.T) rawListener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	ep, err := transport.ParseConnect("tcp://" + ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return rawListener{ln.(*net.TCPListener), ep}
}

func (ln rawListener) peer(t *testing.T, socketType string) *rawPeer {
	t.Helper()
	if err := ln.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	conn, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return newRawPeer(t, conn, socketType, 1)
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

// next reads the next message, passing over commands; nil when the connection
// has ended.
func (p *rawPeer) next() [][]byte {
	for {
		token, _, message, err := p.token()
		if err != nil {
			return nil
		}
		if token == zmtp.Message {
			return message
		}
	}
}

// message is next for a message that must come.
func (p *rawPeer) message() [][]byte {
	p.t.Helper()
	m := p.next()
	if m == nil {
		p.t.Fatal("the connection ended, a message was to come")
	}
	return m
}

// drained reads until the other side has closed.
func (p *rawPeer) drained() { _, _ = io.Copy(io.Discard, p.Conn) }
