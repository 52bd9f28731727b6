package conformance

import (
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/test/internal/rawzmtp"
)

// beating are heartbeats that a test need not wait for long.
func beating() gozmq.SocketOption {
	return gozmq.WithHeartbeat(20*time.Millisecond, 200*time.Millisecond)
}

func pongContext(t *testing.T, at *env) {
	contexts := []string{"", "c", "\x00\xff", strings.Repeat("x", 16)}
	meet(t, at, func(m *meeting) {
		m.shake(m.kind, 1)
		for _, context := range contexts {
			m.write(rawzmtp.Command("PING", "\x00\x00"+context))
			if name, got := m.command(); name != "PONG" || got != context {
				m.t.Errorf("got %s %q, want PONG %q", name, got, context)
			}
		}
		if m.client != nil {
			return
		}
		m.write(rawzmtp.Frame(rawzmtp.FlagMore, "me"), rawzmtp.Command("PING", "\x00\x00inside"))
		if name, got := m.command(); name != "PONG" || got != "inside" {
			m.t.Errorf("within a message: got %s %q, want PONG", name, got)
		}
		body := encode(m.t, "whole")
		m.write(rawzmtp.Frame(rawzmtp.FlagMore, ""), rawzmtp.Frame(0, body))
		want(m.t, "the reply", m.message(), []string{"me", "", body})
	})
}

func malformedPing(t *testing.T, at *env) {
	for _, body := range []string{"", "\x01", "\x00\x00" + strings.Repeat("x", 17)} {
		meet(t, at, func(m *meeting) {
			m.shake(m.kind, 1)
			m.tryWrite(rawzmtp.Command("PING", body))
			m.wantEnd("PING")
		})
	}
}

// trafficIsLiveness sends a message with every PING, and nothing else. A second
// peer, which is silent, is the clock.
func trafficIsLiveness(t *testing.T, at *env) {
	s := collect(t, gozmq.Bind(at.endpoint()), beating())
	results := s.results(t)
	for range 2 {
		talking := at.connect(t, s.Addrs()[0])
		talking.shake("PUSH", 1)
		lost := make(chan struct{})
		silent := at.connect(t, s.Addrs()[0])
		silent.shake("PUSH", 1)
		go func() {
			defer close(lost)
			silent.wantClosed()
		}()
		for done := false; !done; {
			talking.awaitCommand("PING")
			talking.write(rawzmtp.Message(encode(t, "alive")))
			results.want("alive")
			select {
			case <-lost:
				done = true
			default:
			}
		}
		talking.write(rawzmtp.Message(encode(t, "still alive")))
		results.want("still alive")
		talking.close()
	}
	wantReason(t, s.await(t, gozmq.EventHeartbeatLost, 2), "nothing received")
	if n := s.count(gozmq.EventHeartbeatLost); n != 2 {
		t.Errorf("%d heartbeats were lost, want 2:\n%s", n, s)
	}
}

func noPingForOld(t *testing.T, at *env) {
	s := at.serve(t, echo, beating())
	old, clock := at.connect(t, s.endpoint), at.connect(t, s.endpoint)
	old.shake("DEALER", 0)
	clock.shake("DEALER", 1)
	clock.wantClosed() // it was silent for as long as old
	body := encode(t, "still here")
	old.write(rawzmtp.Message("", body))
	for _, want := range []string{"", body} {
		if flags, content, err := old.frame(); err != nil || flags&rawzmtp.FlagCommand != 0 || content != want {
			t.Fatalf("got %q with flags %#x, %v, want %q and no command before it", content, flags, err, want)
		}
	}
}

func ttlLimit(t *testing.T, at *env) {
	for _, tt := range []struct {
		timeout time.Duration
		least   uint16
	}{{200 * time.Millisecond, 2}, {30 * time.Second, 300}, {70 * time.Second, 300}, {100 * time.Hour, 300}} {
		meet(t, at, func(m *meeting) {
			m.shake(m.kind, 1)
			data := m.awaitCommand("PING")
			if len(data) < 2 {
				m.t.Fatalf("PING has %q", data)
			}
			if ttl := binary.BigEndian.Uint16([]byte(data)); ttl < tt.least || ttl > 655 {
				m.t.Errorf("with a timeout of %v the time to live is %d tenths of a second, want %d to 655", tt.timeout, ttl, tt.least)
			}
		}, gozmq.WithHeartbeat(20*time.Millisecond, tt.timeout))
	}
}

func peersTTL(t *testing.T, at *env) {
	s := at.serve(t, echo, gozmq.WithHeartbeat(20*time.Millisecond, time.Hour))
	patient, w := at.connect(t, s.endpoint), at.connect(t, s.endpoint)
	patient.shake("DEALER", 1)
	w.shake("DEALER", 1)
	w.write(rawzmtp.Command("PING", "\x00\x01")) // a tenth of a second
	w.wantClosed()
	wantReason(t, s.await(t, gozmq.EventHeartbeatLost, 1), "100ms")
	body := encode(t, "still here")
	patient.write(rawzmtp.Message("", body))
	want(t, "the reply", patient.message(), []string{"", body})
}
