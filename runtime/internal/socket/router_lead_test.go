package socket

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// A dialogServer serves messages of an id, an empty frame, a verb and a body: open
// begins a stream, say is a message of it, end its last one, call a request that is
// answered with its body.
type dialogServer struct {
	handle func(s *RouterStream) error // of a stream
	call   func(body string)
	opened chan *RouterStream
}

func (d *dialogServer) Receive(p *RouterPeer, frames [][]byte) Job {
	e, content, ok := wire.SplitEnvelope(frames)
	if !ok || len(content) != 2 {
		return nil
	}
	s, _ := p.Stream(e)
	switch verb := string(content[0]); {
	case verb == "open":
		s := p.NewStream(e, wire.Stream{Present: true})
		s.Open()
		d.opened <- s
		return &dialogJob{run: func() {
			err := d.handle(s)
			s.Discard()
			_, _ = s.Finish(err, nil)
		}}
	case verb == "call":
		key, body := string(e.Append(nil)), string(content[1])
		return &dialogJob{run: func() {
			d.call(body)
			_ = p.Reply(func(b []byte) ([]byte, error) { return zmtp.AppendFrameString(append(b, key...), 0, body), nil })
		}}
	case s == nil:
	case verb == "say":
		_ = s.Push(content[1])
	case verb == "end":
		s.CloseReceive()
	}
	return Handled
}

func (d *dialogServer) TooLarge(*RouterPeer, [][]byte, *zmtp.SizeError) bool { return false }

type dialogJob struct {
	run  func()
	pace Pace
}

func (j *dialogJob) Run()        { j.run() }
func (j *dialogJob) Refuse()     {}
func (j *dialogJob) Pace() *Pace { return &j.pace }

// text is the body of a message, and takes those of others.
type text string

func (t *text) Message(body []byte) { *t = text(body) }

func (t *text) AppendBody(b []byte, flags byte) ([]byte, error) {
	return zmtp.AppendFrameString(b, flags, string(*t)), nil
}

// echo answers each message until the stream or ctx ends.
func echo(ctx context.Context, s *RouterStream) error {
	for {
		var m text
		more, err := s.Receive(ctx, &m)
		if err != nil || !more {
			return err
		}
		if err := s.Send(ctx, &m); err != nil {
			return err
		}
	}
}

// serveDialogs returns a server, and a peer of it.
func serveDialogs(t *testing.T, handle func(*RouterStream) error) (*dialogServer, *zmtptest.Peer) {
	d := &dialogServer{handle: handle, call: func(string) {}, opened: make(chan *RouterStream, 100)}
	base, cancel := context.WithCancel(context.Background())
	router := NewRouter(base, testConfig(zmtp.Router, newRecorder()), d)
	t.Cleanup(func() {
		cancel()
		ctx, stop := context.WithTimeout(context.Background(), testkit.Patience())
		defer stop()
		if err := errors.Join(router.Drain(ctx), router.Shutdown(ctx)); err != nil {
			t.Error(err)
		}
	})
	return d, zmtptest.DialAs(t, bind(t, router.Links(), tcp), zmtp.Dealer)
}

// dialog opens a stream, and talks until it reads the connection itself.
func dialog(t *testing.T, d *dialogServer, p *zmtptest.Peer, id string) *RouterStream {
	t.Helper()
	p.Send(zmtptest.Message(id, "", "open", ""))
	s := testkit.Receive(t, d.opened, "the stream")
	for n := 0; !s.lead.leading.Load(); n++ {
		if n == 10_000 {
			t.Fatal("the stream does not read its connection")
		}
		s.lead.pace.streak.Store(quickStreak) // however slow this machine is
		say(t, p, id, strconv.Itoa(n))
	}
	return s
}

// say sends a message and waits for its echo.
func say(t *testing.T, p *zmtptest.Peer, id, body string) {
	t.Helper()
	p.Send(zmtptest.Message(id, "", "say", body))
	answered(t, p, id, body)
}

func answered(t *testing.T, p *zmtptest.Peer, id, body string) {
	t.Helper()
	for {
		m := p.Message()
		if len(m) == 5 && len(m[3]) == 0 { // credit
			continue
		}
		if string(m[0]) != id || string(m[min(3, len(m)-1)]) != body {
			t.Fatalf("got %q, want %q of %s", m, body, id)
		}
		return
	}
}

// A stream that reads its connection delivers to others, and is not held up by
// what they do.
func TestStreamReadsForOthers(t *testing.T) {
	release := make(chan struct{})
	d, p := serveDialogs(t, func(s *RouterStream) error { return echo(s.peer.Context, s) })
	d.call = func(body string) {
		if body == "block" {
			<-release
		}
	}
	dialog(t, d, p, "a")
	p.Send(zmtptest.Message("call", "", "call", "quick"))
	answered(t, p, "call", "quick")
	say(t, p, "a", "x")
	dialog(t, d, p, "b")
	for n := range 100 {
		say(t, p, "a", fmt.Sprint("a", n))
		say(t, p, "b", fmt.Sprint("b", n))
	}
	p.Send(zmtptest.Message("call", "", "call", "block"))
	say(t, p, "a", "beside a call")
	say(t, p, "b", "beside a call")
	close(release)
	answered(t, p, "call", "block")
}

