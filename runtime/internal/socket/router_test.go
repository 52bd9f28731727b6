package socket

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// TestRouterEnvelopes checks that a reply carries the request's envelope,
// however many hops it has, and empty frames behind the delimiter.
func TestRouterEnvelopes(t *testing.T) {
	_, ep := routing(t, routerConfig(), new(echoServer), tcp)
	for _, kind := range []zmtp.SocketType{zmtp.Req, zmtp.Dealer, zmtp.Router} {
		p := zmtptest.DialAs(t, ep, kind)
		for _, frames := range [][]string{
			{"", "body"}, {"", ""}, {"", "", "", ""}, {"12345678", "", "body"}, {"hop 2", "hop 1", "id", "", "body", "", "more"},
			{strings.Repeat("x", 300), "", strings.Repeat("y", 70000)},
		} {
			p.Send(zmtptest.Message(frames...))
			if got := p.Message(); string(zmtptest.AppendMessage(nil, got...)) != string(zmtptest.Message(frames...)) {
				t.Errorf("%s: sent %.50q, got %.50q", kind, frames, got)
			}
		}
	}
}

// blocking returns a server whose job for a request with the body "block"
// waits, and says so on began.
func blocking(release chan struct{}) (server *echoServer, began chan *RouterPeer) {
	began = make(chan *RouterPeer, 1000)
	return &echoServer{before: func(p *RouterPeer, frames [][]byte) bool {
		if string(frames[len(frames)-1]) == "block" {
			began <- p
			<-release
		}
		return true
	}}, began
}

// TestRouterJobThatBlocks checks that the connection's other requests are
// served meanwhile, whether or not jobs of the kind have been quick before.
func TestRouterJobThatBlocks(t *testing.T) {
	for _, warm := range []int{0, 1, quickStreak, 200} {
		for _, network := range networks {
			t.Run(fmt.Sprint(network, " after ", warm), func(t *testing.T) {
				release := make(chan struct{})
				server, began := blocking(release)
				_, ep := routing(t, routerConfig(), server, network)
				p := zmtptest.DialAs(t, ep, "DEALER")
				for range warm {
					p.Send(zmtptest.Message("id", "", "quick"))
					p.Message()
				}
				p.Send(append(zmtptest.Message("first", "", "block"), zmtptest.Message("second", "", "block")...))
				testkit.Receive(t, began, "the beginning")
				testkit.Receive(t, began, "the beginning")
				for range 50 {
					p.Send(zmtptest.Message("id", "", "quick"))
					if m := p.Message(); string(m[0]) != "id" {
						t.Fatalf("got %q", m)
					}
				}
				close(release)
				if one, two := string(p.Message()[0]), string(p.Message()[0]); one == two {
					t.Errorf("got the reply to the %s twice", one)
				}
			})
		}
	}
}

// TestRouterManyJobsAtOnce runs many jobs that wait for each other.
func TestRouterManyJobsAtOnce(t *testing.T) {
	const n = 500
	release := make(chan struct{})
	server, began := blocking(release)
	_, ep := routing(t, routerConfig(), server, tcp)
	p := zmtptest.DialAs(t, ep, "DEALER")
	for i := range n {
		p.Send(zmtptest.Message(fmt.Sprint(i), "", "block"))
	}
	for range n {
		testkit.Receive(t, began, "the beginning")
	}
	close(release)
	seen := make(map[string]bool)
	for range n {
		seen[string(p.Message()[0])] = true
	}
	if len(seen) != n {
		t.Errorf("%d different replies came, want %d", len(seen), n)
	}
}

// TestRouterContextEndsWithTheConnection checks it for a job that waits for
// nothing else, on a connection's first request and on later ones.
func TestRouterContextEndsWithTheConnection(t *testing.T) {
	for _, warm := range []int{0, 1, 200} {
		for _, network := range networks {
			t.Run(fmt.Sprint(network, " after ", warm), func(t *testing.T) {
				began, ended := make(chan struct{}, 1), make(chan error, 1)
				server := &echoServer{before: func(p *RouterPeer, frames [][]byte) bool {
					if string(frames[2]) == "block" {
						began <- struct{}{}
						<-p.Context.Done()
						ended <- context.Cause(p.Context)
					}
					return true
				}}
				events := newRecorder()
				cfg := routerConfig()
				cfg.Observe = events.Record
				_, ep := routing(t, cfg, server, network)
				p := zmtptest.DialAs(t, ep, "DEALER")
				for range warm {
					p.Send(zmtptest.Message("id", "", "quick"))
					p.Message()
				}
				p.Send(zmtptest.Message("id", "", "block"))
				testkit.Receive(t, began, "the beginning")
				p.Close()
				if err := testkit.Receive(t, ended, "the end"); err == nil {
					t.Error("the context has no cause")
				}
				events.await(t, link.Disconnected, 1)
			})
		}
	}
}

