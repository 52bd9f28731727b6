package socket

import (
	"bytes"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// A refuser refuses every request, and counts them.
type refuser struct{ n *atomic.Int64 }

func (r refuser) Receive(*RouterPeer, [][]byte) Job { r.n.Add(1); return nil }

func (r refuser) TooLarge(*RouterPeer, [][]byte, *zmtp.SizeError) bool { return false }

// Refused requests of one peer are read at a bounded rate.
func TestRefusalsThrottled(t *testing.T) {
	var n atomic.Int64
	router := NewRouter(t.Context(), testConfig(zmtp.Router, newRecorder()), refuser{&n})
	closing(t, router.Shutdown)
	p := zmtptest.DialAs(t, bind(t, router.Links(), tcp), zmtp.Dealer)
	begin := time.Now()
	ended := flood(p, bytes.Repeat(zmtp.AppendFrameString(nil, 0, "x"), 1000))
	testkit.Eventually(t, "more than the burst", func() bool { return n.Load() > int64(refusalLimit.Burst)+100 })
	refused := n.Load() // before the time is taken: more may come meanwhile
	most := refusalLimit.Burst + int((time.Since(begin)+2*shortestPause)/refusalLimit.Every)
	if refused > int64(most) {
		t.Errorf("%d requests were refused in %v, want at most %d", refused, time.Since(begin), most)
	}
	p.Close()
	<-ended
}

// As many refusals as there was work are free.
func TestRefusalsCredit(t *testing.T) {
	var r refusals
	for range 100 {
		r.served(1)
		r.take(1, 10)
	}
	r.take(refusalLimit.Burst, 10)
	if r.credit != 0 || r.bucket.Wait(refusalLimit, time.Now()) > time.Millisecond {
		t.Error("refusals that were free were counted")
	}
	r.served(10 * maxRefusalCredit)
	if r.credit != maxRefusalCredit {
		t.Errorf("%d refusals are free, want %d", r.credit, maxRefusalCredit)
	}
}

// A large refused message counts as many small ones.
func TestLargeRefusalsThrottled(t *testing.T) {
	var n atomic.Int64
	router := NewRouter(t.Context(), testConfig(zmtp.Router, newRecorder()), refuser{&n})
	closing(t, router.Shutdown)
	p := zmtptest.DialAs(t, bind(t, router.Links(), tcp), zmtp.Dealer)
	begin := time.Now()
	const size = 512 << 10
	ended := flood(p, zmtp.AppendFrameString(nil, 0, strings.Repeat("x", size)))
	burst := refusalLimit.Burst / refusalEvents(1, size)
	testkit.Eventually(t, "more than the burst", func() bool { return n.Load() > int64(burst)+1 })
	refused := n.Load()
	most := burst + 1 + int((time.Since(begin)+2*shortestPause)/refusalLimit.Every)/refusalEvents(1, size)
	if refused > int64(most) {
		t.Errorf("%d requests were refused in %v, want at most %d", refused, time.Since(begin), most)
	}
	p.Close()
	<-ended
}

// flood writes b over and over until the connection ends.
func flood(p *zmtptest.Peer, b []byte) (ended chan struct{}) {
	ended = make(chan struct{})
	go func() {
		defer close(ended)
		for {
			if _, err := p.Write(b); err != nil {
				return
			}
		}
	}()
	return ended
}

// A deafReceiver opens a stream for each message, and pushes its last frame until
// the credit is used up. Nobody receives.
type deafReceiver struct{ pushed *atomic.Int64 }

func (r deafReceiver) Receive(p *RouterPeer, frames [][]byte) Job {
	id := strconv.FormatInt(r.pushed.Load(), 10)
	e, _, ok := wire.SplitEnvelope([][]byte{[]byte(id), nil, []byte("x")})
	if !ok {
		panic("no envelope")
	}
	s := p.NewStream(e, wire.Stream{Present: true})
	s.Open()
	body := frames[len(frames)-1]
	for s.Push(body) == nil {
		r.pushed.Add(int64(len(body)))
	}
	return Handled
}

func (r deafReceiver) TooLarge(*RouterPeer, [][]byte, *zmtp.SizeError) bool { return false }

// Large messages that no stream receives are read at a bounded rate.
func TestUnreadThrottled(t *testing.T) {
	var n atomic.Int64
	cfg := testConfig(zmtp.Router, newRecorder())
	cfg.MaxMessageSize = 1 << 20
	router := NewRouter(t.Context(), cfg, deafReceiver{&n})
	closing(t, router.Shutdown)
	p := zmtptest.DialAs(t, bind(t, router.Links(), tcp), zmtp.Dealer)
	begin := time.Now()
	ended := flood(p, zmtp.AppendFrameString(nil, 0, strings.Repeat("x", 1<<20)))
	testkit.Eventually(t, "more than what is free", func() bool { return n.Load() > unreadFree+4<<20 })
	const each = 1 << 20
	kept := n.Load()
	most := unreadFree + 2*each + refusalUnit*(int64(unreadLimit.Burst)+int64(time.Since(begin)/unreadLimit.Every)) + each
	if kept > most {
		t.Errorf("%d bytes were kept in %v, want at most %d", kept, time.Since(begin), most)
	}
	p.Close()
	<-ended
}
