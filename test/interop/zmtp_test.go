package interop

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/test/internal/rawzmtp"
)

// greeting returns the greeting of a peer without security; libzmq's padding
// begins with 1.
func greeting(padding, minor byte) []byte {
	b := rawzmtp.Greeting(3, minor, "NULL")
	b[8] = padding
	return b
}

// A rawPeer is the other end of one connection, played byte by byte.
type rawPeer struct {
	t    *testing.T
	conn net.Conn
	// greeting and ready are what the other end sent in the handshake.
	greeting, ready []byte
}

// A rawListener waits for connections to play a peer on.
type rawListener struct {
	t  *testing.T
	ln net.Listener
}

func listenRaw(t *testing.T) *rawListener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return &rawListener{t, ln}
}

func (l *rawListener) endpoint() string { return "tcp://" + l.ln.Addr().String() }

// accept takes the next connection and shakes hands on it: as libzmq would,
// with a socket of that type, announcing version 3.minor and further properties.
// Ports are used again: who still looks here for another one is turned away.
func (l *rawListener) accept(socketType string, minor byte, properties ...string) *rawPeer {
	l.t.Helper()
	if err := l.ln.(*net.TCPListener).SetDeadline(time.Now().Add(testkit.Patience())); err != nil {
		l.t.Fatal(err)
	}
	for {
		conn, err := l.ln.Accept()
		if err != nil {
			l.t.Fatal(err)
		}
		p := shakeHands(l.t, conn, socketType, minor, properties...)
		if slices.Contains(partners[socketType], p.socketType()) {
			return p
		}
		conn.Close()
	}
}

// partners are the types that go with one (RFC 28, 29 and 30).
var partners = map[string][]string{
	"DEALER": {"DEALER", "REP", "ROUTER"},
	"PUB":    {"SUB", "XSUB"},
	"PULL":   {"PUSH"},
	"PUSH":   {"PULL"},
	"ROUTER": {"DEALER", "REQ", "ROUTER"},
	"SUB":    {"PUB", "XPUB"},
}

// socketType is what the other end's READY says that it is.
func (p *rawPeer) socketType() string {
	_, value, found := bytes.Cut(p.ready, []byte("\x0bSocket-Type"))
	if !found || len(value) < 4 {
		return ""
	}
	size := binary.BigEndian.Uint32(value)
	return string(value[4:min(4+int(size), len(value))])
}

// dialRaw connects to an endpoint and shakes hands likewise.
func dialRaw(t *testing.T, endpoint, socketType string, minor byte) *rawPeer {
	t.Helper()
	conn, err := net.DialTimeout("tcp", strings.TrimPrefix(endpoint, "tcp://"), testkit.Patience())
	if err != nil {
		t.Fatal(err)
	}
	return shakeHands(t, conn, socketType, minor)
}

func shakeHands(t *testing.T, conn net.Conn, socketType string, minor byte, properties ...string) *rawPeer {
	t.Helper()
	p := &rawPeer{t: t, conn: conn}
	t.Cleanup(func() { conn.Close() })
	p.send(greeting(0, minor))
	p.greeting = p.read(64)
	p.send(rawzmtp.Ready(append([]string{"Socket-Type", socketType}, properties...)...))
	p.ready = p.readFrame()
	return p
}

func (p *rawPeer) send(b []byte) {
	p.t.Helper()
	if _, err := p.conn.Write(b); err != nil {
		p.t.Fatal(err)
	}
}

func (p *rawPeer) read(n int) []byte {
	p.t.Helper()
	b := make([]byte, n)
	if err := p.conn.SetReadDeadline(time.Now().Add(testkit.Patience())); err != nil {
		p.t.Fatal(err)
	}
	if got, err := io.ReadFull(p.conn, b); err != nil {
		p.t.Fatalf("%v after %d of %d bytes:\n%s", err, got, n, hex.Dump(b[:got]))
	}
	return b
}

// readFrame returns the next frame with its header.
func (p *rawPeer) readFrame() []byte {
	p.t.Helper()
	f := p.nextFrame()
	return append(f.Header, f.Content...)
}

func (p *rawPeer) nextFrame() rawzmtp.ReadFrame {
	p.t.Helper()
	if err := p.conn.SetReadDeadline(time.Now().Add(testkit.Patience())); err != nil {
		p.t.Fatal(err)
	}
	f, err := rawzmtp.Read(p.conn)
	if err != nil {
		p.t.Fatalf("a frame was to come: %v", err)
	}
	return f
}

// readMessage returns the contents of the next message's frames.
func (p *rawPeer) readMessage() [][]byte {
	p.t.Helper()
	var frames [][]byte
	for {
		f := p.nextFrame()
		if f.IsCommand() {
			p.t.Fatalf("got the command %q, want a message", f.Content)
		}
		if frames = append(frames, f.Content); !f.More() {
			return frames
		}
	}
}

// readBeyondCredit is readMessage that passes over a worker's CREDIT, which changes
// with the time that its tasks take.
func (p *rawPeer) readBeyondCredit() [][]byte {
	p.t.Helper()
	for {
		if m := p.readMessage(); string(m[0]) != "CREDIT" {
			return m
		}
	}
}

// expect reads as many bytes as want has and compares.
func (p *rawPeer) expect(want []byte) {
	p.t.Helper()
	if got := p.read(len(want)); !bytes.Equal(got, want) {
		p.t.Fatalf("on the wire:\n%swant:\n%s", hex.Dump(got), hex.Dump(want))
	}
}

// expectClosed waits until the other end closes the connection.
func (p *rawPeer) expectClosed() {
	p.t.Helper()
	if err := p.conn.SetReadDeadline(time.Now().Add(testkit.Patience())); err != nil {
		p.t.Fatal(err)
	}
	rest, err := io.ReadAll(p.conn)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		p.t.Fatalf("still open after %v; it sent:\n%s", testkit.Patience(), hex.Dump(rest))
	}
}
