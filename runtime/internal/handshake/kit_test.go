package handshake

import (
	"bytes"
	"io"
	"net"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

func testConfig(kind zmtp.SocketType) Config {
	return Config{SocketType: kind, Timeout: 10 * time.Second}
}

// A script is a connection whose peer sends in, in pieces, and then closes.
type script struct {
	net.Conn // nil: nothing else is called
	in       []byte
	piece    int
	written  bytes.Buffer
	closed   bool
}

func (s *script) Read(p []byte) (int, error) {
	n := copy(p[:min(len(p), s.piece)], s.in)
	if s.in = s.in[n:]; n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

func (s *script) Write(p []byte) (int, error) { return s.written.Write(p) }

func (s *script) Close() error {
	s.closed = true
	return nil
}

func (*script) SetDeadline(time.Time) error { return nil }
