package gozmq

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/internal/testkit"
)

// hedged is an idempotent method whose first call hangs until it is given up.
func hedged(t *testing.T, firsts int32) (m *Method, handlers []Handler, calls *atomic.Int32, gaveUp chan struct{}) {
	m = &Method{Procedure: "test.Service/Hedged", Idempotency: IdempotencyNoSideEffects}
	calls, gaveUp = new(atomic.Int32), make(chan struct{}, 16)
	return m, []Handler{Handle(m, func(ctx context.Context, req *bytez) (*bytez, error) {
		if calls.Add(1) <= firsts {
			<-ctx.Done()
			gaveUp <- struct{}{}
			return nil, ctx.Err()
		}
		return req, nil
	})}, calls, gaveUp
}

// The first reply counts, and the attempts that hang are given up.
func TestHedging(t *testing.T) {
	overEach(t, func(t *testing.T, s site) {
		m, handlers, calls, gaveUp := hedged(t, 2)
		_, c := s.pair(t, handlers, nil, nil)
		var meta ReplyMetadata
		reply, err := Call[bytez](testkit.Within(t), c, m, &bytez{Value: []byte("x")}, WithHedging(3, time.Millisecond), WithReplyMetadata(&meta))
		if err != nil || string(reply.GetValue()) != "x" {
			t.Fatalf("got %v, %v", reply, err)
		}
		for range 2 {
			testkit.Receive(t, gaveUp, "the end of an attempt that is of no more use")
		}
		if n := calls.Load(); n != 3 {
			t.Errorf("%d attempts were made, want 3", n)
		}
	})
}

// Methods that are not idempotent are never called twice; errors that another
// attempt would not mend end the call.
func TestHedgingKnowsItsLimits(t *testing.T) {
	s := site{endpoint: "inproc://" + t.Name()}
	m, handlers, calls, _ := hedged(t, 1)
	unsafe := *m
	unsafe.Idempotency = IdempotencyUnknown
	_, c := s.pair(t, handlers, nil, nil)
	ctx, giveUp := context.WithCancel(testkit.Within(t))
	defer giveUp()
	done := make(chan error, 1)
	go func() {
		_, err := Call[bytez](ctx, c, &unsafe, &bytez{}, WithHedging(3, time.Millisecond))
		done <- err
	}()
	testkit.Eventually(t, "the call", func() bool { return calls.Load() > 0 })
	select {
	case err := <-done:
		t.Fatalf("the call has ended: %v", err)
	case <-time.After(30 * time.Millisecond): // for which two more would have been made
	}
	giveUp()
	wantCode(t, testkit.Receive(t, done, "the end of the call"), CodeCanceled)
	if n := calls.Load(); n != 1 {
		t.Errorf("a method that is not idempotent was called %d times", n)
	}
	unknown := &Method{Procedure: "test.Service/Unknown", Idempotency: IdempotencyIdempotent}
	_, err := Call[bytez](testkit.Within(t), c, unknown, &bytez{}, WithHedging(3, time.Hour))
	wantCode(t, err, CodeUnimplemented)
}

// WithWaitForReady outlasts the time of WithReadyTimeout.
func TestWaitForReady(t *testing.T) {
	endpoint := "inproc://" + t.Name()
	c := dial(t, Connect(endpoint), WithReadyTimeout(time.Millisecond), fast())
	wantCode(t, callEcho(testkit.Within(t), c, "x"), CodeUnavailable)
	done := make(chan error, 1)
	go func() {
		_, err := Call[bytez](testkit.Within(t), c, echoMethod, &bytez{}, WithWaitForReady())
		done <- err
	}()
	serve(t, Bind(endpoint), echoHandlers())
	if err := testkit.Receive(t, done, "the answer"); err != nil {
		t.Error(err)
	}
}