// A stream that has read and whose handler is away is replaced.
func TestStreamThatReadIsReplaced(t *testing.T) {
	release := make(chan struct{})
	d, p := serveDialogs(t, func(s *RouterStream) error {
		for {
			var m text
			if more, err := s.Receive(s.peer.Context, &m); err != nil || !more {
				return err
			}
			if m == "block" {
				<-release
			}
			if err := s.Send(s.peer.Context, &m); err != nil {
				return err
			}
		}
	})
	dialog(t, d, p, "a")
	p.Send(zmtptest.Message("a", "", "say", "block"))
	p.Send(zmtptest.Message("call", "", "call", "quick"))
	answered(t, p, "call", "quick")
	close(release)
	answered(t, p, "a", "block")
	say(t, p, "a", "again")
}

// Whatever ends a stream ends it while it reads, too.
func TestStreamThatReadsEnds(t *testing.T) {
	errTest := errors.New("test")
	for name, test := range map[string]struct {
		end  func(cancel func(), s *RouterStream, p *zmtptest.Peer)
		want error
		gone bool
	}{
		"context":    {func(cancel func(), _ *RouterStream, _ *zmtptest.Peer) { cancel() }, context.Canceled, false},
		"finish":     {func(_ func(), s *RouterStream, _ *zmtptest.Peer) { _, _ = s.Finish(errTest, nil) }, nil, false},
		"half-close": {func(_ func(), _ *RouterStream, p *zmtptest.Peer) { p.Send(zmtptest.Message("a", "", "end", "")) }, nil, false},
		"connection": {func(_ func(), _ *RouterStream, p *zmtptest.Peer) { p.Close() }, context.Canceled, true},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			ended := make(chan error, 1)
			d, p := serveDialogs(t, func(s *RouterStream) error {
				of, stop := context.WithCancel(ctx)
				defer stop()
				defer context.AfterFunc(s.peer.Context, stop)()
				err := echo(of, s)
				ended <- err
				return err
			})
			s := dialog(t, d, p, "a")
			test.end(cancel, s, p)
			if err := testkit.Receive(t, ended, "the end"); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			if !test.gone {
				p.Send(zmtptest.Message("call", "", "call", "quick"))
				answered(t, p, "call", "quick")
			}
		})
	}
}

// TestStreamsThatReadStress has streams, calls and ends of streams take turns as
// the reader of one connection.
func TestStreamsThatReadStress(t *testing.T) {
	const streams = 4
	d, p := serveDialogs(t, func(s *RouterStream) error { return echo(s.peer.Context, s) })
	d.call = func(body string) {
		if n, _ := strconv.Atoi(body); n%50 == 0 {
			time.Sleep(3 * time.Millisecond)
		}
	}
	var mu sync.Mutex
	waiting := make(map[string]chan string)
	expect := func(id string) chan string {
		mu.Lock()
		defer mu.Unlock()
		waiting[id] = make(chan string, 1)
		return waiting[id]
	}
	var received sync.WaitGroup
	received.Go(func() {
		for m := nextOf(p); m != nil; m = nextOf(p) {
			if len(m) == 5 && len(m[3]) == 0 {
				continue
			}
			mu.Lock()
			ch := waiting[string(m[0])]
			mu.Unlock()
			ch <- string(m[min(3, len(m)-1)])
		}
	})
	var writing sync.Mutex
	send := func(frames ...string) {
		writing.Lock()
		defer writing.Unlock()
		p.Send(zmtptest.Message(frames...))
	}
	var wg sync.WaitGroup
	var turns atomic.Int64
	until := time.Now().Add(300 * time.Millisecond)
	for i := range streams {
		wg.Go(func() {
			for round := 0; time.Now().Before(until); round++ {
				id := fmt.Sprint(i, ".", round)
				ch := expect(id)
				send(id, "", "open", "")
				s := <-d.opened // of any of the streams
				for n := range 200 * (i + 1) {
					s.lead.pace.streak.Store(quickStreak)
					send(id, "", "say", fmt.Sprint(n))
					if got := testkit.Receive(t, ch, "an echo"); got != fmt.Sprint(n) {
						t.Errorf("got %q, want %d", got, n)
						return
					}
					turns.Add(1)
				}
				send(id, "", "end", "")
			}
		})
	}
	wg.Go(func() {
		ch := expect("call")
		for n := 0; time.Now().Before(until); n++ {
			send("call", "", "call", fmt.Sprint(n))
			testkit.Receive(t, ch, "a reply")
		}
	})
	wg.Wait()
	p.Close()
	received.Wait()
	t.Log(turns.Load(), "turns")
}
