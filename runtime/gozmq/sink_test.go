package gozmq

import (
	"context"
	"sync"
	"testing"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// Tasks may go straight to a sink: a puller of one message type.
var bareTask = &Method{Procedure: "test.Number", Bare: true}

func TestSinkBare(t *testing.T) {
	const n = 2000
	everywhere(t, func(t *testing.T, s site) {
		var v *Ventilator
		var k *Sink
		if s.swapped {
			v = ventilator(t, Bind(s.endpoint))
			k = sink(t, Connect(v.Addrs()...))
		} else {
			k = sink(t, Bind(s.endpoint))
			v = ventilator(t, Connect(k.Addrs()...))
		}
		go func() {
			for i := range n {
				if err := v.Push(testkit.Within(t), bareTask, wrapperspb.Int64(int64(i))); err != nil {
					t.Error(err)
					return
				}
			}
		}()
		want := int64(0)
		for m, err := range Results[number](testkit.Within(t), k, bareTask) {
			if err != nil || m.GetValue() != want {
				t.Fatalf("got %d, %v, want %d", m.GetValue(), err, want)
			}
			if want++; want == n {
				break
			}
		}
		if want != n {
			t.Fatalf("the iteration ended after %d tasks", want)
		}
	})
}

// feeder opens a sink with a raw PUSH peer.
func feeder(t *testing.T, opts ...SinkOption) (*Sink, *rawPeer) {
	t.Helper()
	k := sink(t, append(opts, Bind("tcp://127.0.0.1:*"))...)
	return k, dialRaw(t, k.Addrs()[0], zmtp.Push)
}

func sendNumbers(t testing.TB, p *rawPeer, m *Method, from, to int64) {
	t.Helper()
	for i := from; i <= to; i++ {
		p.send(m.Procedure, encode(t, wrapperspb.Int64(i)))
	}
}

// An iteration that is broken off and taken up again has lost nothing, in
// whatever way it ended.
func TestSinkBreakAndGoOn(t *testing.T) {
	const n = 5000
	for name, messages := range map[string]int{"large queue": 2 * n, "small queue": 3} {
		t.Run(name, func(t *testing.T) {
			k, raw := feeder(t, WithReceiveQueue(messages, 1<<20))
			go sendNumbers(t, raw, squareMethod, 1, n)
			want := int64(1)
			for step := 1; want <= n; step = step%17 + 1 {
				ctx, cancel := context.WithCancel(testkit.Within(t))
				got := 0
				for m, err := range Results[number](ctx, k, squareMethod) {
					if err != nil || m.GetValue() != want {
						t.Fatalf("got %d, %v, want %d", m.GetValue(), err, want)
					}
					want++
					if got++; got == step || want > n {
						if step%2 == 0 {
							break
						}
						cancel()
					}
				}
				cancel()
			}
		})
	}
}

// Several iterators on one method share what comes; Close ends all of them.
func TestSinkCloseEndsEveryIterator(t *testing.T) {
	const n, iterators = 1000, 4
	k, raw := feeder(t)
	var mu sync.Mutex
	seen := make(map[int64]int)
	all := make(chan struct{})
	var wg sync.WaitGroup
	for range iterators {
		wg.Go(func() {
			for m, err := range Results[number](context.Background(), k, squareMethod) {
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				seen[m.GetValue()]++
				if len(seen) == n {
					close(all)
				}
				mu.Unlock()
			}
		})
	}
	sendNumbers(t, raw, squareMethod, 1, n)
	testkit.Receive(t, all, "every result")
	if err := k.Close(); err != nil {
		t.Error(err)
	}
	ended := make(chan struct{})
	go func() { wg.Wait(); close(ended) }()
	testkit.Receive(t, ended, "the end of every iteration")
	for i := int64(1); i <= n; i++ {
		if seen[i] != 1 {
			t.Fatalf("result %d came %d times", i, seen[i])
		}
	}
	for range Results[number](context.Background(), k, squareMethod) {
		t.Error("a sink that is closed yields something")
	}
	if err := k.Close(); err != nil {
		t.Errorf("Close again: %v", err)
	}
}

// What nobody iterates over waits with its sender, is reported, and comes when
// someone does.
func TestSinkResultsWait(t *testing.T) {
	const n = 500
	events := newRecorder()
	k, raw := feeder(t, events.option())
	sendNumbers(t, raw, logMethod, 1, n)
	sendNumbers(t, raw, squareMethod, 1, n)
	squared := results(t, k)
	if e := events.wait(t, EventUnclaimed, 1); e.Procedure != logMethod.Procedure || e.SocketType != "PULL" || e.Peer == "" {
		t.Errorf("the event says %+v", e)
	}
	other := dialRaw(t, k.Addrs()[0], zmtp.Push) // is not held up
	sendNumbers(t, other, squareMethod, 0, 0)
	if got := squared.next(t).GetValue(); got != 0 {
		t.Fatalf("got %d from another peer, want 0", got)
	}
	logged := follow(t, func(ctx context.Context) seq[*number] { return Results[number](ctx, k, logMethod) })
	for _, s := range []*stream[*number]{logged, squared} {
		for want := int64(1); want <= n; want++ {
			if got := s.next(t).GetValue(); got != want {
				t.Fatalf("got %d, want %d", got, want)
			}
		}
	}
}

// Close does not wait for someone to iterate.
func TestSinkCloseWithResultsUnclaimed(t *testing.T) {
	events := newRecorder()
	k, raw := feeder(t, events.option())
	r := results(t, k)
	sendNumbers(t, raw, logMethod, 1, 10)
	events.wait(t, EventUnclaimed, 1)
	if err := k.Close(); err != nil {
		t.Error(err)
	}
	r.wantEnd(t)
}

// Results that wait until their queue is full hold up the senders, and come
// all when someone iterates.
func TestSinkBackPressure(t *testing.T) {
	p := site{endpoint: "tcp://127.0.0.1:*"}.pipeline(t, []VentilatorOption{WithSendQueue(10, 1<<20)}, []SinkOption{WithReceiveQueue(10, 1<<20)})
	work(t, squaring(squares), p.from, p.to, WithSendQueue(10, 1<<20))
	const n = 5000
	go p.push(t, n)
	p.wantSquares(t, n)
}

func TestSinkFrames(t *testing.T) {
	two := encode(t, wrapperspb.Int64(2))
	events := newRecorder()
	k, raw := feeder(t, events.option())
	r := results(t, k)
	raw.send(squareMethod.Procedure, "\xff")
	raw.send(squareMethod.Procedure, two, "", "")
	raw.send(squareMethod.Procedure, two, "a header of the future")
	wantCode(t, r.nextError(t), CodeDataLoss, "decode google.protobuf.Int64Value of 1 bytes")
	if got := r.next(t).GetValue(); got != 2 {
		t.Errorf("got %d", got)
	}
	wantText(t, events.wait(t, EventMalformed, 1).Err, "result: ", "4 frames")
}

func TestSinkContext(t *testing.T) {
	k, _ := feeder(t)
	s := results(t, k)
	s.stop()
	s.wantEnd(t)
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	for range Results[number](ended, k, squareMethod) {
		t.Error("a context that has ended yields something")
	}
}