// TestRouterJobThatExits ends the goroutine of a job.
func TestRouterJobThatExits(t *testing.T) {
	for _, warm := range []int{0, 200} {
		t.Run(fmt.Sprint("after ", warm), func(t *testing.T) {
			server := &echoServer{before: func(p *RouterPeer, frames [][]byte) bool {
				if string(frames[2]) == "exit" {
					runtime.Goexit()
				}
				return true
			}}
			events := newRecorder()
			cfg := routerConfig()
			cfg.Observe = events.Record
			_, ep := routing(t, cfg, server, tcp)
			p := zmtptest.DialAs(t, ep, "DEALER")
			for range warm {
				p.Send(zmtptest.Message("id", "", "quick"))
				p.Message()
			}
			for range 3 {
				p.Send(append(zmtptest.Message("x", "", "exit"), zmtptest.Message("id", "", "quick")...))
				if m := p.Message(); string(m[0]) != "id" {
					t.Errorf("got %q", m)
				}
			}
			p.Close()
			events.await(t, link.Disconnected, 1)
		})
	}
}

// TestRouterDrain checks that what runs is finished and answered, and that
// nothing more is begun.
func TestRouterDrain(t *testing.T) {
	release := make(chan struct{})
	server, began := blocking(release)
	router, ep := routing(t, routerConfig(), server, "ipc://*") // whose name no other process takes
	p := zmtptest.DialAs(t, ep, "DEALER")
	p.Send(zmtptest.Message("running", "", "block"))
	testkit.Receive(t, began, "the beginning")
	short, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	if err := router.Drain(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Drain while a job runs: %v", err)
	}
	if conn, err := ep.Dial(t.Context()); err == nil {
		t.Error("a connection was accepted while draining")
		conn.Close()
	}
	p.Send(zmtptest.Message("late", "", "block"))
	if m := p.Message(); string(m[0]) != "late" || string(m[len(m)-1]) != "refused" {
		t.Errorf("a request that came too late got %q", m)
	}
	close(release)
	if err := router.Wait(testkit.Within(t)); err != nil {
		t.Errorf("Wait: %v", err)
	}
	for range 40 { // nothing runs any more, so that the time that is left does not matter
		if err := router.Wait(short); err != nil {
			t.Fatalf("Wait with a context that has ended: %v", err)
		}
	}
	if err := router.Shutdown(testkit.Within(t)); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	if m := p.Message(); string(m[0]) != "running" {
		t.Errorf("got %q", m)
	}
	if m := nextOf(p); m != nil || len(began) > 0 {
		t.Errorf("%q came after the drain, and %d jobs were begun", m, len(began))
	}
}

// TestRouterDrainSendsWhatItHeldBack begins to drain while answers are held
// back for more of them.
func TestRouterDrainSendsWhatItHeldBack(t *testing.T) {
	const n = 60
	server := new(echoServer)
	for !server.pace.quick() {
		server.pace.note(0)
	}
	var router *Router
	drained, ready := make(chan error, 1), make(chan struct{})
	count := 0
	receiver := receiverFunc(func(p *RouterPeer, frames [][]byte) Job {
		<-ready
		if count++; count == n/2 {
			go func() { drained <- router.Drain(testkit.Within(t)) }()
			for !router.isDraining() {
				runtime.Gosched()
			}
		}
		return server.Receive(p, frames)
	})
	router, ep := routing(t, routerConfig(), receiver, tcp)
	close(ready)
	p := zmtptest.DialAs(t, ep, "DEALER")
	var all []byte
	for i := range n {
		all = append(all, zmtptest.Message(fmt.Sprint(i), "", "x")...)
	}
	p.Send(all)
	if err := testkit.Receive(t, drained, "the end of Drain"); err != nil {
		t.Errorf("Drain: %v", err)
	}
	short, cancel := context.WithTimeout(context.Background(), testkit.Patience()/5)
	defer cancel()
	if err := router.Shutdown(short); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	answered := make(map[string]bool) // in any order: a pause makes a job slow
	for m := nextOf(p); m != nil; m = nextOf(p) {
		answered[string(m[0])] = string(m[len(m)-1]) == "x"
	}
	for i := range n/2 - 1 {
		if !answered[fmt.Sprint(i)] {
			t.Errorf("no answer %d came, of %d jobs that ran", i, n/2-1)
		}
	}
}

type receiverFunc func(p *RouterPeer, frames [][]byte) Job

func (f receiverFunc) Receive(p *RouterPeer, frames [][]byte) Job { return f(p, frames) }

func (f receiverFunc) TooLarge(*RouterPeer, [][]byte, *zmtp.SizeError) bool { return false }

