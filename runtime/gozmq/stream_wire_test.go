package gozmq

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// parseGrant returns the bytes of the credit that a header grants.
func parseGrant(header string) (uint64, error) {
	h, err := wire.ParseRequestHeader([]byte(header))
	return h.Stream.Bytes, err
}

func exitGoroutine() { runtime.Goexit() }

// frames is a message as it is shown in failures.
func frames(list ...string) string { return fmt.Sprintf("%q", list) }

// wantStatus receives the end of a stream.
func (p *rawPeer) wantStatus(envelope string, code Code, parts ...string) {
	p.t.Helper()
	got := p.recv()
	if len(got) < 4 || got[0] != envelope || got[1] != "" {
		p.t.Fatalf("got %q in place of a status", got)
	}
	wantCode(p.t, p.status(got[2:4]), code, parts...)
}

const (
	plain   = "\x22\x00"                 // a stream, and no more
	halfEnd = "\x22\x04\x18\x01\x20\x01" // no message follows
)

// TestStreamFrames: a plain DEALER, of which nobody knows anything, opens streams,
// reads them, closes them and cancels them.
func TestStreamFrames(t *testing.T) {
	canceled := make(chan error, 1)
	endless := streamHandler(&Method{Procedure: "test.Service/Endless", ServerStreams: true}, func(ctx context.Context, req *bytez, s ServerStream) (*bytez, error) {
		if err := s.Send(ctx, req); err != nil {
			return nil, err
		}
		<-ctx.Done()
		canceled <- context.Cause(ctx)
		return nil, ctx.Err()
	})
	r := serve(t, Bind(here.endpoint), append(allMethods(), endless))
	p := dialRaw(t, r.addr(), "DEALER")
	one, x := encode(t, textOf("2")), encode(t, textOf("x"))
	p.send("a", "", watchMethod.Procedure, one, "\x22\x02\x20\x01") // without limit
	p.wantFrames("a", "", "", encode(t, textOf("0")), plain)
	p.wantFrames("a", "", "", encode(t, textOf("1")), plain)
	p.wantFrames("a", "", "", "")

	p.send("far", "away", "", chatMethod.Procedure, x, plain)
	p.wantFrames("far", "away", "", "", x, plain)
	p.send("far", "away", "", "", x)
	p.wantFrames("far", "away", "", "", x, plain)
	p.send("far", "away", "", "", x, "\xff") // malformed
	if got := p.recv(); got[1] != "away" || CodeOf(parseStatus([]byte(got[3]))) != CodeInvalidArgument {
		t.Errorf("got %q", got)
	}

	p.send("b", "", chatMethod.Procedure, "", "\x22\x02\x18\x01")
	p.send("b", "", "", x)
	p.wantFrames("b", "", "", x, plain)
	p.send("b", "", "", "", halfEnd)
	p.wantFrames("b", "", "", "")

	p.send("c", "", uploadMethod.Procedure, x, plain)
	p.send("c", "", "", x, "\x22\x02\x20\x01") // the last message
	p.wantFrames("c", "", "", encode(t, textOf("xx")))

	p.send("d", "", "test.Service/Endless", x, plain)
	p.wantFrames("d", "", "", x, plain)
	p.send("d", "", "", "", "\x18\x01")
	wantCode(t, testkit.Receive(t, canceled, "the cancel"), CodeCanceled)
	p.send("d", "", "", "", "\x18\x01") // again: ignored
	p.send("d", "", "", x)              // not answered, because it ended just now
	p.send("e", "", "", x)              // of which nobody knows
	p.wantStatus("e", CodeFailedPrecondition, "no such stream", "gozmq.Proxy")
	p.send("f", "", "", "", "\x18\x01")
	p.send("id", "", echoMethod.Procedure, x)
	p.wantFrames("id", "", "", x)
}

