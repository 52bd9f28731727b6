package socket

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/transport"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// A parcel is a numbered message of two frames.
type parcel struct {
	number int
	size   int
	err    error
}

func (m parcel) AppendMessage(b []byte) ([]byte, error) {
	if m.err != nil {
		return b, m.err
	}
	b = zmtp.AppendHeader(b, zmtp.FlagMore, 8)
	b = binary.BigEndian.AppendUint64(b, uint64(m.number))
	b = zmtp.AppendHeader(b, 0, m.size)
	for i := range m.size {
		b = append(b, byte(m.number+i))
	}
	return b, nil
}

// number checks a parcel and returns its number.
func number(frames [][]byte) (int, error) {
	if len(frames) != 2 || len(frames[0]) != 8 {
		return 0, fmt.Errorf("frames %.40q", frames)
	}
	n := int(binary.BigEndian.Uint64(frames[0]))
	for i, c := range frames[1] {
		if c != byte(n+i) {
			return 0, fmt.Errorf("parcel %d is damaged at %d", n, i)
		}
	}
	return n, nil
}

// pushing returns a bound push socket with n raw peers.
func pushing(t *testing.T, cfg link.Config, network string, n int) (*Push, []*zmtptest.Peer) {
	t.Helper()
	p := NewPush(cfg)
	closing(t, p.Shutdown)
	ep := bind(t, p.Links(), network)
	var peers []*zmtptest.Peer
	for range n {
		peers = append(peers, zmtptest.DialAs(t, ep, "PULL"))
	}
	if err := p.WaitPeers(testkit.Within(t), n); err != nil {
		t.Fatal(err)
	}
	return p, peers
}

func pushConfig() link.Config { return testConfig(zmtp.Push, newRecorder()) }

func TestPushTakesTurns(t *testing.T) {
	for _, network := range networks {
		t.Run(network, func(t *testing.T) {
			p, peers := pushing(t, pushConfig(), network, 3)
			for n := range 30 {
				if err := p.Send(testkit.Within(t), parcel{number: n}); err != nil {
					t.Fatal(err)
				}
			}
			for _, peer := range peers {
				first, err := number(peer.Message())
				if err != nil {
					t.Fatal(err)
				}
				for i := 1; i < 10; i++ {
					if n, err := number(peer.Message()); err != nil || n != first+3*i {
						t.Errorf("got %d, %v, want %d", n, err, first+3*i)
					}
				}
			}
		})
	}
}

