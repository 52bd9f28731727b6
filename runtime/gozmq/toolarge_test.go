package gozmq

import (
	"context"
	"encoding/binary"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// retried is a method whose calls are made again, on any server, where that may
// help.
var retried = &Method{Procedure: echoMethod.Procedure, Idempotency: IdempotencyNoSideEffects, MaxAttempts: 5}

func sized(n int) *bytez { return wrapperspb.Bytes(make([]byte, n)) }

// hideLimit has a socket announce no limit, as those of libzmq do.
func hideLimit() SocketOption { return socketOption(func(c *socketConfig) { c.HideLimit = true }) }

// A request beyond the limit that the server announces is not sent, and a reply
// beyond the client's fails its call; both tell the sizes, and nothing is
// passed over.
func TestBeyondTheAnnouncedLimits(t *testing.T) {
	everywhere(t, func(t *testing.T, s site) {
		var ran atomic.Int32
		events, own := newRecorder(), newRecorder()
		_, c := s.pair(t, append(growHandlers(&ran, growMethod), echoHandlers()...),
			[]ServerOption{WithMaxMessageSize(2 * small), events.option()}, []DialOption{WithMaxMessageSize(small), own.option()})
		mustEcho(t, c)
		_, err := Call[bytez](testkit.Within(t), c, retried, sized(small-10))
		if err != nil {
			t.Error(err)
		}
		err = grow(testkit.Within(t), c, growMethod, 3*small/2)
		wantCode(t, err, CodeResourceExhausted, growMethod.Procedure, "6147 bytes", "the client's limit of 4096", "WithMaxMessageSize")
		mustEcho(t, c)
		if n := events.count(EventMalformed) + own.count(EventMalformed); n > 0 {
			t.Errorf("%d messages were passed over", n)
		}
		events.wantHeld(t)
		own.wantHeld(t)
	})
	t.Run("request", func(t *testing.T) {
		events := newRecorder()
		_, c := site{endpoint: "tcp://127.0.0.1:*"}.pair(t, echoHandlers(), []ServerOption{WithMaxMessageSize(small), events.option()}, nil)
		for range 3 {
			_, err := Call[bytez](testkit.Within(t), c, retried, sized(100*small))
			wantCode(t, err, CodeResourceExhausted, retried.Procedure, "409604 bytes", "the server's limit of 4096", "WithMaxMessageSize")
		}
		mustEcho(t, c)
		if n := events.count(EventMalformed); n > 0 {
			t.Errorf("%d requests were passed over", n)
		}
		events.wantHeld(t)
	})
}

// A request beyond the server's limit fails alone, and is not made again.
func TestRequestBeyondTheServersLimit(t *testing.T) {
	everywhere(t, func(t *testing.T, s site) {
		h, events, own := newStuck(t), newRecorder(), newRecorder()
		_, c := s.pair(t, h.handlers(), []ServerOption{WithMaxMessageSize(small), hideLimit(), events.option()}, []DialOption{own.option()})
		waiting := make(chan error, 1)
		go func() { waiting <- callEcho(testkit.Within(t), c, "waits") }()
		testkit.Receive(t, h.called, "a call in the handler")
		for n := range 3 {
			_, err := Call[bytez](testkit.Within(t), c, retried, sized(100*small))
			wantCode(t, err, CodeResourceExhausted, retried.Procedure, "409604 bytes", "the server's limit of 4096", "WithMaxMessageSize")
			e := events.wait(t, EventMalformed, n+1)
			wantText(t, e.Err, "passed over", "409604 bytes")
		}
		h.free()
		if err := testkit.Receive(t, waiting, "the answer"); err != nil {
			t.Error(err)
		}
		mustEcho(t, c)
		if n := events.count(EventMalformed); n != 3 {
			t.Errorf("3 calls were %d requests", n)
		}
		events.wantHeld(t)
		own.wantHeld(t)
	})
}

// It does not go from one server to the next.
func TestRequestBeyondEveryLimit(t *testing.T) {
	events := newRecorder()
	a := serve(t, Bind("tcp://127.0.0.1:*"), echoHandlers(), WithMaxMessageSize(small), hideLimit(), events.option())
	b := serve(t, Bind("tcp://127.0.0.1:*"), echoHandlers(), WithMaxMessageSize(small), hideLimit(), events.option())
	c := dial(t, Connect(a.addr(), b.addr()))
	events.wait(t, EventConnected, 2)
	for n := range 4 {
		_, err := Call[bytez](testkit.Within(t), c, retried, sized(2*small), WithHedging(2, testkit.Patience()))
		wantCode(t, err, CodeResourceExhausted)
		events.wait(t, EventMalformed, n+1)
	}
	mustEcho(t, c)
	if n := events.count(EventMalformed); n != 4 {
		t.Errorf("4 calls were %d requests", n)
	}
	events.wantHeld(t)
}

// growMethod answers with as many bytes as the request says.
var growMethod = &Method{Procedure: "test.Service/Grow", Idempotency: IdempotencyNoSideEffects, MaxAttempts: 5}

func growHandlers(ran *atomic.Int32, m *Method) []Handler {
	return []Handler{Handle(m, func(_ context.Context, req *bytez) (*bytez, error) {
		ran.Add(1)
		return sized(int(binary.BigEndian.Uint32(req.GetValue()))), nil
	})}
}

func grow(ctx context.Context, c Caller, m *Method, n int) error {
	_, err := Call[bytez](ctx, c, m, wrapperspb.Bytes(binary.BigEndian.AppendUint32(nil, uint32(n))))
	return err
}

// A reply beyond the client's limit fails its call alone, with any framing.
func TestReplyBeyondTheClientsLimit(t *testing.T) {
	for _, m := range []*Method{growMethod, {Procedure: growMethod.Procedure, Bare: true, Idempotency: IdempotencyNoSideEffects, MaxAttempts: 5}} {
		everywhere(t, func(t *testing.T, s site) {
			var ran atomic.Int32
			events := newRecorder()
			_, c := s.pair(t, growHandlers(&ran, m), nil, []DialOption{WithMaxMessageSize(small), hideLimit(), events.option()})
			for range 3 {
				err := grow(testkit.Within(t), c, m, 100*small)
				wantCode(t, err, CodeResourceExhausted, m.Procedure, "409604 bytes", "the client's limit of 4096", "WithMaxMessageSize")
				if err := grow(testkit.Within(t), c, m, small/2); err != nil {
					t.Error(err)
				}
			}
			if n := ran.Load(); n != 6 {
				t.Errorf("6 calls were carried out %d times", n)
			}
			events.wantHeld(t)
		})
	}
}

// Calls of all sizes, many at a time: each gets the end that its size says.
func TestManyBeyondTheLimits(t *testing.T) {
	overEach(t, func(t *testing.T, s site) {
		var ran atomic.Int32
		events := newRecorder()
		_, c := s.pair(t, append(growHandlers(&ran, growMethod), echoHandlers()...), []ServerOption{WithMaxMessageSize(small)}, []DialOption{WithMaxMessageSize(32 * small), events.option()})
		ctx := testkit.Within(t)
		var calls sync.WaitGroup
		for n := range 16 {
			calls.Go(func() {
				for i := range 30 {
					size := 10
					if i == n { // few enough to go without a rest
						size = []int{2 * small, 20 * small}[n%2]
					}
					_, err := Call[bytez](ctx, c, echoMethod, sized(size))
					if want := size > small; (CodeOf(err) == CodeResourceExhausted) != want || !want && err != nil {
						t.Errorf("request of %d bytes: %v", size, err)
					}
					size = []int{10, small / 2}[(n+i)%2]
					if err := grow(ctx, c, growMethod, size); err != nil {
						t.Errorf("reply of %d bytes: %v", size, err)
					}
				}
			})
		}
		calls.Wait()
		events.wantHeld(t)
	})
}

// Replies of all sizes, likewise; nobody waits for some.
func TestManyRepliesBeyondTheLimit(t *testing.T) {
	overEach(t, func(t *testing.T, s site) {
		var ran atomic.Int32
		events := newRecorder()
		_, c := s.pair(t, growHandlers(&ran, growMethod), nil, []DialOption{WithMaxMessageSize(small), events.option()})
		var calls sync.WaitGroup
		for n := range 16 {
			calls.Go(func() {
				for i := range 30 {
					size := []int{10, 2 * small, 20 * small}[(n+i)%3]
					ctx, cancel := context.WithCancel(testkit.Within(t))
					if i%5 == 0 {
						cancel()
					}
					want := CodeResourceExhausted
					if size < small {
						want = 0
					}
					if err := grow(ctx, c, growMethod, size); CodeOf(err) != want && i%5 > 0 {
						t.Errorf("reply of %d bytes: %v", size, err)
					}
					cancel()
				}
			})
		}
		calls.Wait()
		events.wantHeld(t)
	})
}

// Bare framing has no place for an error: the end of the connection is the only
// one that its client can be told.
func TestBareRequestBeyondTheLimit(t *testing.T) {
	bare := &Method{Procedure: echoMethod.Procedure, Bare: true}
	events := newRecorder()
	s := serve(t, Bind("tcp://127.0.0.1:*"), []Handler{Handle(bare, echo)}, WithMaxMessageSize(small), hideLimit(), events.option())
	c := dial(t, Connect(s.addr()))
	_, err := Call[bytez](testkit.Within(t), c, bare, sized(100*small))
	wantCode(t, err, CodeUnavailable, "connection lost")
	wantText(t, events.wait(t, EventDisconnected, 1).Err, "exceeds the limit of", "WithMaxMessageSize")
	if _, err = Call[bytez](testkit.Within(t), c, bare, sized(10)); err != nil { // over a new connection
		t.Error(err)
	}
}

// Under CURVE and PLAIN what is too large is passed over and answered as with NULL.
func TestSecuredRequestBeyondTheLimit(t *testing.T) {
	const limit = 64 << 10
	overLocks(t, func(t *testing.T, s site, l lock) {
		events := newRecorder()
		server := []ServerOption{WithSecurity(l.server), WithMaxMessageSize(limit), hideLimit(), events.option()}
		_, c := s.pair(t, echoHandlers(), server, []DialOption{WithSecurity(l.client)})
		_, err := Call[bytez](testkit.Within(t), c, echoMethod, sized(10*limit))
		wantCode(t, err, CodeResourceExhausted, "the server's limit of 65536")
		events.wantHeld(t)
		mustEcho(t, c)
	})
}

// What the frames of a request that is too large are answered with.
func TestFramesBeyondTheLimit(t *testing.T) {
	const method = "test.Service/Echo"
	large := string(make([]byte, 2*small))
	tests := []struct {
		name   string
		frames []string
		code   Code // 0: the connection ends
		part   string
	}{
		{"body", []string{"id", "", method, large}, CodeResourceExhausted, method + ": request of at least 8192 bytes"},
		{"body, no envelope", []string{"", method, large}, CodeResourceExhausted, method},
		{"body, many hops", []string{"a", "b", "c", "", method, large, "header"}, CodeResourceExhausted, method},
		{"header", []string{"id", "", method, "", large}, CodeResourceExhausted, method},
		{"method", []string{"id", "", large, ""}, CodeResourceExhausted, "request of at least 8192 bytes"},
		{"body of an unknown method", []string{"id", "", "no.Such/Method", large}, CodeUnimplemented, "no.Such/Method"},
		{"more frames than a request has", []string{"id", "", method, "", "", large, ""}, CodeResourceExhausted, method},
		{"envelope", []string{large, "", method, ""}, 0, ""},
		{"no end of the envelope", []string{"a", "b", large, ""}, 0, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			events := newRecorder()
			s := serve(t, Bind("tcp://127.0.0.1:*"), echoHandlers(), WithMaxMessageSize(small), events.option())
			p := dialRaw(t, s.addr(), "DEALER")
			p.send(tt.frames...)
			if tt.code == 0 {
				p.wantClosed()
				wantText(t, events.wait(t, EventDisconnected, 1).Err, "exceeds the limit of 4096")
				return
			}
			i := indexEmpty(tt.frames)
			reply := p.recv()
			wantCode(t, p.status(reply[i+1:]), tt.code, tt.part)
			p.send("next", "", method, "") // the connection is still good
			if reply := p.recv(); len(reply) != 4 || reply[0] != "next" || reply[2] != "" {
				t.Errorf("the next request is answered with %q", reply)
			}
		})
	}
}

