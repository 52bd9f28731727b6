package gozmq

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/internal/testkit"
)

// Each of the fifteen complaints that users of other libraries have about their
// streams has a test, here or in a file stream_*_test.go beside this one.
//
//	 1  an unread stream leaks          TestStreamNotReadToItsEnd
//	                                    TestManyAbandonedStreams
//	 2  Send hides the reason (io.EOF)  TestStreamSendTellsWhy
//	                                    TestStreamNeverEndsWithEOF
//	 3  Recv hangs after Send failed    TestStreamReceiveAfterSendFailed
//	 4  both send and nobody reads      TestStreamBothSendNobodyReceives
//	 5  a blocked one is not canceled   TestStreamBlockedCanBeCanceled
//	 6  an unread one stalls all        TestStreamUnreadBesideOthers
//	 7  concurrent Send is a race       TestStreamConcurrentSend
//	 8  Send races with the return      TestStreamSendRacingReturn
//	 9  graceful stop hangs             TestStreamGracefulStop
//	                                    TestStreamStopWithStubbornHandler
//	10  a deadline ends long streams    TestStreamTimeouts
//	11  half-close is confusing         TestStreamHalfClose
//	12  windows are too small           TestStreamWindowGrows
//	13  no retry before the first       TestStreamRetry
//	    message                         TestStreamHedging
//	14  they stay on one server         TestStreamMovesToOtherServers
//	                                    TestStreamReopensElsewhere
//	15  interceptors of another type    TestStreamInterceptors

var here = site{endpoint: "tcp://127.0.0.1:*"}

// endless serves watchMethod with messages of that size until Send fails, and sends
// why to ended.
func endless(size int, ended chan<- error) []Handler {
	return watching(func(ctx context.Context, _ *bytez, s ServerStream) error {
		m := textOf(strings.Repeat("x", size))
		for {
			if err := s.Send(ctx, m); err != nil {
				ended <- err
				return err
			}
		}
	})
}

// TestStreamNotReadToItsEnd: a stream that is left leaks nothing, whether it is
// closed, its context ends, or its handle is dropped.
func TestStreamNotReadToItsEnd(t *testing.T) {
	const n = 300
	ended := make(chan error, n)
	_, c := here.pair(t, endless(10, ended), nil, nil)
	for name, leave := range map[string]func(s Stream, cancel func()){
		"closed":        func(s Stream, _ func()) { s.Close(); s.Close() },
		"context ended": func(_ Stream, cancel func()) { cancel() },
		"dropped":       func(Stream, func()) {},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := testkit.Within(t)
			for range n {
				func() {
					ctx, cancel := context.WithCancel(ctx)
					t.Cleanup(cancel)
					s := c.Stream(ctx, watchMethod)
					mustSend(t, s, "")
					if more, err := s.Receive(ctx, new(bytez)); !more {
						t.Fatal(err)
					}
					leave(s, cancel)
				}()
			}
			for range n {
				for got := false; !got; {
					select {
					case err := <-ended:
						wantCode(t, err, CodeCanceled)
						got = true
					case <-time.After(10 * time.Millisecond):
						runtime.GC() // for those that were dropped
					case <-ctx.Done():
						t.Fatal("a handler goes on")
					}
				}
			}
		})
	}
}

// TestStreamSendTellsWhy: Send returns the error that the server ended the call
// with.
func TestStreamSendTellsWhy(t *testing.T) {
	_, c := here.pair(t, chatting(func(context.Context, ServerStream) error {
		return Errorf(CodePermissionDenied, "not you")
	}), nil, nil)
	s := c.Stream(testkit.Within(t), chatMethod)
	var err error
	for err == nil {
		err = s.Send(testkit.Within(t), textOf("x"))
	}
	wantCode(t, err, CodePermissionDenied, "not you")
	wantCode(t, s.Send(testkit.Within(t), textOf("x")), CodePermissionDenied, "not you")
	wantFailure(t, s, CodePermissionDenied, "not you")
}

