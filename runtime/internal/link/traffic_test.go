package link

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// badTraffic is what a hostile peer sends after a good handshake.
var badTraffic = []struct {
	name   string
	send   []byte
	reason string
}{
	{"message of 2^31", zmtptest.LongHeader(0, 1<<31), "exceeds the limit"},
	{"message of 2^46", zmtptest.LongHeader(zmtp.FlagMore, 1<<46), "exceeds the limit"},
	{"message of 2^62", zmtptest.LongHeader(0, 1<<62), "exceeds the limit"},
	{"message of 2^64-1", zmtptest.LongHeader(0, 1<<64-1), "more than a frame can have"},
	{"command of 2^46", zmtptest.LongHeader(zmtp.FlagCommand, 1<<46), "exceeds the limit"},
	{"command of one zero byte", []byte{4, 1, 0}, "command has no name"},
	{"empty command", []byte{4, 0}, "command has no name"},
	{"command name longer than the command", []byte("\x04\x05\x09PING"), "command has no name"},
	{"command with MORE", []byte{5, 5, 4, 'P', 'O', 'N', 'G'}, "MORE flag"},
	{"reserved flags", []byte{0x40, 0}, "reserved flag bits"},
	{"PING without a time to live", zmtp.AppendCommand(nil, "PING"), "PING has 0 bytes"},
	{"PING with a long context", zmtp.AppendCommand(nil, "PING", make([]byte, 19)), "PING has 19 bytes"},
	{"ERROR", zmtp.AppendCommand(nil, "ERROR", zmtp.ErrorBody("enough")), "peer ended the connection: enough"},
	{"HTTP", []byte("GET / HTTP/1.1\r\n\r\n"), "reserved flag bits"},
	{"endless empty frames", bytes.Repeat([]byte{1, 0}, 4000), "more than 1024 frames"},
	{"endless frames", bytes.Repeat(zmtp.AppendFrame(nil, zmtp.FlagMore, make([]byte, 16<<10)), 200), "exceeds the limit"},
	{"endless commands within a message", zmtptest.Join([]byte{1, 0}, bytes.Repeat(zmtp.AppendCommand(nil, "X", make([]byte, 8000)), 1000)), "exceeds the limit"},
	{"half a message", []byte("\x01\x03abc\x00\x05hel"), "within a message"},
	{"half a header", []byte("\x02\x00\x00"), "within a message"},
	{"message between whose frames the peer goes", []byte("\x01\x03abc"), "within a message"},
	{"nothing", nil, io.EOF.Error()},
}

// wantFarewell checks that an ERROR came back that says what the peer did
// wrong, and nothing to one that only went.
func wantFarewell(t *testing.T, got []byte, reason string) {
	t.Helper()
	if reason == "within a message" || reason == io.EOF.Error() || strings.HasPrefix(reason, "peer ended") {
		if len(got) > 0 {
			t.Errorf("%q came back", got)
		}
		return
	}
	name, body, err := zmtp.ParseCommand(got[min(len(got), 2):])
	if err != nil || string(name) != zmtp.CommandError || !strings.Contains(zmtp.ParseErrorCommand(body), reason) {
		t.Errorf("%q came back, want an ERROR with %q", got, reason)
	}
}

// TestBadTraffic checks that each of these ends that one connection with a
// reason, which the peer is told, delivers nothing and costs nothing, while a
// good peer is served.
func TestBadTraffic(t *testing.T) {
	for _, network := range []string{"tcp://127.0.0.1:*", "ipc://*", "inproc://bad-traffic"} {
		t.Run(network, func(t *testing.T) {
			events := newRecorder()
			_, ep := boundTo(t, testConfig(zmtp.Router, events), handlerFunc(echo), network)
			good := zmtptest.DialAs(t, ep, "DEALER")
			good.Ask("before")
			before := descriptors()
			for _, tt := range badTraffic {
				t.Run(tt.name, func(t *testing.T) {
					mark := events.Len()
					bad := zmtptest.DialAs(t, ep, "DEALER")
					events.await(t, mark, Connected, 1)
					_, _ = bad.Write(tt.send)
					if w, ok := bad.Conn.(interface{ CloseWrite() error }); ok {
						_ = w.CloseWrite()
					} else if tt.reason == "within a message" || tt.send == nil {
						bad.Close()
					}
					wantReason(t, events.await(t, mark, Disconnected, 1), tt.reason)
					wantFarewell(t, bad.Drained(), tt.reason)
					bad.Close()
					if now := descriptors(); now != before {
						t.Errorf("%d descriptors are open, %d were", now, before)
					}
				})
				good.Ask("after", tt.name)
			}
		})
	}
}