// TestStreamCredit: the server sends no more than it may, whatever the client
// grants.
func TestStreamCredit(t *testing.T) {
	r := serve(t, Bind(here.endpoint), allMethods())
	p := dialRaw(t, r.addr(), "DEALER")
	p.send("a", "", watchMethod.Procedure, encode(t, textOf("10")), "\x22\x04\x08\x02\x20\x01") // two messages
	p.recv()
	p.recv()
	p.send("x", "", echoMethod.Procedure, "")
	p.wantFrames("x", "", "", "")
	p.send("a", "", "", "", "\x22\x04\x08\x03\x18\x01") // three
	p.recv()
	p.send("a", "", "", "", "\x22\x04\x08\x01\x18\x01") // less than before
	p.send("x", "", echoMethod.Procedure, "")
	p.wantFrames("x", "", "", "")
	p.send("a", "", "", "", "\x22\x0d\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x18\x01") // absurd
	for range 7 {
		p.recv()
	}
	p.wantFrames("a", "", "", "")
	p.send("b", "", watchMethod.Procedure, encode(t, textOf("10")), "\x22\x02\x10\x01") // one byte: one message
	p.recv()
	p.send("x", "", echoMethod.Procedure, "")
	p.wantFrames("x", "", "", "")
}

// TestStreamRuns: messages of a client that come together are those that were sent,
// in order, whatever stands between them, and what stands behind the end is told.
func TestStreamRuns(t *testing.T) {
	events, ctx := newRecorder(), testkit.Within(t)
	told := make(chan struct{})
	tell := sync.OnceFunc(func() { close(told) })
	r := serve(t, Bind(here.endpoint), uploading(func(_ context.Context, s ServerStream) (*bytez, error) {
		all, err := concatenate(s)
		select { // a stream that has ended tells nothing
		case <-told:
		case <-ctx.Done():
		}
		return all, err
	}), WithEventHandler(func(e Event) {
		events.Record(e)
		if e.Kind == EventMalformed {
			tell()
		}
	}))
	p := dialRaw(t, r.addr(), "DEALER")
	var b []byte
	send := func(frames ...string) { b = append(b, zmtptest.Message(frames...)...) }
	want := ""
	send("a", "", uploadMethod.Procedure, "", "\x22\x02\x18\x01")
	send("other", "", uploadMethod.Procedure, encode(t, textOf("o")), plain)
	for i := range 60 {
		m := fmt.Sprintf("<%d>", i)
		want += m
		send("a", "", "", encode(t, textOf(m)))
		switch i {
		case 20:
			send("other", "", "", encode(t, textOf("p")))
		case 30:
			b = append(b, "\x04\x07\x04PING\x00\x00"...)
		case 40:
			send("a", "", "", encode(t, textOf("large"+strings.Repeat("x", 300))))
			want += "large" + strings.Repeat("x", 300)
		}
	}
	send("a", "", "", "", halfEnd)
	send("a", "", "", encode(t, textOf("late")))
	send("other", "", "", "", halfEnd)
	p.Send(b)
	got := map[string]string{}
	for len(got) < 2 {
		if m := p.recv(); len(m) == 4 { // not credit
			got[m[0]] = m[3]
		}
	}
	if got["a"] != encode(t, textOf(want)) || got["other"] != encode(t, textOf("op")) {
		t.Errorf("the replies are %q", got)
	}
	wantText(t, events.wait(t, EventMalformed, 1).Err, "behind the end")
}