// Calls beyond the limit wait their turn; more than may wait are refused.
func TestWaitingCallsTakeTurns(t *testing.T) {
	h := newStuck(t)
	s := serve(t, Bind("inproc://"+t.Name()), h.handlers(), WithConcurrency(2), WithMaxWaiting(3))
	c := dial(t, Connect(s.addr()))
	ends := make(chan error, 8)
	call := func(ctx context.Context) { go func() { ends <- callEcho(ctx, c, "x") }() }
	for range 2 {
		call(testkit.Within(t))
		testkit.Receive(t, h.called, "a call that runs")
	}
	waiting, giveUp := context.WithCancel(testkit.Within(t))
	call(waiting)
	testkit.Eventually(t, "a call that waits", func() bool { return s.waiting() == 1 })
	for range 2 {
		call(testkit.Within(t))
	}
	testkit.Eventually(t, "three calls that wait", func() bool { return s.waiting() == 3 })
	wantCode(t, callEcho(testkit.Within(t), c, "x"), CodeResourceExhausted, "2 calls already, and 3 wait")
	giveUp() // gives its place to another
	wantCode(t, testkit.Receive(t, ends, "the end of the call that was given up"), CodeCanceled)
	testkit.Eventually(t, "two calls that wait", func() bool { return s.waiting() == 2 })
	if len(h.called) != 0 {
		t.Error("a call ran beyond the limit")
	}
	h.free()
	for range 4 {
		if err := testkit.Receive(t, ends, "an answer"); err != nil {
			t.Error(err)
		}
	}
}

func (s *Server) waiting() int { return s.engine.Counts().Waiting }

// A slowCodec takes its time over the second message that it encodes.
type slowCodec struct {
	Codec
	encoded                  atomic.Int32
	second, release, decoded chan struct{}
	first                    sync.Once
}

func (c *slowCodec) Size(m proto.Message) int { return proto.Size(m) }

func (c *slowCodec) MarshalAppend(b []byte, m proto.Message, _ int) ([]byte, error) {
	if c.encoded.Add(1) == 2 {
		close(c.second)
		<-c.release
	}
	return proto.MarshalOptions{}.MarshalAppend(b, m)
}

func (c *slowCodec) Unmarshal(b []byte, m proto.Message) error {
	c.first.Do(func() { close(c.decoded) })
	return proto.Unmarshal(b, m)
}

// A call returns when none of its attempts uses the request any more: it is the
// caller's then.
func TestHedgingGivesTheRequestBack(t *testing.T) {
	codec := &slowCodec{second: make(chan struct{}), release: make(chan struct{}), decoded: make(chan struct{})}
	m := &Method{Procedure: "test.Service/Hedged", Idempotency: IdempotencyNoSideEffects}
	var calls atomic.Int32
	handlers := []Handler{Handle(m, func(_ context.Context, req *bytez) (*bytez, error) {
		if calls.Add(1) == 1 {
			<-codec.second
		}
		return req, nil
	})}
	// Two servers: nothing is written on a connection while a request is being
	// encoded for it, and the first attempt is to be answered meanwhile.
	s1, s2 := serve(t, Bind("tcp://127.0.0.1:*"), handlers), serve(t, Bind("tcp://127.0.0.1:*"), handlers)
	c := dial(t, Connect(s1.addr(), s2.addr()), WithCodec(codec))
	testkit.Eventually(t, "both servers", func() bool { return c.client.Dealer.Peers() == 2 })
	release := sync.OnceFunc(func() { close(codec.release) })
	t.Cleanup(release)
	done := make(chan error, 1)
	go func() {
		_, err := Call[bytez](testkit.Within(t), c, m, &bytez{Value: []byte("x")}, WithHedging(2, 1))
		done <- err
	}()
	testkit.Receive(t, codec.decoded, "the first answer")
	for range 1000 { // who does not wait had better return now
		runtime.Gosched()
	}
	select {
	case err := <-done:
		t.Errorf("the call has returned %v while its request is being encoded", err)
		done <- err
	default:
	}
	release()
	if err := testkit.Receive(t, done, "the end of the call"); err != nil {
		t.Error(err)
	}
}
