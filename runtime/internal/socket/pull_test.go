package socket

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/transport"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

func pulling(t *testing.T, window int, network string) (*Pull, *recorder, transport.Endpoint) {
	t.Helper()
	events := newRecorder()
	p := NewPull(testConfig(zmtp.Pull, events), FixedWindow(window))
	closing(t, p.Shutdown)
	return p, events, bind(t, p.Links(), network)
}

// framesOf returns parcels from one number up to another, as they are sent.
func framesOf(from, to int) (b []byte) {
	for n := from; n < to; n++ {
		b, _ = parcel{number: n, size: n % 50}.AppendMessage(b)
	}
	return b
}

// recv receives one parcel.
func recv(t *testing.T, p *Pull) int {
	t.Helper()
	r, err := p.Recv(testkit.Within(t))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	n, err := number(r.Frames)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// awaitReady waits until n peers have messages that were read.
func awaitReady(t *testing.T, p *Pull, n int) {
	t.Helper()
	for limit := time.Now().Add(testkit.Patience()); ; runtime.Gosched() {
		p.mu.Lock()
		have := len(p.ready)
		p.mu.Unlock()
		if have == n {
			return
		}
		if time.Now().After(limit) {
			t.Fatalf("%d peers have messages, want %d", have, n)
		}
	}
}

// TestPullTakesTurns takes one message of each peer, whoever came first and
// however many it has sent.
func TestPullTakesTurns(t *testing.T) {
	p, _, ep := pulling(t, 100, tcp)
	first, second, third := zmtptest.DialAs(t, ep, "PUSH"), zmtptest.DialAs(t, ep, "PUSH"), zmtptest.DialAs(t, ep, "PUSH")
	first.Send(framesOf(0, 30))
	awaitReady(t, p, 1)
	second.Send(framesOf(1000, 1010))
	awaitReady(t, p, 2)
	third.Send(framesOf(2000, 2001))
	awaitReady(t, p, 3)
	var got []int
	for range 41 {
		got = append(got, recv(t, p)/1000)
	}
	for i, from := range []int{0, 1, 2, 0, 1, 0, 1, 0, 1} {
		if got[i] != from {
			t.Fatalf("messages came from %v, want one of each in turn", got)
		}
	}
}

// TestPullDeliversWhatCameWhole has a peer go in the middle of a message.
func TestPullDeliversWhatCameWhole(t *testing.T) {
	for _, network := range networks {
		t.Run(network, func(t *testing.T) {
			p, events, ep := pulling(t, 100, network)
			peer := zmtptest.DialAs(t, ep, "PUSH")
			all := framesOf(0, 11)
			peer.Send(all[:len(all)-1])
			peer.Close()
			events.await(t, link.Disconnected, 1)
			for n := range 10 {
				if got := recv(t, p); got != n {
					t.Fatalf("got %d, want %d", got, n)
				}
			}
			short, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
			defer cancel()
			if r, err := p.Recv(short); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Recv gave %.40q, %v for half a message", r.Frames, err)
			}
		})
	}
}

