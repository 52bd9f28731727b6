package socket

import (
	"errors"
	"testing"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// TestDealerMovesUnsentRequests has a peer that does not read go, with another
// one there: requests that the kernel had not begun to take go to that one.
func TestDealerMovesUnsentRequests(t *testing.T) {
	for range 10 { // who notices first that the peer is gone differs
		t.Run("", moveUnsent)
	}
}

func moveUnsent(t *testing.T) {
	const n, size = 20, 30000
	d := NewDealer(testConfig(zmtp.Dealer, newRecorder()))
	closing(t, d.Shutdown)
	stalled := zmtptest.DialAs(t, bind(t, d.Links(), "inproc://dealer-move"), "ROUTER")
	errs, appended := make(chan error, n), make(chan struct{}, 2*n)
	for i := range n {
		a := &signaled{ask: ask{who: uint64(i), size: size}, appended: appended}
		go func() { errs <- d.Do(testkit.Within(t), a, testkit.Patience()) }()
	}
	for range n {
		testkit.Receive(t, appended, "the message in the queue") // it is in the queue of the stalled peer
	}
	good := zmtptest.DialAs(t, bind(t, d.Links(), tcp), "ROUTER")
	served := make(chan int, 1)
	go func() {
		count := 0
		for m := nextOf(good); m != nil; m = nextOf(good) {
			if _, err := good.Write(reply(m)); err != nil {
				break
			}
			count++
		}
		served <- count
	}()
	awaitPeers(t, d, 2)
	stalled.Close()
	lost := 0
	for range n {
		if err := testkit.Receive(t, errs, "a result"); errors.As(err, new(*LostError)) {
			lost++
		} else if err != nil {
			t.Errorf("call ended with %v", err)
		}
	}
	if most := 64<<10/size + 1; lost > most {
		t.Errorf("%d of %d calls were lost, at most %d requests had left", lost, n, most)
	}
	good.Close()
	if count := testkit.Receive(t, served, "a connection"); count != n-lost {
		t.Errorf("%d requests were moved, want %d", count, n-lost)
	}
	checkAtRest(t, d)
}

// A signaled ask says when its request has been appended.
type signaled struct {
	ask
	appended chan struct{}
}

func (s *signaled) AppendRequest(b []byte) ([]byte, error) {
	b, err := s.ask.AppendRequest(b)
	s.appended <- struct{}{}
	return b, err
}

// awaitPeers waits until d has n peers.
func awaitPeers(t *testing.T, d *Dealer, n int) {
	t.Helper()
	for {
		d.mu.Lock()
		have, change := len(d.peers), d.change.Changed()
		d.mu.Unlock()
		if have == n {
			return
		}
		testkit.Receive(t, change, "a change")
	}
}