// TestStreamHostileClient: what a client should not send ends its stream, and hurts
// nobody else.
func TestStreamHostileClient(t *testing.T) {
	stuck := streamHandler(&Method{Procedure: "test.Service/Stuck", ClientStreams: true}, func(ctx context.Context, _ *bytez, s ServerStream) (*bytez, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	})
	r := serve(t, Bind(here.endpoint), append(allMethods(), stuck), WithMaxMessageSize(1<<20))
	good := dial(t, Connect(r.addr()))
	x := encode(t, textOf("x"))
	t.Run("beyond the credit", func(t *testing.T) {
		p := dialRaw(t, r.addr(), "DEALER")
		p.send("a", "", "test.Service/Stuck", x, plain)
		for range 64 {
			p.send("a", "", "", x)
		}
		p.wantStatus("a", CodeResourceExhausted, "credit")
		p.send("a", "", "", x)
	})
	t.Run("behind the end", func(t *testing.T) {
		p := dialRaw(t, r.addr(), "DEALER")
		p.send("a", "", "test.Service/Stuck", x, "\x22\x02\x20\x01")
		p.send("a", "", "", x)
		p.send("a", "", "", "", "\x18\x01")
	})
	t.Run("two requests", func(t *testing.T) {
		p := dialRaw(t, r.addr(), "DEALER")
		p.send("a", "", watchMethod.Procedure, encode(t, textOf("1000000")), "\x22\x02\x08\x01")
		p.recv()
		p.send("a", "", "", x)
		p.wantStatus("a", CodeInvalidArgument, "one request")
	})
	t.Run("the same envelope twice", func(t *testing.T) {
		p := dialRaw(t, r.addr(), "DEALER")
		p.send("a", "", "test.Service/Stuck", x, plain)
		p.send("a", "", "test.Service/Stuck", x, plain)
		p.wantStatus("a", CodeInvalidArgument, "open already")
	})
	t.Run("no request", func(t *testing.T) {
		p := dialRaw(t, r.addr(), "DEALER")
		p.send("a", "", watchMethod.Procedure, "", "\x22\x02\x18\x01")
		p.wantStatus("a", CodeInvalidArgument, "no request")
	})
	t.Run("undecodable", func(t *testing.T) {
		p := dialRaw(t, r.addr(), "DEALER")
		p.send("a", "", uploadMethod.Procedure, "\xff", plain)
		p.wantStatus("a", CodeInvalidArgument, "decode")
		p.send("b", "", uploadMethod.Procedure, x, plain)
		p.send("b", "", "", "\xff")
		p.wantStatus("b", CodeInvalidArgument, "decode")
	})
	t.Run("too large", func(t *testing.T) {
		p := dialRaw(t, r.addr(), "DEALER")
		p.send("a", "", uploadMethod.Procedure, x, plain)
		p.send("a", "", "", strings.Repeat("x", 2<<20))
		p.wantStatus("a", CodeResourceExhausted, "exceeds the server's limit")
		p.send("b", "", echoMethod.Procedure, x)
		p.wantFrames("b", "", "", x)
	})
	t.Run("REQ", func(t *testing.T) {
		p := dialRaw(t, r.addr(), "REQ")
		p.send("", watchMethod.Procedure, encode(t, textOf("1")), plain)
		got := p.recv()
		wantCode(t, p.status(got[1:]), CodeFailedPrecondition, "REQ")
	})
	t.Run("many opens and cancels", func(t *testing.T) {
		p := dialRaw(t, r.addr(), "DEALER")
		const n = 20000
		go func() {
			var b []byte
			for i := range n {
				id := fmt.Sprint(i)
				b = append(b, zmtptest.Message(id, "", "test.Service/Stuck", x, plain)...)
				b = append(b, zmtptest.Message(id, "", "", "", "\x18\x01")...)
			}
			_, _ = p.Write(append(b, zmtptest.Message("end", "", echoMethod.Procedure, x)...))
		}()
		for p.recv()[0] != "end" {
		}
	})
	mustEcho(t, good)
	testkit.Eventually(t, "every stream to end", func() bool {
		return r.engine.Streams() == 0
	})
}

// TestStreamHostileServer: the same on the other side.
func TestStreamHostileServer(t *testing.T) {
	endpoint, accept := listenRaw(t, "ROUTER")
	c := dial(t, Connect(endpoint), WithMaxMessageSize(1<<20))
	p := accept()
	x := encode(t, textOf("x"))
	open := func(t *testing.T, m *Method) (Stream, string) {
		s := c.Stream(testkit.Within(t), m)
		mustSend(t, s, "x")
		return s, p.recv()[0]
	}
	wantCancel := func(t *testing.T, id string) {
		t.Helper()
		for {
			m := p.recv()
			if frames(m...) == frames(id, "", "", "", "\x18\x01") {
				return
			}
		}
	}
	t.Run("beyond the credit", func(t *testing.T) {
		s, id := open(t, watchMethod)
		for range 65 {
			p.send(id, "", "", x, plain)
		}
		wantCancel(t, id)
		for range 64 {
			wantMessage(t, s, "x")
		}
		wantFailure(t, s, CodeInternal, "credit")
	})
	t.Run("undecodable", func(t *testing.T) {
		s, id := open(t, watchMethod)
		p.send(id, "", "", "\xff", plain)
		wantFailure(t, s, CodeInternal, "decode")
		wantCancel(t, id)
	})
	t.Run("malformed header", func(t *testing.T) {
		s, id := open(t, watchMethod)
		p.send(id, "", "", x, "\xff")
		wantFailure(t, s, CodeInternal, "header")
		wantCancel(t, id)
	})
	t.Run("too large", func(t *testing.T) {
		s, id := open(t, watchMethod)
		p.send(id, "", "", strings.Repeat("x", 2<<20), plain)
		wantFailure(t, s, CodeResourceExhausted, "client's limit")
		wantCancel(t, id)
	})
	t.Run("a message before the reply", func(t *testing.T) {
		s, id := open(t, uploadMethod)
		p.send(id, "", "", x, plain)
		wantFailure(t, s, CodeInternal, "before the reply")
		wantCancel(t, id)
	})
	t.Run("behind the end", func(t *testing.T) {
		s, id := open(t, watchMethod)
		p.send(id, "", "", "")
		p.send(id, "", "", x, plain)
		p.send(id, "", "", "")
		wantEnd(t, s)
	})
	t.Run("absurd credit", func(t *testing.T) {
		s, id := open(t, chatMethod)
		p.send(id, "", "", "", "\x22\x18\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x18\x01")
		for range 500 {
			mustSend(t, s, "x")
			p.recv()
		}
		s.Close()
		wantCancel(t, id)
	})
}