func TestPushWaitsForAPeer(t *testing.T) {
	p := NewPush(pushConfig())
	closing(t, p.Shutdown)
	short, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	if err := p.Send(short, parcel{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Send without peers: %v", err)
	}
	sent := make(chan error, 1)
	go func() { sent <- p.Send(testkit.Within(t), parcel{number: 7}) }()
	peer := zmtptest.DialAs(t, bind(t, p.Links(), tcp), "PULL")
	if n, err := number(peer.Message()); err != nil || n != 7 {
		t.Errorf("got %d, %v", n, err)
	}
	if err := testkit.Receive(t, sent, "a result"); err != nil {
		t.Error(err)
	}
}

// TestPushPassesOverFullPeers has one peer that does not read.
func TestPushPassesOverFullPeers(t *testing.T) {
	const messages, size = 300, 20000
	cfg := pushConfig()
	cfg.SendQueue = 10
	share := cfg.SendQueue + 64<<10/size + 1 // of the stuck peer: its queue and what the pipe holds
	p, peers := pushing(t, cfg, "inproc://push-full", 3)
	var wg sync.WaitGroup
	var got atomic.Int64
	done := make(chan struct{})
	for i := range 2 {
		wg.Go(func() {
			for nextOf(peers[i]) != nil {
				if int(got.Add(1)) == messages-share {
					close(done)
				}
			}
		})
	}
	for n := range messages {
		if err := p.Send(testkit.Within(t), parcel{number: n, size: size}); err != nil {
			t.Fatal(err)
		}
	}
	testkit.Receive(t, done, "the end")
	peers[0].Close()
	peers[1].Close()
	wg.Wait()
}

// TestPushBlocksWhenAllAreFull checks that Send waits, its context ends it,
// and it goes on when a peer reads.
func TestPushBlocksWhenAllAreFull(t *testing.T) {
	cfg := pushConfig()
	cfg.SendQueue = 5
	p, peers := pushing(t, cfg, "inproc://push-all-full", 2)
	sent := 0
	for {
		short, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		err := p.Send(short, parcel{number: sent, size: 30000})
		cancel()
		if errors.Is(err, context.DeadlineExceeded) {
			break
		}
		if err != nil || sent > 1000 {
			t.Fatal(sent, err)
		}
		sent++
	}
	t.Logf("%d messages were taken by two peers that do not read", sent)
	waiting := make(chan error, 1)
	go func() { waiting <- p.Send(testkit.Within(t), parcel{number: sent}) }()
	counts := make(chan int, 2)
	for _, peer := range peers {
		go func() {
			n := 0
			for nextOf(peer) != nil {
				n++
			}
			counts <- n
		}()
	}
	if err := testkit.Receive(t, waiting, "a result"); err != nil {
		t.Errorf("Send when there was room again: %v", err)
	}
	if err := p.Shutdown(testkit.Within(t)); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	if n := testkit.Receive(t, counts, "a count") + testkit.Receive(t, counts, "a count"); n != sent+1 {
		t.Errorf("%d messages came, %d were sent", n, sent+1)
	}
}

// TestPushErrorOfTheMessage leaves nothing on the wire.
func TestPushErrorOfTheMessage(t *testing.T) {
	p, peers := pushing(t, pushConfig(), tcp, 1)
	if err := p.Send(testkit.Within(t), parcel{err: errRefuse}); !errors.Is(err, errRefuse) {
		t.Errorf("Send: %v", err)
	}
	if err := p.Send(testkit.Within(t), parcel{number: 1}); err != nil {
		t.Error(err)
	}
	if n, err := number(peers[0].Message()); n != 1 || err != nil {
		t.Errorf("got %d, %v", n, err)
	}
}

// TestPushCut cuts connections at random from our side, so that the peers read
// all that the kernel took. One peer at a time dials again each time: what it
// gets in all is in order, without repetition, and misses at most the message
// that each cut hit.
func TestPushCut(t *testing.T) {
	const messages, cuts = 4000, 20
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	for _, network := range []string{tcp, "ipc://*"} {
		t.Run(network, func(t *testing.T) {
			p := NewPush(pushConfig())
			closing(t, p.Shutdown)
			ep := bind(t, p.Links(), network)
			sender := make(chan error, 1)
			go func() {
				for n := range messages {
					if err := p.Send(testkit.Within(t), parcel{number: n, size: 1 + n%2000}); err != nil {
						sender <- err
						return
					}
				}
				sender <- p.Shutdown(testkit.Within(t))
			}()
			next, missed := 0, 0
			for cut := 0; next < messages; cut++ {
				peer := pullFrom(t, ep)
				if peer == nil { // all was sent, and the last message was cut
					if missed += messages - next; missed > cut {
						t.Fatalf("%d messages are missing after %d cuts", missed, cut)
					}
					break
				}
				until := next + random.IntN(2*messages/cuts)
				for m := nextOf(peer); m != nil; m = nextOf(peer) {
					n, err := number(m)
					if err != nil || n < next {
						t.Fatalf("got %d, %v, want %d or later", n, err, next)
					}
					missed += n - next
					if next = n + 1; next == until && cut < cuts {
						p.Links().Each(func(c *link.Conn) { c.Close(errKilled) })
					}
				}
				peer.Close()
				if missed > cut+1 {
					t.Fatalf("%d messages are missing after %d cuts", missed, cut+1)
				}
			}
			if err := testkit.Receive(t, sender, "a result"); err != nil {
				t.Error(err)
			}
			t.Logf("%d messages sent, %d received, %d cut in half", messages, messages-missed, missed)
		})
	}
}

// pullFrom connects as a PULL; it returns nil when the socket there is shut down.
func pullFrom(t *testing.T, ep transport.Endpoint) *zmtptest.Peer {
	t.Helper()
	conn, err := ep.Dial(t.Context())
	if err != nil {
		return nil
	}
	peer := zmtptest.NewPeer(t, conn)
	_, err = peer.Write(zmtptest.Hello(zmtp.Pull))
	if err == nil {
		_, err = io.ReadFull(peer, make([]byte, zmtp.GreetingSize))
	}
	if err != nil { // it was shutting down
		peer.Close()
		return nil
	}
	return peer
}

// TestPushCutAmongSeveral cuts one of several peers again and again and
// accounts for every message.
func TestPushCutAmongSeveral(t *testing.T) {
	const messages, peers, cuts = 6000, 3, 15
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	p := NewPush(pushConfig())
	ep := bind(t, p.Links(), tcp)
	var mu sync.Mutex
	counts := make([]int, messages)
	received, cut, sending := 0, 0, true
	take := func(m [][]byte) {
		n, err := number(m)
		mu.Lock()
		defer mu.Unlock()
		if err != nil || n >= messages {
			t.Errorf("got %d, %v", n, err)
			return
		}
		counts[n]++
		if received++; sending && received%(messages/cuts) == 0 {
			var conns []*link.Conn
			p.Links().Each(func(c *link.Conn) { conns = append(conns, c) })
			if len(conns) > 0 {
				cut++
				conns[random.IntN(len(conns))].Close(errKilled)
			}
		}
	}
	pull := NewPull(testConfig(zmtp.Pull, newRecorder()), FixedWindow(50))
	for range peers {
		connect(t, pull.Links(), ep)
	}
	reader := make(chan struct{})
	go func() {
		defer close(reader)
		for {
			r, err := pull.Recv(context.Background())
			if err != nil {
				return
			}
			take(r.Frames)
			r.Release()
		}
	}()
	for n := range messages {
		if err := p.Send(testkit.Within(t), parcel{number: n, size: n % 1500}); err != nil {
			t.Fatal(err)
		}
	}
	mu.Lock()
	sending = false
	mu.Unlock()
	if err := p.Shutdown(testkit.Within(t)); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	// Everything is with the kernel or has been read; the peers see the end of
	// each connection behind it.
	pull.Links().StopListening()
	pull.Links().Each(func(c *link.Conn) { <-c.Closed() })
	if err := pull.Drain(testkit.Within(t)); err != nil {
		t.Errorf("Drain: %v", err)
	}
	testkit.Receive(t, reader, "the reader")
	mu.Lock()
	defer mu.Unlock()
	missing := 0
	for n, times := range counts {
		if times == 0 {
			missing++
		} else if times > 1 {
			t.Errorf("message %d came %d times", n, times)
		}
	}
	t.Logf("%d sent, %d received, %d cuts, %d cut in half", messages, received, cut, missing)
	if missing > cut {
		t.Errorf("%d messages are missing after %d cuts", missing, cut)
	}
}

// TestPushShutdown delivers what was accepted, and says when it could not.
func TestPushShutdown(t *testing.T) {
	p, peers := pushing(t, pushConfig(), tcp, 1)
	for n := range 500 {
		if err := p.Send(testkit.Within(t), parcel{number: n, size: 1000}); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Shutdown(testkit.Within(t)); err != nil {
		t.Error(err)
	}
	for n := range 500 {
		if got, err := number(peers[0].Message()); err != nil || got != n {
			t.Fatalf("got %d, %v, want %d", got, err, n)
		}
	}
	if err := p.Send(testkit.Within(t), parcel{}); !errors.Is(err, link.ErrClosed) {
		t.Errorf("Send after Shutdown: %v", err)
	}

	cfg := pushConfig()
	p, peers = pushing(t, cfg, "inproc://push-shutdown", 1)
	for n := range 100 { // more than the pipe holds
		if err := p.Send(testkit.Within(t), parcel{number: n, size: 5000}); err != nil {
			t.Fatal(err)
		}
	}
	result := make(chan error, 1)
	short, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	go func() { result <- p.Shutdown(short) }()
	peers[0].Close() // the peer goes while it is flushed
	if err := testkit.Receive(t, result, "a result"); err == nil {
		t.Error("Shutdown gave no error, and a peer went with messages unsent")
	}
}

// A shutdown without time has no error when nothing is unsent, whether its peer is
// there or goes at the same moment, and has one when something is.
func TestPushShutdownWithoutTime(t *testing.T) {
	ended, cancel := context.WithCancelCause(context.Background())
	cancel(errKilled)
	for i := range 40 {
		p, peers := pushing(t, pushConfig(), tcp, 1)
		if i%2 == 1 {
			go peers[0].Close()
		}
		if err := p.Shutdown(ended); err != nil {
			t.Fatalf("turn %d: %v", i, err)
		}
	}
	p, _ := pushing(t, pushConfig(), tcp, 1)
	if err := p.Send(testkit.Within(t), parcel{size: halfSent}); err != nil {
		t.Fatal(err)
	}
	if err := p.Shutdown(ended); !errors.Is(err, errKilled) {
		t.Errorf("with messages unsent: %v", err)
	}
}
