package socket

import (
	"context"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// Two windows are read ahead, but not much memory, and a reader that has stopped
// goes on when half of it is free.
func TestPullRoom(t *testing.T) {
	const big = 4 * memoryAhead
	for _, c := range []struct {
		batches, waiting, memory int
		crowded, roomy           bool
	}{
		{0, 0, 0, false, true},
		{1, 5, 1, false, true},
		{1, 6, 1, false, false},
		{1, 10, 1, false, false},
		{1, 11, 1, true, false},
		{3, 1, memoryAhead / 2, false, true},
		{3, 1, memoryAhead/2 + 1, false, false},
		{4, 1, memoryAhead, true, false},
		{1, 1, big, false, true},
		{2, 2, 2 * big, true, false},
	} {
		p := newPullPeer(10)
		p.batches, p.waiting, p.memory = make([]*pulledBatch, c.batches), c.waiting, c.memory
		if p.crowded() != c.crowded || p.roomy() != c.roomy {
			t.Errorf("%+v: crowded %v, roomy %v", c, p.crowded(), p.roomy())
		}
	}
}

// awaitWaiting waits until n messages of the only peer with messages wait.
func awaitWaiting(t *testing.T, p *Pull, n int) {
	t.Helper()
	for limit := time.Now().Add(testkit.Patience()); ; runtime.Gosched() {
		p.mu.Lock()
		have := 0
		if len(p.ready) > 0 {
			have = p.ready[0].waiting
		}
		p.mu.Unlock()
		if have == n {
			return
		}
		if time.Now().After(limit) {
			t.Fatalf("%d messages wait, want %d", have, n)
		}
	}
}

// pullingBatches has a Pull read the messages from 0 to n, one batch for each, and
// returns it with the peer and the numbers of the messages that are dropped.
func pullingBatches(t *testing.T, window, n int) (*Pull, *zmtptest.Peer, *[]int) {
	t.Helper()
	p, _, ep := pulling(t, window, tcp)
	dropped := new([]int)
	p.OnDrop(func(r Received) {
		n, err := number(r.Frames)
		if err != nil {
			t.Error(err)
		}
		*dropped = append(*dropped, n)
	})
	peer := zmtptest.DialAs(t, ep, zmtp.Push)
	for i := range n {
		peer.Send(framesOf(i, i+1))
		awaitWaiting(t, p, i+1)
	}
	return p, peer, dropped
}

// Several batches are read while nobody receives. After half of them the reader
// reads further ones, in the middle of a batch, too.
func TestPullReadsAhead(t *testing.T) {
	const window = 3
	p, peer, _ := pullingBatches(t, window, window)
	peer.Send(framesOf(window, 3*window))
	awaitWaiting(t, p, 2*window)
	for n := range 2*window - 1 {
		if got := recv(t, p); got != n {
			t.Fatalf("got %d, want %d", got, n)
		}
	}
	awaitWaiting(t, p, 1+window)
	for n := 2*window - 1; n < 3*window; n++ {
		if got := recv(t, p); got != n {
			t.Fatalf("got %d, want %d", got, n)
		}
	}
}

// Every message of several batches that is not received is dropped once, in order.
func TestPullDropsBatches(t *testing.T) {
	p, peer, dropped := pullingBatches(t, 4, 4)
	if got := recv(t, p); got != 0 {
		t.Fatalf("got %d, want 0", got)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	go peer.Drained()
	_ = p.Drain(ended)
	if want := []int{1, 2, 3}; !slices.Equal(*dropped, want) {
		t.Errorf("dropped %v, want %v", *dropped, want)
	}
	if _, err := p.Recv(testkit.Within(t)); err != link.ErrClosed {
		t.Errorf("Recv after Drain: %v", err)
	}
}
