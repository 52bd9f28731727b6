package conformance

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/test/internal/rawzmtp"
)

func greetingUnasked(t *testing.T, at *env) {
	meet(t, at, func(m *meeting) {
		if got := m.read(64); got[0] != 0xff || got[9] != 0x7f {
			t.Errorf("got %x, want a greeting", got)
		}
	})
}

func greetingBytes(t *testing.T, at *env) {
	meet(t, at, func(m *meeting) {
		if got, want := m.read(64), rawzmtp.Greeting(3, 1, "NULL"); !bytes.Equal(got, want) {
			m.t.Errorf("the greeting is\n%swant\n%s", hex.Dump(got), hex.Dump(want))
		}
	})
}

func greetingPadding(t *testing.T, at *env) {
	meet(t, at, func(m *meeting) {
		g := rawzmtp.Greeting(3, 1, "NULL")
		for i := range g {
			if i > 0 && i < 9 || i > 32 {
				g[i] = byte(0xa5 + i)
			}
		}
		g[32] = 1 // as-server has no meaning with NULL
		m.write(g, rawzmtp.Ready("Socket-Type", m.kind))
		m.finish()
		m.works()
	})
}

func greetingInPieces(t *testing.T, at *env) {
	meet(t, at, func(m *meeting) {
		for _, b := range rawzmtp.Hello(m.kind) {
			m.write([]byte{b})
		}
		m.finish()
		m.works()
	})
}

func laterVersions(t *testing.T, at *env) {
	for _, v := range [][2]byte{{3, 0}, {3, 1}, {3, 9}, {4, 0}, {255, 255}} {
		meet(t, at, func(m *meeting) {
			m.write(rawzmtp.Greeting(v[0], v[1], "NULL"), rawzmtp.Ready("Socket-Type", m.kind))
			m.finish()
			m.works()
		})
	}
}

func earlierVersions(t *testing.T, at *env) {
	for _, tt := range []struct{ sends, reason string }{
		{string(rawzmtp.Greeting(1, 0, "NULL")), "before version 3"},
		{string(rawzmtp.Greeting(2, 0, "")[:12]), "before version 3"}, // the whole greeting of ZMTP 2
		{"\x01\x00" + strings.Repeat("\x00", 62), "no ZMTP signature"},
		{"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "no ZMTP signature"},
		{"\xff\x00\x00\x00\x00\x00\x00\x00\x01\x00\x03\x01", "no ZMTP signature"},
	} {
		meet(t, at, func(m *meeting) {
			m.tryWrite([]byte(tt.sends))
			m.wantRefusal(tt.reason)
		})
	}
}

func otherMechanism(t *testing.T, at *env) {
	if !at.isLibzmq() {
		meet(t, at, func(m *meeting) {
			m.tryWrite(rawzmtp.Greeting(3, 1, "PLAIN"))
			m.wantRefusal("PLAIN")
		})
		return
	}
	s := at.serve(t, echo)
	z := at.socket(t, "DEALER", options{"PLAIN_USERNAME": []byte("me"), "PLAIN_PASSWORD": []byte("secret")})
	z.connect(s.endpoint)
	z.await("HANDSHAKE_FAILED_PROTOCOL")
	wantReason(t, s.awaitMismatch(t), "mechanism")
	s.wantService(t, at)

	z = at.socket(t, "ROUTER", options{"PLAIN_SERVER": 1})
	c := dial(t, gozmq.Connect(z.bind(at.endpoint())))
	wantReason(t, c.await(t, gozmq.EventHandshakeFailed, 2), "mechanism")
	if n := c.count(gozmq.EventConnected); n > 0 {
		t.Errorf("connected %d times", n)
	}
}

func libzmqShakesHands(t *testing.T, at *env) {
	s := at.serve(t, echo)
	z := at.socket(t, "DEALER", nil)
	z.connect(s.endpoint)
	z.await("HANDSHAKE_SUCCEEDED")
	s.await(t, gozmq.EventConnected, 1)

	z = at.socket(t, "ROUTER", nil)
	c := dial(t, gozmq.Connect(z.bind(at.endpoint())))
	z.await("HANDSHAKE_SUCCEEDED")
	c.await(t, gozmq.EventConnected, 1)
}