// TestStreamSendAfterGoodEnd: there is no reason then but that the call is over.
func TestStreamSendAfterGoodEnd(t *testing.T) {
	_, c := here.pair(t, chatting(func(context.Context, ServerStream) error { return nil }), nil, nil)
	s := c.Stream(testkit.Within(t), chatMethod)
	var err error
	for err == nil {
		err = s.Send(testkit.Within(t), textOf("x"))
	}
	wantCode(t, err, CodeFailedPrecondition, "the call is over")
	wantEnd(t, s)
}

// TestStreamReceiveAfterSendFailed: Receive returns once Send has failed.
func TestStreamReceiveAfterSendFailed(t *testing.T) {
	r, c := here.pair(t, chatting(func(ctx context.Context, s ServerStream) error { <-ctx.Done(); return ctx.Err() }),
		[]ServerOption{WithDrainTimeout(0)}, nil)
	s := c.Stream(testkit.Within(t), chatMethod)
	mustSend(t, s, "x")
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	var err error
	for err == nil {
		err = s.Send(testkit.Within(t), textOf("x"))
	}
	wantCode(t, err, CodeUnavailable)
	wantFailure(t, s, CodeUnavailable)
}

// firstWindow is how many messages a stream may send to who does not receive.
const firstWindow = 64

// untilFull sends as many messages as go, and checks that one more times out.
func untilFull(ctx context.Context, send func(context.Context, proto.Message) error) error {
	for n := range firstWindow {
		if err := send(ctx, textOf(strconv.Itoa(n))); err != nil {
			return fmt.Errorf("message %d: %w", n, err)
		}
	}
	short, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
	defer cancel()
	if err := send(short, textOf("one too many")); CodeOf(err) != CodeDeadlineExceeded {
		return fmt.Errorf("one message too many: %w", err)
	}
	return nil
}

// TestStreamBothSendNobodyReceives: each Send can time out, nothing was sent by it,
// and the stream goes on.
func TestStreamBothSendNobodyReceives(t *testing.T) {
	served := make(chan error, 1)
	goOn := make(chan struct{})
	_, c := here.pair(t, chatting(func(ctx context.Context, s ServerStream) error {
		served <- untilFull(ctx, s.Send)
		<-goOn
		for i := 0; ; i++ {
			m := new(bytez)
			more, err := s.Receive(m)
			if err != nil || !more {
				return err
			}
			if string(m.GetValue()) != strconv.Itoa(i) {
				return Errorf(CodeDataLoss, "got %q in place of %d", m.GetValue(), i)
			}
		}
	}), nil, nil)
	s := c.Stream(testkit.Within(t), chatMethod)
	if err := untilFull(testkit.Within(t), s.Send); err != nil {
		t.Errorf("the client: %v", err)
	}
	if err := testkit.Receive(t, served, "what the server has sent"); err != nil {
		t.Errorf("the server: %v", err)
	}
	close(goOn)
	for i := range firstWindow {
		wantMessage(t, s, strconv.Itoa(i))
	}
	mustSend(t, s, strconv.Itoa(firstWindow))
	if err := s.CloseSend(testkit.Within(t)); err != nil {
		t.Fatal(err)
	}
	wantEnd(t, s)
}

// TestStreamBlockedCanBeCanceled: a server's Send that waits for credit ends
// with its context, when the client cancels, when its deadline passes, and when
// it is gone.
func TestStreamBlockedCanBeCanceled(t *testing.T) {
	ended := make(chan error, 1)
	_, c := here.pair(t, endless(1000, ended), nil, nil)
	blocked := func(t *testing.T, ctx context.Context, c *Conn) Stream {
		s := c.Stream(ctx, watchMethod)
		mustSend(t, s, "")
		wantMessage(t, s, strings.Repeat("x", 1000))
		time.Sleep(20 * time.Millisecond) // so that it is blocked, as a rule
		return s
	}
	t.Run("canceled", func(t *testing.T) {
		blocked(t, testkit.Within(t), c).Close()
		wantCode(t, <-ended, CodeCanceled)
	})
	t.Run("deadline", func(t *testing.T) {
		ctx := timed{testkit.Within(t), make(chan struct{})}
		s := blocked(t, ctx, c)
		close(ctx.over)
		err := <-ended
		if code := CodeOf(err); code != CodeDeadlineExceeded && code != CodeCanceled {
			t.Error(err)
		}
		for more := true; more; { // what had come may be received
			if more, err = s.Receive(testkit.Within(t), new(bytez)); !more {
				wantCode(t, err, CodeDeadlineExceeded)
			}
		}
	})
	t.Run("gone", func(t *testing.T) {
		other := dial(t, Connect(c.client.Dealer.Links().Stats().Peers[0].Endpoint))
		s := blocked(t, testkit.Within(t), other)
		if err := other.Close(); err != nil {
			t.Error(err)
		}
		wantCode(t, <-ended, CodeUnavailable)
		for range 1000 {
			if more, err := s.Receive(testkit.Within(t), new(bytez)); !more {
				wantCode(t, err, CodeUnavailable)
				return
			}
		}
		t.Error("the stream goes on")
	})
}

