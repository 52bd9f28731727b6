package link

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// A script is a connection whose peer says what it says, in pieces, and closes.
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

// FuzzHandshake gives the guard and what it guards any bytes, in any pieces.
// Whatever they are there is no panic; a peer that is taken fits, its connection
// is open and nothing behind its READY was read; any other's is closed, and it
// could not make us read more than a handshake has.
func FuzzHandshake(f *testing.F) {
	for _, tt := range badHandshakes {
		f.Add(tt.send, byte(1))
	}
	f.Add(zmtptest.Hello("DEALER"), byte(1))
	f.Add(append(zmtptest.Hello("REQ", "Identity", "me"), zmtptest.Message("more", "", "body")...), byte(7))
	f.Add(append(zmtptest.Greeting(3, 0, "NULL"), zmtptest.Ready("socket-type", "ROUTER", "X-Other", "")...), byte(255))
	f.Add(append(zmtptest.Greeting(16, 0, "NULL"), zmtptest.Ready("Socket-Type", "ROUTER")...), byte(1)) // counts as 3.1
	cfg := testConfig(zmtp.Router, newRecorder())
	f.Fuzz(func(t *testing.T, in []byte, piece byte) {
		s := &script{in: in, piece: 1 + int(piece)}
		peer, err := handshake(t.Context(), s, &cfg, site{accepted: true})
		used := in[:len(in)-len(s.in)]
		if len(used) > zmtp.GreetingSize+maxHandshake+maxCommand {
			t.Fatalf("%d bytes were read", len(used))
		}
		if !bytes.HasPrefix(s.written.Bytes(), []byte{0xff}) {
			t.Fatalf("our greeting is %q", s.written.Bytes())
		}
		if (err != nil) != s.closed || (err == nil) != (peer != nil) {
			t.Fatalf("%v, and the connection is closed: %v", err, s.closed)
		}
		if err != nil {
			return
		}
		greeting, err := zmtp.ParseGreeting(used)
		if !zmtp.Router.Compatible(peer.SocketType) || zmtp.CheckIdentity(peer.Identity) != nil || err != nil || peer.Minor != greeting.Minor {
			t.Fatalf("took %+v, %v", peer, err)
		}
		again := &script{in: used, piece: len(used)}
		if _, err := handshake(t.Context(), again, &cfg, site{accepted: true}); err != nil || len(again.in) > 0 {
			t.Fatalf("the same bytes at once gave %v, with %d bytes left", err, len(again.in))
		}
	})
}