// What is too large and cannot be answered is an offense, as what is no ZMTP.
func TestEnvelopesBeyondTheLimit(t *testing.T) {
	events := newRecorder()
	s := serve(t, Bind("tcp://127.0.0.1:*"), echoHandlers(), WithMaxMessageSize(small), events.option())
	large := string(make([]byte, 2*small))
	const offenses = 30
	for n := 1; n <= 10 && events.count(EventDelayed) == 0; n++ { // all is forgiven after a second
		bad := make([]*rawPeer, offenses)
		for i := range bad {
			bad[i] = dialRaw(t, s.addr(), "DEALER")
		}
		for _, p := range bad {
			p.send(large, "", echoMethod.Procedure, "")
		}
		events.wait(t, EventDisconnected, n*offenses)
		mustEcho(t, dial(t, Connect(s.addr())))
	}
	wantText(t, events.wait(t, EventDelayed, 1).Err, "went beyond a limit again and again")
}

// TestEndlessBody streams 1 GiB at a server that takes 1 MiB: that costs no
// memory, the answer does not wait for its end, others are served meanwhile, and
// the connection is good afterwards. What announces more is not read.
func TestEndlessBody(t *testing.T) {
	const limit, body = 1 << 20, 1 << 30
	events := newRecorder()
	s := serve(t, Bind("ipc://*"), echoHandlers(), WithMaxMessageSize(limit), events.option())
	other := dial(t, Connect(s.addr()))
	mustEcho(t, other)
	p := dialRaw(t, s.addr(), "DEALER")
	before := liveHeap()
	begun := zmtptest.Message("id", "", echoMethod.Procedure)
	begun[len(begun)-len(echoMethod.Procedure)-2] |= zmtp.FlagMore
	p.Send(zmtp.AppendHeader(begun, 0, body))
	wantCode(t, p.status(p.recv()[2:]), CodeResourceExhausted, "1073741824 bytes", "limit of 1048576")
	piece := make([]byte, 1<<20)
	for n := range body / len(piece) {
		p.Send(piece)
		if n%256 == 200 {
			mustEcho(t, other)
			if grown := liveHeap() - before; grown > 4<<20 {
				t.Fatalf("after %d MiB the heap has grown by %d KiB", n, grown>>10)
			}
		}
	}
	p.send("next", "", echoMethod.Procedure, "")
	if reply := p.recv(); reply[0] != "next" {
		t.Errorf("got %q", reply)
	}
	p.Send(binary.BigEndian.AppendUint64(append(begun, zmtp.FlagLong), 3*body/2)) // less than 32 bits can count
	p.wantClosed()
	wantText(t, events.wait(t, EventDisconnected, 1).Err, "frame of 1610612736 bytes exceeds the limit of 1048576")
	mustEcho(t, other)
}

// liveHeap returns the bytes of all that is alive.
func liveHeap() int64 {
	runtime.GC()
	runtime.GC() // empties pools
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// A proxy with a larger limit lets servers answer, and its connection to them
// carries the calls of others on.
func TestRequestBeyondTheLimitBehindAProxy(t *testing.T) {
	p := proxy(t, PatternReqRep, Bind("tcp://127.0.0.1:*"), Bind("tcp://127.0.0.1:*"))
	h, events := newStuck(t), newRecorder()
	serve(t, Connect(p.BackAddrs()...), h.handlers(), WithMaxMessageSize(small), events.option())
	a, b := dial(t, Connect(p.FrontAddrs()...)), dial(t, Connect(p.FrontAddrs()...))
	waiting := make(chan error, 1)
	go func() { waiting <- callEcho(testkit.Within(t), a, "waits") }()
	testkit.Receive(t, h.called, "a call in the handler")
	_, err := Call[bytez](testkit.Within(t), b, echoMethod, sized(100*small))
	wantCode(t, err, CodeResourceExhausted, "the server's limit of 4096")
	h.free()
	if err := testkit.Receive(t, waiting, "the answer"); err != nil {
		t.Error(err)
	}
	events.wantHeld(t)
}
