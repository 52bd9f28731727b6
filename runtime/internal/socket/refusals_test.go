package socket

import (
	"bytes"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/link"
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
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		b := bytes.Repeat(zmtp.AppendFrameString(nil, 0, "x"), 1000)
		for {
			if _, err := p.Write(b); err != nil {
				return
			}
		}
	}()
	testkit.Eventually(t, "more than the burst", func() bool { return n.Load() > int64(refusalLimit.Burst)+100 })
	most := refusalLimit.Burst + int((time.Since(begin)+2*shortestPause)/refusalLimit.Every)
	if n := n.Load(); n > int64(most) {
		t.Errorf("%d requests were refused in %v, want at most %d", n, time.Since(begin), most)
	}
	p.Close()
	<-ended
}

// As many refusals as there was work are free.
func TestRefusalsCredit(t *testing.T) {
	var r refusals
	c := new(link.Conn)
	for range 100 {
		r.served(1)
		r.pace(c, 1)
	}
	r.pace(c, refusalLimit.Burst)
	if r.credit != 0 || r.bucket.Wait(refusalLimit, time.Now()) > time.Millisecond {
		t.Error("refusals that were free were counted")
	}
	r.served(10 * maxRefusalCredit)
	if r.credit != maxRefusalCredit {
		t.Errorf("%d refusals are free, want %d", r.credit, maxRefusalCredit)
	}
}