// TestPullWindow checks that no more than two windows are read ahead, and that
// the sender is slowed down.
func TestPullWindow(t *testing.T) {
	const window = 5
	p, _, ep := pulling(t, window, "inproc://pull-window")
	peer := zmtptest.DialAs(t, ep, "PUSH")
	one, _ := parcel{size: 10000}.AppendMessage(nil)
	peer.Send(one)
	awaitReady(t, p, 1)
	if err := peer.SetWriteDeadline(time.Now().Add(300 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	sent := 1
	for ; sent < 1000; sent++ {
		if _, err := peer.Write(one); err != nil {
			break
		}
	}
	// Beside the windows there are the pipe and one read buffer.
	if most := 2*window + (64<<10+256<<10)/len(one) + 1; sent > most {
		t.Errorf("a sender could send %d messages that nobody receives, want at most %d", sent, most)
	}
	p.mu.Lock()
	if n := p.ready[0].batch.Len(); n > window {
		t.Errorf("a batch has %d messages, the window is %d", n, window)
	}
	p.mu.Unlock()
	for range sent {
		r, err := p.Recv(testkit.Within(t))
		if err != nil {
			t.Fatal(err)
		}
		r.Release()
	}
}

// TestPullManyReceivers gives each message to one of them, whatever is
// released when.
func TestPullManyReceivers(t *testing.T) {
	const receivers, senders, each = 8, 4, 2000
	p, _, ep := pulling(t, 64, tcp)
	var wg, sending sync.WaitGroup
	var mu sync.Mutex
	counts := make(map[int]int)
	all := make(chan struct{})
	for range receivers {
		wg.Go(func() {
			var held []Received
			release := func() {
				for _, r := range held {
					n, err := number(r.Frames)
					if err != nil {
						t.Error(err)
					}
					mu.Lock()
					counts[n]++
					if len(counts) == senders*each {
						close(all)
					}
					mu.Unlock()
					r.Release()
				}
				held = held[:0]
			}
			for {
				ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
				r, err := p.Recv(ctx)
				cancel()
				if err == nil {
					held = append(held, r)
				}
				if err != nil || len(held) == 7 {
					release()
				}
				if errors.Is(err, link.ErrClosed) {
					return
				}
			}
		})
	}
	for s := range senders {
		peer := zmtptest.DialAs(t, ep, "PUSH")
		sending.Go(func() {
			if _, err := peer.Write(framesOf(s*each, (s+1)*each)); err != nil {
				t.Error(err)
			}
		})
	}
	testkit.Receive(t, all, "a result")
	sending.Wait()
	if err := p.Shutdown(testkit.Within(t)); err != nil {
		t.Error(err)
	}
	wg.Wait()
	for n, times := range counts {
		if times != 1 {
			t.Errorf("message %d came %d times", n, times)
		}
	}
}

func TestPullShutdown(t *testing.T) {
	p, _, ep := pulling(t, 5, tcp)
	errs := make(chan error, 3)
	for range cap(errs) {
		go func() {
			_, err := p.Recv(testkit.Within(t))
			errs <- err
		}()
	}
	zmtptest.DialAs(t, ep, "PUSH")
	if err := p.Shutdown(testkit.Within(t)); err != nil {
		t.Error(err)
	}
	for range cap(errs) {
		if err := testkit.Receive(t, errs, "a result"); !errors.Is(err, link.ErrClosed) {
			t.Errorf("Recv during Shutdown: %v", err)
		}
	}

	p, _, ep = pulling(t, 5, tcp) // with more than is received
	peer := zmtptest.DialAs(t, ep, "PUSH")
	peer.Send(framesOf(0, 100))
	awaitReady(t, p, 1)
	if err := p.Shutdown(testkit.Within(t)); err != nil {
		t.Error(err)
	}
	if _, err := p.Recv(testkit.Within(t)); !errors.Is(err, link.ErrClosed) {
		t.Errorf("Recv after Shutdown: %v", err)
	}
}

// TestPullDrain delivers what was read before, and ends.
func TestPullDrain(t *testing.T) {
	p, _, ep := pulling(t, 5, tcp)
	peer := zmtptest.DialAs(t, ep, "PUSH")
	peer.Send(framesOf(0, 20))
	awaitReady(t, p, 1)
	drained := make(chan error, 1)
	go func() { drained <- p.Drain(testkit.Within(t)) }()
	peer.Drained() // so the connection is closed
	for n := range 5 {
		if got := recv(t, p); got != n {
			t.Fatalf("got %d, want %d", got, n)
		}
	}
	for n := 5; ; n++ {
		r, err := p.Recv(testkit.Within(t))
		if errors.Is(err, link.ErrClosed) {
			break
		}
		if got, err := number(r.Frames); err != nil || got != n {
			t.Fatalf("got %d, %v, want %d", got, err, n)
		}
		r.Release()
	}
	if err := testkit.Receive(t, drained, "the end of Drain"); err != nil {
		t.Errorf("Drain: %v", err)
	}

	p, _, ep = pulling(t, 5, tcp) // nobody receives
	zmtptest.DialAs(t, ep, "PUSH").Send(framesOf(0, 20))
	awaitReady(t, p, 1)
	short, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	_ = p.Drain(short)
	if _, err := p.Recv(testkit.Within(t)); !errors.Is(err, link.ErrClosed) {
		t.Errorf("Recv after Drain: %v", err)
	}
}

// TestPullTakesLastPeer lets a peer that was told who we are finish its handshake
// although the socket is closing, and takes what it has sent: it takes us for its
// peer already. One that has not said a word is not waited for.
func TestPullTakesLastPeer(t *testing.T) {
	for _, network := range networks {
		for _, side := range []string{"accepted", "dialed"} {
			t.Run(network[:3]+" "+side, func(t *testing.T) {
				testkit.Steady(t, 100*time.Millisecond, func() error { return takeLastPeer(t, network, side) })
			})
		}
	}
}

// takeLastPeer returns an error if what the last peer has sent does not come.
func takeLastPeer(t *testing.T, network, side string) error {
	t.Helper()
	p, _, ep := pulling(t, 10, network)
	var c *zmtptest.Peer
	if side == "accepted" {
		c = zmtptest.Dial(t, ep)
	} else {
		ln := zmtptest.Listen(t)
		connect(t, p.Links(), ln.Endpoint)
		c = ln.Next()
	}
	c.Send(zmtptest.Greeting(3, 1, "NULL"))
	c.ReadGreeting()
	c.Expect(zmtp.CommandReady)
	silent := zmtptest.Dial(t, ep)
	silent.ReadGreeting()
	drained := make(chan error, 1)
	go func() { drained <- p.Drain(testkit.Within(t)) }()
	silent.Drained()
	_, _ = c.Write(zmtptest.Join(zmtptest.Ready(zmtp.PropertySocketType, "PUSH"), framesOf(1, 2)))
	r, err := p.Recv(testkit.Within(t))
	if err != nil {
		return errors.Join(err, testkit.Receive(t, drained, "the end of Drain"))
	}
	if n, err := number(r.Frames); n != 1 || err != nil {
		t.Errorf("received %d, %v", n, err)
	}
	r.Release()
	if _, err := c.Next(); err == nil {
		t.Error("a PULL has sent something")
	}
	c.Close()
	if err := testkit.Receive(t, drained, "the end of Drain"); err != nil {
		t.Error(err)
	}
	return nil
}
