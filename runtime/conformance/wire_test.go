package conformance

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// What follows writes and reads ZMTP from RFC 37, apart from the runtime's own
// code, so that the two check each other.

const (
	flagMore    = 1
	flagLong    = 2
	flagCommand = 4
)

// greeting returns the bytes of a greeting.
func greeting(major, minor byte, mechanism string) []byte {
	b := make([]byte, 64)
	b[0], b[9], b[10], b[11] = 0xff, 0x7f, major, minor
	copy(b[12:32], mechanism)
	return b
}

// frame returns the bytes of one frame, in its shortest form.
func frame(flags byte, content string) []byte {
	if len(content) > 255 {
		return longFrame(flags, content)
	}
	return append([]byte{flags, byte(len(content))}, content...)
}

// longFrame is frame with eight bytes of size whatever that is.
func longFrame(flags byte, content string) []byte {
	b := binary.BigEndian.AppendUint64([]byte{flags | flagLong}, uint64(len(content)))
	return append(b, content...)
}

// message returns the bytes of one message.
func message(frames ...string) (b []byte) {
	for i, f := range frames {
		flags := byte(flagMore)
		if i == len(frames)-1 {
			flags = 0
		}
		b = append(b, frame(flags, f)...)
	}
	return b
}

// command returns the bytes of one command.
func command(name, data string) []byte {
	return frame(flagCommand, string(byte(len(name)))+name+data)
}

// metadata returns the bytes of properties, names and values in turn.
func metadata(properties ...string) string {
	var b []byte
	for i := 0; i < len(properties); i += 2 {
		name, value := properties[i], properties[i+1]
		b = append(append(b, byte(len(name))), name...)
		b = binary.BigEndian.AppendUint32(b, uint32(len(value)))
		b = append(b, value...)
	}
	return string(b)
}

// ready returns a READY command with properties.
func ready(properties ...string) []byte { return command("READY", metadata(properties...)) }

// hello is all that a proper peer sends before its first message.
func hello(kind string) []byte {
	return append(greeting(3, 1, "NULL"), ready("Socket-Type", kind)...)
}

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
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
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
	w.write(append(greeting(3, minor, "NULL"), ready(properties...)...))
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
	var header [9]byte
	if _, err := io.ReadFull(w.r, header[:2]); err != nil {
		return 0, "", err
	}
	size := uint64(header[1])
	if header[0]&flagLong != 0 {
		if _, err := io.ReadFull(w.r, header[2:]); err != nil {
			return 0, "", err
		}
		size = binary.BigEndian.Uint64(header[1:])
	}
	b := make([]byte, size)
	_, err = io.ReadFull(w.r, b)
	return header[0], string(b), err
}

// command reads a frame that must be a command.
func (w *wire) command() (name, data string) {
	w.t.Helper()
	flags, content, err := w.frame()
	if err != nil {
		w.t.Fatalf("a command was to come: %v", err)
	}
	if flags&flagCommand == 0 || content == "" || int(content[0]) >= len(content) {
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
		if rest, ok := strings.CutPrefix(content, string(byte(len(name)))+name); ok && flags&flagCommand != 0 {
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
		if flags&flagCommand != 0 {
			continue
		}
		frames = append(frames, content)
		if flags&flagMore == 0 {
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
	p.write(message(frames...))
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
	p.write(command("SUBSCRIBE", prefix))
}

func (p *rawPeer) cancel(prefix string) {
	p.meet()
	p.write(command("CANCEL", prefix))
}

func (p *rawPeer) close() {
	if p.wire != nil {
		p.wire.close()
	}
	if p.ln != nil {
		p.ln.ln.Close()
	}
}