// TestHostileClaimsTakeNoMemory has 200 peers claim large messages that they
// do not send.
func TestHostileClaimsTakeNoMemory(t *testing.T) {
	const peers, limit = 200, 256 << 20
	events := newRecorder()
	cfg := testConfig(zmtp.Router, events)
	cfg.MaxMessageSize = limit
	_, ep := bound(t, cfg, handlerFunc(echo))
	before := heap()
	for range peers {
		p := zmtptest.DialAs(t, ep, "DEALER")
		p.Send(append(zmtptest.LongHeader(0, limit-100), "abc"...))
	}
	good := zmtptest.DialAs(t, ep, "DEALER")
	good.Ask("served")
	events.await(t, 0, Connected, peers+1)
	// A peer's claim is worth one step of growth, in which its first bytes lie.
	grown := int64(heap()) - int64(before)
	t.Logf("%d peers that claim %d MiB each take %d KiB each", peers, limit>>20, grown/peers>>10)
	if most := int64(peers * (growAtOnce + 256<<10)); grown > most {
		t.Errorf("the heap grew by %d MiB, want at most %d", grown>>20, most>>20)
	}
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestUnknownCommands checks that they are ignored, and passed to Command
// where that is set.
func TestUnknownCommands(t *testing.T) {
	for _, set := range []bool{false, true} {
		got := make(chan string, 10)
		_, ep := bound(t, testConfig(zmtp.Router, newRecorder()), handlerFunc(func(c *Conn) error {
			if set {
				c.Command = func(name, body []byte) error {
					got <- fmt.Sprintf("%s %s", name, body)
					return nil
				}
			}
			return echo(c)
		}))
		p := zmtptest.DialAs(t, ep, "DEALER")
		p.Send(zmtp.AppendCommand(nil, "WHAT", []byte("ever")))
		p.Send(zmtp.AppendCommand(nil, "PONG", []byte("unasked")))
		p.Send(zmtp.AppendFrameString(nil, zmtp.FlagMore, "a"))
		p.Send(zmtp.AppendCommand(nil, "SUBSCRIBE", []byte("t")))
		p.Send(zmtp.AppendFrameString(nil, 0, "b"))
		if m := p.Message(); len(m) != 2 || string(m[0])+string(m[1]) != "ab" {
			t.Errorf("got back %q", m)
		}
		close(got)
		var all []string
		for s := range got {
			all = append(all, s)
		}
		want := []string{"WHAT ever", "SUBSCRIBE t"}
		if !set {
			want = nil
		}
		if fmt.Sprint(all) != fmt.Sprint(want) {
			t.Errorf("Command was told of %q, want %q", all, want)
		}
	}
}

func TestErrorOfCommandEndsTheConnection(t *testing.T) {
	events := newRecorder()
	refusal := errors.New("no such thing")
	_, ep := bound(t, testConfig(zmtp.Router, events), handlerFunc(func(c *Conn) error {
		c.Command = func(_, _ []byte) error { return refusal }
		return echo(c)
	}))
	p := zmtptest.DialAs(t, ep, "DEALER")
	p.Send(zmtp.AppendCommand(nil, "SUBSCRIBE"))
	if e := events.await(t, 0, Disconnected, 1); !errors.Is(e.Err, refusal) {
		t.Errorf("reason %v, want %v", e.Err, refusal)
	}
	p.Drained()
}
