package socket

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

const halfSent = 32 << 20 // more than the kernels of both sides take

// cutOff reads the beginning of a message from p and goes.
func cutOff(t *testing.T, p *zmtptest.Peer) {
	t.Helper()
	if _, err := io.CopyN(io.Discard, p.Conn, 100_000); err != nil {
		t.Fatal(err)
	}
	p.Close()
}

// A message whose end never left goes to the next peer, and is not counted as
// sent before.
func TestPushHalfSent(t *testing.T) {
	p := NewPush(pushConfig())
	closing(t, p.Shutdown)
	ep := bind(t, p.Links(), tcp)
	first := pullFrom(t, ep)
	if err := p.Send(testkit.Within(t), parcel{size: halfSent}); err != nil {
		t.Fatal(err)
	}
	cutOff(t, first)
	testkit.Eventually(t, "the end of the peer", func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return len(p.peers) == 0
	})
	short, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	if err := p.Flush(short); err == nil || p.Queued() != 1 {
		t.Errorf("Flush: %v, with %d messages queued", err, p.Queued())
	}
	next := pullFrom(t, ep)
	if frames := nextOf(next); len(frames) == 0 {
		t.Error("the next peer got nothing")
	}
	if err := p.Flush(testkit.Within(t)); err != nil {
		t.Errorf("Flush: %v", err)
	}
}

// A message that one peer after the other goes of is given up, and told of.
func TestPushHalfSentAgainAndAgain(t *testing.T) {
	events := newRecorder()
	cfg := pushConfig()
	cfg.Observe = events.Record
	p := NewPush(cfg)
	closing(t, func(ctx context.Context) error {
		if p.Shutdown(ctx) == nil {
			t.Error("Shutdown says nothing of it")
		}
		return nil
	})
	ep := bind(t, p.Links(), tcp)
	first := pullFrom(t, ep)
	if err := p.Send(testkit.Within(t), parcel{size: halfSent}); err != nil {
		t.Fatal(err)
	}
	cutOff(t, first)
	for range maxCuts - 1 {
		cutOff(t, pullFrom(t, ep))
	}
	events.await(t, link.Malformed, 1)
	if err := p.Flush(testkit.Within(t)); err == nil || p.Queued() != 0 {
		t.Errorf("Flush: %v, with %d messages queued", err, p.Queued())
	}
}