// TestStreamUnreadBesideOthers: a stream that nobody reads holds up neither
// calls nor other streams of its connection, in either direction.
func TestStreamUnreadBesideOthers(t *testing.T) {
	ended := make(chan error, 10)
	_, c := here.pair(t, append(endless(1000, ended), append(echoing(), echoHandlers()...)...), nil, nil)
	for range 5 {
		s := watch(t, c, "")
		defer s.Close()
	}
	stuck := c.Stream(testkit.Within(t), chatMethod) // whose handler waits in Send, and does not receive
	defer stuck.Close()
	short, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	for stuck.Send(short, textOf(strings.Repeat("x", 1000))) == nil {
	}
	chat := c.Stream(testkit.Within(t), chatMethod)
	for i := range 2000 {
		mustSend(t, chat, strconv.Itoa(i))
		wantMessage(t, chat, strconv.Itoa(i))
		mustEcho(t, c)
	}
}

// TestStreamConcurrentSend: any number of goroutines may send, on either side.
func TestStreamConcurrentSend(t *testing.T) {
	const senders, each = 8, 500
	sendAll := func(send func(m proto.Message) error) error {
		var wg sync.WaitGroup
		var failed atomic.Pointer[error]
		for i := range senders {
			wg.Go(func() {
				for j := range each {
					if err := send(textOf(fmt.Sprintf("%d %d", i, j))); err != nil {
						failed.Store(&err)
						return
					}
				}
			})
		}
		wg.Wait()
		if err := failed.Load(); err != nil {
			return *err
		}
		return nil
	}
	check := func(receive func(m *bytez) (bool, error)) error {
		next := make([]int, senders)
		for range senders * each {
			m := new(bytez)
			if more, err := receive(m); err != nil || !more {
				return fmt.Errorf("%v, %w", more, err)
			}
			var i, j int
			if _, err := fmt.Sscanf(string(m.GetValue()), "%d %d", &i, &j); err != nil {
				return err
			}
			if next[i] != j {
				return fmt.Errorf("message %d of sender %d came in place of %d", j, i, next[i])
			}
			next[i]++
		}
		return nil
	}
	_, c := here.pair(t, chatting(func(ctx context.Context, s ServerStream) error {
		sent := make(chan error, 1)
		go func() { sent <- sendAll(func(m proto.Message) error { return s.Send(ctx, m) }) }()
		err := check(func(m *bytez) (bool, error) { return s.Receive(m) })
		return errors.Join(err, <-sent)
	}), nil, nil)
	ctx := testkit.Within(t)
	s := c.Stream(ctx, chatMethod)
	sent := make(chan error, 1)
	go func() { sent <- sendAll(func(m proto.Message) error { return s.Send(ctx, m) }) }()
	if err := check(func(m *bytez) (bool, error) { return s.Receive(ctx, m) }); err != nil {
		t.Error(err)
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
	wantEnd(t, s)
}

// TestStreamSendRacingReturn: a Send that the handler has left behind fails, and
// nothing of it comes after the end.
func TestStreamSendRacingReturn(t *testing.T) {
	var left sync.WaitGroup
	_, c := here.pair(t, watching(func(ctx context.Context, _ *bytez, s ServerStream) error {
		began := make(chan struct{})
		left.Go(func() {
			close(began)
			for {
				if err := s.Send(context.Background(), textOf("x")); err != nil {
					if code := CodeOf(err); code != CodeFailedPrecondition && code != CodeCanceled {
						t.Error(err)
					}
					return
				}
			}
		})
		<-began
		return nil
	}), nil, nil)
	for range 200 {
		s := watch(t, c, "")
		for more := true; more; {
			var err error
			if more, err = s.Receive(testkit.Within(t), new(bytez)); err != nil {
				t.Fatal(err)
			}
		}
	}
	left.Wait()
}

// TestStreamGracefulStop: the handlers are told, may say goodbye, and a client
// learns that it may open its stream again.
func TestStreamGracefulStop(t *testing.T) {
	told := make(chan error, 1)
	r, c := here.pair(t, append(watching(func(ctx context.Context, _ *bytez, s ServerStream) error {
		if err := s.Send(ctx, textOf("hello")); err != nil {
			return err
		}
		<-ctx.Done()
		told <- context.Cause(ctx)
		if err := s.Send(ctx, textOf("goodbye")); err != nil {
			return err
		}
		return ctx.Err()
	}), echoing()...), []ServerOption{WithDrainTimeout(time.Minute)}, nil)
	s := watch(t, c, "")
	wantMessage(t, s, "hello")
	chat := c.Stream(testkit.Within(t), chatMethod)
	mustSend(t, chat, "x")
	wantMessage(t, chat, "x")
	stopped := make(chan error, 1)
	go func() { stopped <- r.stop() }()
	if err := <-told; !errors.Is(err, ErrDraining) {
		t.Errorf("the cause is %v", err)
	}
	wantMessage(t, s, "goodbye")
	wantFailure(t, s, CodeUnavailable, "open the stream again")
	wantFailure(t, chat, CodeUnavailable) // its handler only receives
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

// TestStreamStopWithStubbornHandler: a stream whose handler does not leave ends
// after the drain timeout.
func TestStreamStopWithStubbornHandler(t *testing.T) {
	release := make(chan struct{})
	r, c := here.pair(t, watching(func(ctx context.Context, _ *bytez, s ServerStream) error {
		_ = s.Send(ctx, textOf("hello"))
		<-release
		return nil
	}), []ServerOption{WithDrainTimeout(50 * time.Millisecond)}, nil)
	s := watch(t, c, "")
	wantMessage(t, s, "hello")
	stopped := make(chan error, 1)
	go func() { stopped <- r.stop() }()
	wantFailure(t, s, CodeUnavailable, "the server is stopping")
	close(release)
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

// TestStreamTimeouts: a stream may last as long as it is in use.
func TestStreamTimeouts(t *testing.T) {
	const short = 100 * time.Millisecond
	idle := func(served chan error) []Handler {
		return chatting(func(ctx context.Context, s ServerStream) error {
			for {
				m := new(bytez)
				more, err := s.Receive(m)
				if err != nil || !more {
					served <- err
					return err
				}
				if err := s.Send(ctx, m); err != nil {
					return err
				}
			}
		})
	}
	use := func(t *testing.T, s Stream) {
		for begin := time.Now(); time.Since(begin) < 3*short; time.Sleep(short / 10) {
			mustSend(t, s, "x")
			wantMessage(t, s, "x")
		}
	}
	bubble(t, "idle, client's", func(t *testing.T) {
		served := make(chan error, 1)
		_, c := inproc().pair(t, idle(served), nil, nil)
		s := c.Stream(testkit.Within(t), chatMethod, WithIdleTimeout(short))
		use(t, s)
		wantFailure(t, s, CodeDeadlineExceeded, "either direction")
		wantCode(t, <-served, CodeCanceled)
	})
	bubble(t, "idle, server's", func(t *testing.T) {
		served := make(chan error, 1)
		_, c := inproc().pair(t, idle(served), []ServerOption{WithIdleTimeout(short)}, nil)
		s := c.Stream(testkit.Within(t), chatMethod)
		use(t, s)
		wantFailure(t, s, CodeDeadlineExceeded, "either direction")
		wantCode(t, <-served, CodeDeadlineExceeded)
	})
	bubble(t, "message", func(t *testing.T) {
		served := make(chan error, 1)
		_, c := inproc().pair(t, idle(served), nil, nil)
		s := c.Stream(testkit.Within(t), chatMethod, WithMessageTimeout(short))
		use(t, s)
		time.Sleep(2 * short) // nobody waits
		use(t, s)
		wantFailure(t, s, CodeDeadlineExceeded, "waited for a message")
		wantCode(t, <-served, CodeCanceled)
	})
	bubble(t, "one Receive", func(t *testing.T) {
		_, c := inproc().pair(t, idle(make(chan error, 1)), nil, nil)
		s := c.Stream(testkit.Within(t), chatMethod)
		for range 3 {
			ctx, cancel := context.WithTimeout(t.Context(), short/5)
			if more, err := s.Receive(ctx, new(bytez)); !more || CodeOf(err) != CodeDeadlineExceeded {
				t.Errorf("got %v, %v", more, err)
			}
			cancel()
			mustSend(t, s, "x")
			wantMessage(t, s, "x")
		}
	})
	bubble(t, "the call's", func(t *testing.T) {
		_, c := inproc().pair(t, idle(make(chan error, 1)), nil, nil)
		s := c.Stream(testkit.Within(t), chatMethod, WithTimeout(short))
		mustSend(t, s, "x")
		wantMessage(t, s, "x")
		wantFailure(t, s, CodeDeadlineExceeded)
	})
}

// TestStreamHalfClose: after CloseSend the client still receives, and Send
// fails; the handler's loop ends well.
func TestStreamHalfClose(t *testing.T) {
	_, c := here.pair(t, chatting(func(ctx context.Context, s ServerStream) error {
		n := 0
		for {
			more, err := s.Receive(new(bytez))
			if err != nil {
				return err
			}
			if !more {
				break
			}
			n++
		}
		for i := range n {
			if err := s.Send(ctx, textOf(strconv.Itoa(i))); err != nil {
				return err
			}
		}
		return nil
	}), nil, nil)
	for _, n := range []int{0, 1, 200} {
		s := c.Stream(testkit.Within(t), chatMethod)
		for range n {
			mustSend(t, s, "x")
		}
		for range 2 {
			if err := s.CloseSend(testkit.Within(t)); err != nil {
				t.Fatal(err)
			}
		}
		wantCode(t, s.Send(testkit.Within(t), textOf("x")), CodeFailedPrecondition, "CloseSend")
		for i := range n {
			wantMessage(t, s, strconv.Itoa(i))
		}
		wantEnd(t, s)
		if err := s.CloseSend(testkit.Within(t)); err != nil {
			t.Error(err)
		}
	}
}

// TestStreamMessagesOfAnySize: also one larger than the window goes through.
func TestStreamMessagesOfAnySize(t *testing.T) {
	_, c := here.pair(t, echoing(), nil, nil)
	s := c.Stream(testkit.Within(t), chatMethod)
	for _, size := range []int{0, 1, 255, 256, 64 << 10, 1 << 20, 3 << 20} {
		want := bytes.Repeat([]byte{7}, size)
		mustSend(t, s, string(want))
		wantMessage(t, s, string(want))
	}
	wantCode(t, s.Send(testkit.Within(t), textOf(strings.Repeat("x", 5<<20))), CodeResourceExhausted, "exceeds the limit")
	mustSend(t, s, "x")
	wantMessage(t, s, "x")
}

// TestStreamMovesToOtherServers: after WithMaxStreamAge the handler is told, and a
// stubborn one is ended.
func TestStreamMovesToOtherServers(t *testing.T) {
	told := make(chan error, 1)
	release := make(chan struct{})
	_, c := here.pair(t, append(watching(func(ctx context.Context, req *bytez, s ServerStream) error {
		<-ctx.Done()
		told <- context.Cause(ctx)
		if string(req.GetValue()) == "stubborn" {
			<-release
		}
		return ctx.Err()
	}), echoHandlers()...), []ServerOption{WithMaxStreamAge(50 * time.Millisecond), WithDrainTimeout(time.Second)}, nil)
	for _, how := range []string{"", "stubborn"} {
		s := watch(t, c, how)
		wantFailure(t, s, CodeUnavailable, "too old")
		if err := <-told; !errors.Is(err, ErrDraining) {
			t.Errorf("the cause is %v", err)
		}
	}
	close(release)
	mustEcho(t, c)
}
