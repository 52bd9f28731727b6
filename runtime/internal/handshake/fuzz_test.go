package handshake

import (
	"bytes"
	"testing"

	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// FuzzHandshake gives Do any bytes, in any pieces. It never panics. The connection
// of an accepted peer, which is compatible, is open, and nothing behind READY was
// read. Any other connection is closed, after no more bytes than a handshake has.
func FuzzHandshake(f *testing.F) {
	for _, tt := range zmtptest.BadHandshakes() {
		f.Add(tt.Send, byte(1))
	}
	f.Add(zmtptest.Hello("DEALER"), byte(1))
	f.Add(append(zmtptest.Hello("REQ", "Identity", "me"), zmtptest.Message("more", "", "body")...), byte(7))
	f.Add(append(zmtptest.Greeting(3, 0, "NULL"), zmtptest.Ready("socket-type", "ROUTER", "X-Other", "")...), byte(255))
	f.Add(append(zmtptest.Greeting(16, 0, "NULL"), zmtptest.Ready("Socket-Type", "ROUTER")...), byte(1)) // counts as 3.1
	cfg := testConfig(zmtp.Router)
	f.Fuzz(func(t *testing.T, in []byte, piece byte) {
		s := &script{in: in, piece: 1 + int(piece)}
		peer, err := Do(t.Context(), s, &cfg, Site{Accepted: true})
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
		if _, err := Do(t.Context(), again, &cfg, Site{Accepted: true}); err != nil || len(again.in) > 0 {
			t.Fatalf("the same bytes at once gave %v, with %d bytes left", err, len(again.in))
		}
	})
}

// FuzzCredentials decodes any bytes as PLAIN's HELLO.
func FuzzCredentials(f *testing.F) {
	f.Add(appendCredentials(nil, "ada", "lovelace"))
	f.Add([]byte{})
	f.Add([]byte{3, 'a', 'd', 'a'})
	f.Add([]byte{0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		user, password, err := parseCredentials(b)
		if err == nil && string(appendCredentials(nil, user, password)) != string(b) {
			t.Errorf("%x gives %q and %q", b, user, password)
		}
	})
}