// TestStreamWindowGrows: on a line with a long delay the window grows until the
// line is full, and the window of a stream that nobody reads does not.
func TestStreamWindowGrows(t *testing.T) {
	const size, delay = 16 << 10, 20 * time.Millisecond
	endpoint, accept := listenRaw(t, "ROUTER")
	c := dial(t, Connect(endpoint))
	p := accept()
	s := c.Stream(testkit.Within(t), watchMethod)
	mustSend(t, s, "")
	start := p.recv()
	credit := make(chan uint64, 1000)
	go func() { // the credit arrives later
		defer close(credit)
		for {
			m, err := p.tryRecv()
			if err != nil {
				return
			}
			r, err := parseGrant(m[len(m)-1])
			if err != nil {
				return
			}
			time.Sleep(delay)
			credit <- r
		}
	}()
	message := zmtptest.Message(start[0], "", "", encode(t, textOf(strings.Repeat("x", size-3))), plain)
	var limit, sent uint64 = 64 << 10, 0
	ctx := testkit.Within(t)
	largest := uint64(0)
	for range 400 {
		for sent >= limit {
			select {
			case got := <-credit:
				limit = max(limit, got)
			case <-ctx.Done():
				t.Fatal("no credit")
			}
		}
		largest = max(largest, limit-sent)
		p.Send(message)
		sent += size
		if more, err := s.Receive(ctx, new(bytez)); !more {
			t.Fatal(err)
		}
	}
	if largest < 256<<10 {
		t.Errorf("the window has grown to %d bytes", largest)
	}
	s.Close()
	p.Close()
}

// TestManyAbandonedStreams: streams that are left leave no goroutine and no memory.
func TestManyAbandonedStreams(t *testing.T) {
	const n = 10000
	ended := make(chan error, n)
	r, c := here.pair(t, endless(100, ended), nil, nil)
	before := heap()
	for range n {
		ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience()) // of one, not of all
		s := c.Stream(ctx, watchMethod)
		if err := s.Send(ctx, textOf("")); err != nil {
			t.Fatal(err)
		}
		if more, err := s.Receive(ctx, new(bytez)); !more {
			t.Fatal(err)
		}
		s.Close()
		cancel()
	}
	for range n {
		testkit.Receive(t, ended, "the end of a handler")
	}
	testkit.Eventually(t, "every stream to end", func() bool {
		return r.engine.Streams() == 0 && runtime.NumGoroutine() < 200
	})
	if after := heap(); after > before+4<<20 {
		t.Errorf("the heap has grown from %d to %d bytes", before, after)
	}
}

func heap() uint64 {
	for range 3 {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestOpenStreamsCostNoGoroutine: a stream has no goroutine at its client.
func TestOpenStreamsCostNoGoroutine(t *testing.T) {
	endpoint, accept := listenRaw(t, "ROUTER")
	c := dial(t, Connect(endpoint))
	p := accept()
	before := runtime.NumGoroutine()
	for range 1000 {
		s := c.Stream(testkit.Within(t), watchMethod)
		mustSend(t, s, "")
		p.recv()
		defer s.Close()
	}
	if after := runtime.NumGoroutine(); after > before+10 {
		t.Errorf("%d goroutines have become %d", before, after)
	}
}
