package gozmq

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A rawPeer speaks ZMTP by hand, to send what no proper socket would.
type rawPeer struct {
	t    testing.TB
	conn net.Conn
	r    *bufio.Reader
}

// dialRaw connects to a bound tcp endpoint as a socket of that type.
func dialRaw(t testing.TB, endpoint string, as zmtp.SocketType) *rawPeer {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(endpoint, "tcp://"))
	if err != nil {
		t.Fatal(err)
	}
	return newRawPeer(t, conn, as)
}

// newRawPeer shakes hands on conn, which is closed when the test ends.
func newRawPeer(t testing.TB, conn net.Conn, as zmtp.SocketType) *rawPeer {
	t.Helper()
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	p := &rawPeer{t: t, conn: conn, r: bufio.NewReader(conn)}
	greeting := make([]byte, zmtp.GreetingSize)
	greeting[0], greeting[9], greeting[10], greeting[11] = 0xff, 0x7f, 3, 1
	copy(greeting[12:], "NULL")
	meta := zmtp.Metadata{{Name: zmtp.PropertySocketType, Value: string(as)}}
	p.write(zmtp.AppendCommand(greeting, zmtp.CommandReady, meta.Append(nil)))
	if _, err := io.ReadFull(p.r, make([]byte, zmtp.GreetingSize)); err != nil {
		t.Fatalf("handshake: %v", err)
	}
	if _, _, err := p.frame(); err != nil {
		t.Fatalf("handshake: %v", err)
	}
	return p
}

// listenRaw accepts one connection after the other as sockets of that type.
func listenRaw(t testing.TB, as zmtp.SocketType) (endpoint string, accept func() *rawPeer) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return "tcp://" + ln.Addr().String(), func() *rawPeer {
		t.Helper()
		conn, err := ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		return newRawPeer(t, conn, as)
	}
}

func (p *rawPeer) write(b []byte) {
	p.t.Helper()
	if _, err := p.conn.Write(b); err != nil {
		p.t.Fatalf("write: %v", err)
	}
}

// send sends one message.
func (p *rawPeer) send(frames ...string) {
	p.t.Helper()
	p.write(rawMessage(frames...))
}

// rawMessage is one message as frames on the wire.
func rawMessage(frames ...string) []byte {
	var b []byte
	for i, f := range frames {
		var flags byte
		if i < len(frames)-1 {
			flags = zmtp.FlagMore
		}
		b = zmtp.AppendFrameString(b, flags, f)
	}
	return b
}

// frame reads one frame, commands included.
func (p *rawPeer) frame() (flags byte, body []byte, err error) {
	var header [9]byte
	if _, err := io.ReadFull(p.r, header[:2]); err != nil {
		return 0, nil, err
	}
	size := uint64(header[1])
	if header[0]&zmtp.FlagLong != 0 {
		if _, err := io.ReadFull(p.r, header[2:]); err != nil {
			return 0, nil, err
		}
		size = binary.BigEndian.Uint64(header[1:])
	}
	body = make([]byte, size)
	_, err = io.ReadFull(p.r, body)
	return header[0], body, err
}

// recv reads one message; commands are passed over.
func (p *rawPeer) recv() []string {
	p.t.Helper()
	frames, err := p.tryRecv()
	if err != nil {
		p.t.Fatalf("receive: %v", err)
	}
	return frames
}

func (p *rawPeer) tryRecv() ([]string, error) {
	var frames []string
	for {
		flags, body, err := p.frame()
		if err != nil {
			return nil, err
		}
		if flags&zmtp.FlagCommand != 0 {
			continue
		}
		frames = append(frames, string(body))
		if flags&zmtp.FlagMore == 0 {
			return frames, nil
		}
	}
}

// wantClosed reads until the other side closes the connection.
func (p *rawPeer) wantClosed() {
	p.t.Helper()
	for {
		if _, err := p.tryRecv(); err != nil {
			if ne, ok := err.(net.Error); ok && ne.Timeout() {
				p.t.Fatal("the connection was not closed")
			}
			return
		}
	}
}

// status decodes the status of a reply that has frames behind its envelope.
func (p *rawPeer) status(frames []string) *Error {
	p.t.Helper()
	if len(frames) != 2 || frames[1] != "" {
		p.t.Fatalf("reply has frames %q behind its envelope, want a status and an empty body", frames)
	}
	if frames[0] == "" {
		return nil
	}
	return parseStatus([]byte(frames[0]))
}
