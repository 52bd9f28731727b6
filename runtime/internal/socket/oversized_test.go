package socket

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// A tellingGatherer is a gatherer that also passes on what is too large.
type tellingGatherer struct{ gatherer }

func (g tellingGatherer) TooLarge(_ *link.Conn, frames [][]byte, err *zmtp.SizeError) {
	g.gatherer <- fmt.Sprintf("%q: %d of %d", frames, err.Size, err.Limit)
}

// oversizedStream is messages of which three are too large, and what a
// tellingGatherer passes on.
func oversizedStream(limit int) (wire []byte, want []string) {
	add := func(text string, frames ...string) {
		for i, f := range frames {
			var flags byte
			if i+1 < len(frames) {
				flags = zmtp.FlagMore
			}
			wire = zmtp.AppendFrameString(wire, flags, f)
		}
		want = append(want, text)
	}
	large := string(make([]byte, 10*limit))
	size := len(large)
	add("a|1", "a", "1")
	add("a|2", "a", "2")
	add(fmt.Sprintf(`["a"]: %d of %d`, size, limit), "a", large, "header")
	add("a|3", "a", "3")
	add(fmt.Sprintf(`[]: %d of %d`, size, limit), large)
	add(fmt.Sprintf(`["a" "4"]: %d of %d`, size, limit), "a", "4", large)
	add("a|5", "a", "5")
	return wire, want
}

// TestOversizedPassedOver sends messages that are too large, in one piece and in
// small ones, to every socket that only receives: they are reported, and the
// others come.
func TestOversizedPassedOver(t *testing.T) {
	const limit = 1 << 10
	wire, want := oversizedStream(limit)
	for _, kind := range []zmtp.SocketType{zmtp.Sub, zmtp.Pull, zmtp.Router} {
		for _, piece := range []int{len(wire), 100, 1} {
			t.Run(fmt.Sprint(kind, piece), func(t *testing.T) {
				events, got := newRecorder(), make(gatherer, 100)
				cfg := testConfig(kind, events)
				cfg.MaxMessageSize = limit
				to := tellingGatherer{got}
				var links *link.Group
				peer := zmtp.Pub
				switch kind {
				case zmtp.Sub:
					s := NewSub(cfg, to)
					closing(t, s.Shutdown)
					links = s.Links()
				case zmtp.Pull:
					s := NewBatchPull(cfg, to)
					closing(t, s.Shutdown)
					links, peer = s.Links(), zmtp.Push
				default:
					s := NewPeerSocket(cfg, peerGatherer{to}, true)
					closing(t, s.Shutdown)
					links, peer = s.Links(), zmtp.Dealer
				}
				p := zmtptest.DialAs(t, bind(t, links, tcp), peer)
				for rest := wire; len(rest) > 0; rest = rest[min(piece, len(rest)):] {
					p.Send(rest[:min(piece, len(rest))])
				}
				for i, w := range want {
					if g := testkit.Receive(t, got, "a message"); g != w {
						t.Fatalf("message %d: got %s, want %s", i, g, w)
					}
				}
				events.await(t, link.Malformed, 3)
				if n := events.sum(link.Disconnected); n != 0 {
					t.Errorf("%d connections have ended", n)
				}
			})
		}
	}
}

// A peerGatherer is a tellingGatherer for a PeerSocket.
type peerGatherer struct{ tellingGatherer }

func (peerGatherer) Join(*link.Conn)     {}
func (peerGatherer) Leave(*link.Conn)    {}
func (peerGatherer) Writable(*link.Conn) {}

// TestOversizedPull checks a Pull, of which nobody is told what is too large.
func TestOversizedPull(t *testing.T) {
	events := newRecorder()
	cfg := testConfig(zmtp.Pull, events)
	cfg.MaxMessageSize = 1 << 10
	s := NewPull(cfg, FixedWindow(10))
	closing(t, s.Shutdown)
	wire, _ := oversizedStream(cfg.MaxMessageSize)
	zmtptest.DialAs(t, bind(t, s.Links(), tcp), "PUSH").Send(wire)
	for _, want := range []string{"1", "2", "3", "5"} {
		r, err := s.Recv(testkit.Within(t))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(r.Frames[1], []byte(want)) {
			t.Errorf("got %q, want %s", r.Frames, want)
		}
		r.Release()
	}
	events.await(t, link.Malformed, 3)
}
