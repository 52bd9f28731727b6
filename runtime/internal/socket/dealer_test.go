package socket

import (
	"context"
	"encoding/binary"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// dealing returns a dealer that is connected to n raw peers.
func dealing(t *testing.T, n int) (*Dealer, *recorder, []*zmtptest.Peer) {
	t.Helper()
	events := newRecorder()
	d := NewDealer(testConfig(zmtp.Dealer, events))
	closing(t, d.Shutdown)
	var peers []*zmtptest.Peer
	for range n {
		ln := zmtptest.Listen(t)
		connect(t, d.Links(), ln.Endpoint)
		peers = append(peers, ln.NextAs("ROUTER"))
	}
	events.await(t, link.Connected, n)
	return d, events, peers
}

// calls makes n calls at once and returns their errors in order of their end.
func calls(t *testing.T, d *Dealer, ctx context.Context, n int) <-chan error {
	errs := make(chan error, n)
	for i := range n {
		go func() { errs <- (&ask{who: uint64(i), size: 10}).do(t, d, ctx) }()
	}
	return errs
}

func TestDealerRequestForm(t *testing.T) {
	d, _, peers := dealing(t, 1)
	errs := calls(t, d, testkit.Within(t), 1)
	m := peers[0].Message()
	if len(m) != 4 || len(m[0]) != 8 || len(m[1]) != 0 || len(m[2]) != 8 || len(m[3]) != 10 {
		t.Fatalf("request %q, want id, empty frame and what the exchange appends", m)
	}
	peers[0].Send(reply(m))
	if err := testkit.Receive(t, errs, "a result"); err != nil {
		t.Error(err)
	}
}

// TestDealerMatchesByID answers calls in reverse order.
func TestDealerMatchesByID(t *testing.T) {
	const n = 200
	d, _, peers := dealing(t, 1)
	errs := calls(t, d, testkit.Within(t), n)
	var got [][][]byte
	for range n {
		got = append(got, peers[0].Message())
	}
	for i := range got {
		peers[0].Send(reply(got[n-1-i]))
	}
	for range n {
		if err := testkit.Receive(t, errs, "a result"); err != nil {
			t.Error(err)
		}
	}
}

// TestDealerIgnoresForeignReplies sends what nobody asked for before the
// right reply.
func TestDealerIgnoresForeignReplies(t *testing.T) {
	d, events, peers := dealing(t, 1)
	errs := calls(t, d, testkit.Within(t), 1)
	m := peers[0].Message()
	id := binary.BigEndian.Uint64(m[0])
	foreign := func(id uint64) []byte {
		return zmtptest.Message(string(binary.BigEndian.AppendUint64(nil, id)), "", "wrong", "reply")
	}
	for name, b := range map[string][]byte{
		"other use of the slot": foreign(id + 1<<32), "use of before": foreign(id - 1<<32),
		"slot that is not there": foreign(id + 1), "largest slot": foreign(id | 0xffffffff), "zero": foreign(0),
		"all ones": foreign(1<<64 - 1), "probe": zmtptest.Message(""),
	} {
		t.Log(name)
		peers[0].Send(b)
	}
	malformed := [][]byte{
		zmtptest.Message("short", "", "x"), zmtptest.Message("12345678"), zmtptest.Message("", ""), zmtptest.Message("12345678", "not empty", "x"), zmtptest.Message("", "12345678", ""),
	}
	for _, b := range malformed {
		peers[0].Send(b)
	}
	events.await(t, link.Malformed, len(malformed))
	peers[0].Send(reply(m))
	if err := testkit.Receive(t, errs, "a result"); err != nil {
		t.Error(err)
	}
	peers[0].Send(reply(m)) // and once more, which is for nobody
	errs = calls(t, d, testkit.Within(t), 1)
	m = peers[0].Message()
	if binary.BigEndian.Uint64(m[0]) == id {
		t.Error("the id was used twice")
	}
	peers[0].Send(reply(m))
	if err := testkit.Receive(t, errs, "a result"); err != nil {
		t.Error(err)
	}
}

// TestDealerShortReplies delivers whatever stands behind the envelope.
func TestDealerShortReplies(t *testing.T) {
	d, _, peers := dealing(t, 1)
	errs := make(chan error, 1)
	a := &ask{}
	go func() { errs <- d.Do(testkit.Within(t), a, testkit.Patience()) }()
	m := peers[0].Message()
	peers[0].Send(reply(m[:2]))
	if err := testkit.Receive(t, errs, "a result"); err != nil || a.delivered.Load() != 1 {
		t.Errorf("%v, delivered %d times", err, a.delivered.Load())
	}
}

// TestDealerLosesItsPeer kills a peer with many calls in flight.
func TestDealerLosesItsPeer(t *testing.T) {
	const n = 1000
	d, events, peers := dealing(t, 1)
	errs := calls(t, d, testkit.Within(t), n)
	for range n {
		peers[0].Message()
	}
	start := time.Now()
	peers[0].Close()
	for range n {
		if err := testkit.Receive(t, errs, "a result"); !errors.As(err, new(*LostError)) {
			t.Errorf("call ended with %v, want a LostError", err)
		}
	}
	t.Logf("%d calls failed within %v", n, time.Since(start))
	events.await(t, link.Disconnected, 1)
}

// TestDealerPeerSendsGarbage ends the connection and the calls on it only.
func TestDealerPeerSendsGarbage(t *testing.T) {
	d, _, peers := dealing(t, 2)
	errs := calls(t, d, testkit.Within(t), 2) // one on each
	first, second := peers[0].Message(), peers[1].Message()
	peers[0].Send([]byte{0xff})
	var lost *LostError
	if err := testkit.Receive(t, errs, "a result"); !errors.As(err, &lost) || !errors.Is(err, zmtp.ErrReservedFlags) {
		t.Errorf("call ended with %v, want a LostError that names the cause", err)
	}
	peers[1].Send(reply(second))
	if err := testkit.Receive(t, errs, "a result"); err != nil {
		t.Error(err)
	}
	_ = first
}

// TestDealerChoosesTheLeastLoaded keeps one peer from answering.
func TestDealerChoosesTheLeastLoaded(t *testing.T) {
	d, _, peers := dealing(t, 2)
	ctx := testkit.Within(t)
	stuck := calls(t, d, ctx, 2)
	held := peers[0].Message()
	peers[1].Send(reply(peers[1].Message()))
	if err := testkit.Receive(t, stuck, "a result"); err != nil {
		t.Fatal(err)
	}
	for range 20 { // one at a time: all go to the peer that has none in flight
		errs := calls(t, d, ctx, 1)
		peers[1].Send(reply(peers[1].Message()))
		if err := testkit.Receive(t, errs, "a result"); err != nil {
			t.Fatal(err)
		}
	}
	peers[0].Send(reply(held))
	if err := testkit.Receive(t, stuck, "a result"); err != nil {
		t.Error(err)
	}
	all := calls(t, d, ctx, 10) // at once, none answered before all are sent: five each
	var answers [2][]byte
	for i, p := range peers {
		for range 5 {
			answers[i] = append(answers[i], reply(p.Message())...)
		}
	}
	for i, p := range peers {
		p.Send(answers[i])
	}
	for range 10 {
		if err := testkit.Receive(t, all, "a result"); err != nil {
			t.Error(err)
		}
	}
}

func TestDealerWaitsForAPeer(t *testing.T) {
	events := newRecorder()
	d := NewDealer(testConfig(zmtp.Dealer, events))
	closing(t, d.Shutdown)
	errs := calls(t, d, testkit.Within(t), 3)
	ep := bind(t, d.Links(), tcp)
	p := zmtptest.DialAs(t, ep, "ROUTER")
	for range 3 {
		p.Send(reply(p.Message()))
	}
	for range 3 {
		if err := testkit.Receive(t, errs, "a result"); err != nil {
			t.Error(err)
		}
	}
}

func TestDealerNotReady(t *testing.T) {
	d := NewDealer(testConfig(zmtp.Dealer, newRecorder()))
	closing(t, d.Shutdown)
	if err := (&ask{ready: 20 * time.Millisecond}).do(t, d, testkit.Within(t)); !errors.Is(err, ErrNotReady) {
		t.Errorf("Do without peers: %v, want ErrNotReady", err)
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if err := (&ask{}).do(t, d, ended); !errors.Is(err, context.Canceled) {
		t.Errorf("Do with a context that has ended: %v", err)
	}
	connect(t, d.Links(), zmtptest.Nobody(t))
	short, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := (&ask{}).do(t, d, short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Do with a short context: %v", err)
	}
	waiting := calls(t, d, testkit.Within(t), 10)
	if err := d.Shutdown(testkit.Within(t)); err != nil {
		t.Error(err)
	}
	for range 10 {
		if err := testkit.Receive(t, waiting, "a result"); !errors.Is(err, link.ErrClosed) {
			t.Errorf("Do during Shutdown: %v, want ErrClosed", err)
		}
	}
	if err := (&ask{}).do(t, d, testkit.Within(t)); !errors.Is(err, link.ErrClosed) {
		t.Errorf("Do after Shutdown: %v, want ErrClosed", err)
	}
}

// TestDealerContextOfTheReader ends the context of a caller that reads the
// connection while others wait: they get their replies.
func TestDealerContextOfTheReader(t *testing.T) {
	const others = 20
	d, _, peers := dealing(t, 1)
	for range 20 {
		var all []context.CancelFunc
		errs := make([]chan error, others)
		for i := range others {
			ctx, cancel := context.WithCancel(testkit.Within(t))
			all = append(all, cancel)
			errs[i] = make(chan error, 1)
			go func() { errs[i] <- (&ask{who: uint64(i), size: 3}).do(t, d, ctx) }()
		}
		got := make(map[uint64][][]byte)
		for range others {
			m := peers[0].Message()
			got[binary.BigEndian.Uint64(m[2])] = m
		}
		for i := range others - 1 { // whoever reads, its turn comes
			all[i]()
			if err := testkit.Receive(t, errs[i], "a result"); !errors.Is(err, context.Canceled) {
				t.Errorf("call %d: %v, want Canceled", i, err)
			}
		}
		for i := range others {
			peers[0].Send(reply(got[uint64(i)]))
		}
		if err := testkit.Receive(t, errs[others-1], "a result"); err != nil {
			t.Errorf("the last call: %v", err)
		}
		all[others-1]()
	}
}

// TestDealerRequestThatCannotBeEncoded leaves nothing on the wire.
func TestDealerRequestThatCannotBeEncoded(t *testing.T) {
	d, _, peers := dealing(t, 1)
	for range 10 {
		if err := (&ask{refuse: true}).do(t, d, testkit.Within(t)); !errors.Is(err, errRefuse) {
			t.Errorf("Do: %v, want the exchange's own error", err)
		}
	}
	errs := calls(t, d, testkit.Within(t), 1)
	peers[0].Send(reply(peers[0].Message()))
	if err := testkit.Receive(t, errs, "a result"); err != nil {
		t.Error(err)
	}
}

// TestDealerWithAFullQueue has a peer that does not read: calls wait, or end
// with their context, and go on when it reads again.
func TestDealerWithAFullQueue(t *testing.T) {
	const n = 200
	events := newRecorder()
	cfg := testConfig(zmtp.Dealer, events)
	cfg.SendQueue = 4
	d := NewDealer(cfg)
	closing(t, d.Shutdown)
	p := zmtptest.DialAs(t, bind(t, d.Links(), "inproc://full-queue"), "ROUTER")
	ctx, cancel := context.WithCancel(testkit.Within(t))
	errs := make(chan error, n)
	for i := range n {
		of := testkit.Within(t)
		if i%2 == 0 {
			of = ctx
		}
		go func() { errs <- (&ask{who: uint64(i), size: 30000}).do(t, d, of) }()
	}
	first := p.Message()
	cancel()
	for range n / 2 {
		if err := testkit.Receive(t, errs, "a result"); !errors.Is(err, context.Canceled) {
			t.Errorf("call ended with %v, want Canceled", err)
		}
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		_, _ = p.Write(reply(first))
		for {
			m := nextOf(p)
			if m == nil {
				return
			}
			if _, err := p.Write(reply(m)); err != nil {
				return
			}
		}
	})
	for range n / 2 {
		if err := testkit.Receive(t, errs, "a result"); err != nil {
			t.Errorf("call ended with %v", err)
		}
	}
	p.Close()
}
