package conformance

import (
	"bufio"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/test/internal/rawzmtp"
)

// A wire is the far end of one connection of ours, byte by byte.
type wire struct {
	t    *testing.T
	conn net.Conn
	r    *bufio.Reader
	seen []byte // their greeting, once shake has read it
	told []byte // the body of their READY
}

func newWire(t *testing.T, conn net.Conn) *wire {
	t.Helper()
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(testkit.Patience())); err != nil {
		t.Fatal(err)
	}
	return &wire{t: t, conn: conn, r: bufio.NewReader(conn)}
}

func (w *wire) write(parts ...[]byte) {
	w.t.Helper()
	for _, b := range parts {
		if _, err := w.conn.Write(b); err != nil {
			w.t.Fatalf("write: %v", err)
		}
	}
}

// tryWrite writes what the other side may refuse.
func (w *wire) tryWrite(b []byte) { _, _ = w.conn.Write(b) }

func (w *wire) read(n int) []byte {
	w.t.Helper()
	b := make([]byte, n)
	if got, err := io.ReadFull(w.r, b); err != nil {
		w.t.Fatalf("read %d of %d bytes: %v", got, n, err)
	}
	return b
}

// shake shakes hands as a socket of a type that speaks ZMTP 3.minor.
func (w *wire) shake(kind string, minor byte, properties ...string) {
	w.t.Helper()
	properties = append([]string{"Socket-Type", kind}, properties...)
	w.write(append(rawzmtp.Greeting(3, minor, "NULL"), rawzmtp.Ready(properties...)...))
	w.finish()
}

// finish reads the other side's part of the handshake.
func (w *wire) finish() {
	w.t.Helper()
	w.seen = w.read(64)
	name, body := w.command()
	if name != "READY" {
		w.t.Fatalf("got %s with %q, want READY", name, body)
	}
	w.told = []byte(body)
}

// frame reads one frame.
func (w *wire) frame() (flags byte, content string, err error) {
	f, err := rawzmtp.Read(w.r)
	return f.Flags, string(f.Content), err
}

// command reads a frame that must be a command.
func (w *wire) command() (name, data string) {
	w.t.Helper()
	flags, content, err := w.frame()
	if err != nil {
		w.t.Fatalf("a command was to come: %v", err)
	}
	if flags&rawzmtp.FlagCommand == 0 || content == "" || int(content[0]) >= len(content) {
		w.t.Fatalf("got a frame with flags %#x and %q, want a command", flags, content)
	}
	n := 1 + int(content[0])
	return content[1:n], content[n:]
}

// awaitCommand passes over everything until a command of that name.
func (w *wire) awaitCommand(name string) (data string) {
	w.t.Helper()
	for {
		flags, content, err := w.frame()
		if err != nil {
			w.t.Fatalf("%s was to come: %v", name, err)
		}
		if rest, ok := strings.CutPrefix(content, string(byte(len(name)))+name); ok && flags&rawzmtp.FlagCommand != 0 {
			return rest
		}
	}
}

// message reads the next message; commands are passed over.
func (w *wire) message() []string {
	w.t.Helper()
	frames, err := w.tryMessage()
	if err != nil {
		w.t.Fatalf("a message was to come: %v", err)
	}
	return frames
}

func (w *wire) tryMessage() (frames []string, err error) {
	for {
		flags, content, err := w.frame()
		if err != nil {
			return nil, err
		}
		if flags&rawzmtp.FlagCommand != 0 {
			continue
		}
		frames = append(frames, content)
		if flags&rawzmtp.FlagMore == 0 {
			return frames, nil
		}
	}
}

// wantClosed waits until the other side has closed the connection, and returns
// what it sent before.
func (w *wire) wantClosed() string {
	w.t.Helper()
	b, err := io.ReadAll(w.r)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		w.t.Fatalf("the connection is still open; there came %q", b)
	}
	return string(b)
}

func (w *wire) close() { w.conn.Close() }

// A rawPeer is a peer of one connection.
type rawPeer struct {
	*wire
	kind     string
	ln       *listener // of a peer that waits for us; nil once there is a connection
	envelope []string  // REP: of the last request
}

func (p *rawPeer) meet() {
	if p.wire == nil {
		p.wire = p.ln.accept()
		p.wire.shake(p.kind, 1)
	}
}

func (p *rawPeer) send(frames ...string) {
	p.meet()
	p.t.Helper()
	switch p.kind {
	case "REQ":
		frames = append([]string{""}, frames...)
	case "REP":
		frames = append(append(p.envelope, ""), frames...)
	}
	p.write(rawzmtp.Message(frames...))
}

func (p *rawPeer) recv() []string {
	p.meet()
	p.t.Helper()
	frames := p.message()
	if p.kind != "REQ" && p.kind != "REP" {
		return frames
	}
	for i, f := range frames {
		if f == "" {
			p.envelope = frames[:i:i]
			return frames[i+1:]
		}
	}
	p.t.Fatalf("got %q, want an empty frame in it", frames)
	return nil
}

func (p *rawPeer) subscribe(prefix string) {
	p.meet()
	p.write(rawzmtp.Command("SUBSCRIBE", prefix))
}

func (p *rawPeer) cancel(prefix string) {
	p.meet()
	p.write(rawzmtp.Command("CANCEL", prefix))
}

func (p *rawPeer) close() {
	if p.wire != nil {
		p.wire.close()
	}
	if p.ln != nil {
		p.ln.ln.Close()
	}
}