// TestRouterClientThatDoesNotRead checks that such a client is not read any
// more, costs bounded memory, holds up nobody, and gets everything when it
// reads again.
func TestRouterClientThatDoesNotRead(t *testing.T) {
	const size = 10000
	cfg := routerConfig()
	cfg.SendQueue, cfg.SendQueueBytes = 100, 256<<10
	var received atomic.Int64
	server := new(echoServer)
	_, ep := routing(t, cfg, receiverFunc(func(p *RouterPeer, frames [][]byte) Job {
		received.Add(1)
		return server.Receive(p, frames)
	}), "inproc://unread")
	stuck, good := zmtptest.DialAs(t, ep, "DEALER"), zmtptest.DialAs(t, ep, "DEALER")
	if err := stuck.SetWriteDeadline(time.Now().Add(500 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	one := zmtptest.Message("id", "", strings.Repeat("x", size))
	sent, written := 0, 0
	for {
		n, err := stuck.Write(one)
		written += n
		if err != nil {
			var timeout net.Error
			if !errors.As(err, &timeout) || !timeout.Timeout() {
				t.Fatal(err)
			}
			break
		}
		if sent++; sent > 10000 {
			t.Fatal("a client that does not read is read without end")
		}
	}
	bound := int64(cfg.SendQueueBytes/size + 64<<10/size + maxCorked + 3*runtime.GOMAXPROCS(0))
	t.Logf("%d requests were taken, at most %d may be", received.Load(), bound)
	if received.Load() > bound {
		t.Errorf("%d requests were taken, at most %d may be", received.Load(), bound)
	}
	for range 100 {
		good.Send(zmtptest.Message("id", "", "quick"))
		good.Message()
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		if err := stuck.SetWriteDeadline(time.Now().Add(testkit.Patience())); err != nil {
			t.Error(err)
		}
		rest := one[written%len(one):]
		if _, err := stuck.Write(rest); err != nil {
			t.Error(err)
		}
	})
	for range sent + 1 {
		if m := stuck.Message(); len(m) != 3 || len(m[2]) != size {
			t.Fatalf("got %.40q", m)
		}
	}
}

// TestRouterShutdownWithJobsThatStay does not wait for them for ever.
func TestRouterShutdownWithJobsThatStay(t *testing.T) {
	release := make(chan struct{})
	server, began := blocking(release)
	router, ep := routing(t, routerConfig(), server, tcp)
	p := zmtptest.DialAs(t, ep, "DEALER")
	p.Send(zmtptest.Message("id", "", "block"))
	testkit.Receive(t, began, "the beginning")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = router.Drain(ctx)
	if err := router.Shutdown(ctx); !errors.Is(err, errJobsLeft) {
		t.Errorf("Shutdown: %v, want that jobs are left", err)
	}
	close(release)
	p.Drained()
}

// TestRouterContextEndsWhenWeClose closes the connection under a job that
// waits for its context, in the goroutine that serves the connection and in
// others.
func TestRouterContextEndsWhenWeClose(t *testing.T) {
	for _, quick := range []bool{false, true} {
		for _, before := range []int{0, 3} {
			t.Run(fmt.Sprint("quick ", quick, " after ", before), func(t *testing.T) {
				ended := make(chan error, 1)
				server := &echoServer{before: func(p *RouterPeer, frames [][]byte) bool {
					if string(frames[2]) == "block" {
						p.Close(errKilled)
						<-p.Context.Done()
						ended <- context.Cause(p.Context)
					}
					return true
				}}
				for quick && !server.pace.quick() {
					server.pace.note(0)
				}
				_, ep := routing(t, routerConfig(), server, tcp)
				p := zmtptest.DialAs(t, ep, "DEALER")
				for range before {
					p.Send(zmtptest.Message("id", "", "x"))
					p.Message()
				}
				p.Send(zmtptest.Message("id", "", "block"))
				if err := testkit.Receive(t, ended, "the end"); !errors.Is(err, errKilled) {
					t.Errorf("the context ended with %v", err)
				}
				p.Drained()
			})
		}
	}
}

// TestRouterIdentityOfStalledPeer: a peer that does not read is not read, so
// its silence means nothing. Who comes with its identity is served all the same,
// for it does not read what was written to it either.
func TestRouterIdentityOfStalledPeer(t *testing.T) {
	events := newRecorder()
	cfg := testConfig(zmtp.Router, events)
	cfg.SendQueue, cfg.HeartbeatInterval, cfg.HeartbeatTimeout = 10, 20*time.Millisecond, 300*time.Millisecond
	_, ep := routing(t, cfg, new(echoServer), tcp)
	stalled := zmtptest.DialAs(t, ep, "DEALER", zmtp.PropertyIdentity, "me")
	request := zmtptest.Message("id", "", strings.Repeat("x", 64<<10))
	if err := stalled.SetWriteDeadline(time.Now().Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	for err := error(nil); err == nil; { // until it is not read any more
		_, err = stalled.Write(request)
	}
	again := zmtptest.DialAs(t, ep, "DEALER", zmtp.PropertyIdentity, "me")
	again.Send(zmtptest.Message("id", "", "served"))
	again.Message()
	events.await(t, link.HeartbeatLost, 1)
}
