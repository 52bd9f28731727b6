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
)

// What follows writes ZMTP from RFC 37, apart from the runtime's own code, so
// that the two check each other.

const (
	flagMore    = 1
	flagLong    = 2
	flagCommand = 4
)

func greeting(padding, minor byte) []byte {
	b := make([]byte, 64)
	b[0], b[8], b[9], b[10], b[11] = 0xff, padding, 0x7f, 3, minor
	copy(b[12:], "NULL")
	return b
}

func zmtpFrame(flags byte, content []byte) []byte {
	if len(content) > 255 {
		b := binary.BigEndian.AppendUint64([]byte{flags | flagLong}, uint64(len(content)))
		return append(b, content...)
	}
	return append([]byte{flags, byte(len(content))}, content...)
}

func zmtpMessage(frames ...[]byte) []byte {
	var b []byte
	for i, f := range frames {
		flags := byte(flagMore)
		if i == len(frames)-1 {
			flags = 0
		}
		b = append(b, zmtpFrame(flags, f)...)
	}
	return b
}

func zmtpCommand(name string, data []byte) []byte {
	content := append([]byte{byte(len(name))}, name...)
	return zmtpFrame(flagCommand, append(content, data...))
}

// ready returns a READY command with the properties, names and values in turn.
func ready(properties ...string) []byte { return zmtpCommand("READY", metadata(properties...)) }

// metadata returns the properties, names and values in turn.
func metadata(properties ...string) (data []byte) {
	for i := 0; i < len(properties); i += 2 {
		name, value := properties[i], properties[i+1]
		data = append(append(data, byte(len(name))), name...)
		data = binary.BigEndian.AppendUint32(data, uint32(len(value)))
		data = append(data, value...)
	}
	return data
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
	if err := l.ln.(*net.TCPListener).SetDeadline(time.Now().Add(patience)); err != nil {
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
	conn, err := net.DialTimeout("tcp", strings.TrimPrefix(endpoint, "tcp://"), patience)
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
	p.send(ready(append([]string{"Socket-Type", socketType}, properties...)...))
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
	if err := p.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
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
	b := p.read(2)
	size := int(b[1])
	if b[0]&flagLong != 0 {
		b = append(b, p.read(7)...)
		size = int(binary.BigEndian.Uint64(b[1:]))
	}
	return append(b, p.read(size)...)
}

// readMessage returns the contents of the next message's frames.
func (p *rawPeer) readMessage() [][]byte {
	p.t.Helper()
	var frames [][]byte
	for {
		f := p.readFrame()
		if f[0]&flagCommand != 0 {
			p.t.Fatalf("got the command %q, want a message", f)
		}
		header := 2
		if f[0]&flagLong != 0 {
			header = 9
		}
		frames = append(frames, f[header:])
		if f[0]&flagMore == 0 {
			return frames
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
	if err := p.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		p.t.Fatal(err)
	}
	rest, err := io.ReadAll(p.conn)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		p.t.Fatalf("still open after %v; it sent:\n%s", patience, hex.Dump(rest))
	}
}
