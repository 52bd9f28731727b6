package gozmq

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// Both sides of calls count the same, and go on counting what departed peers
// did.
func TestStatsOfCalls(t *testing.T) {
	const calls = 50
	everywhere(t, func(t *testing.T, s site) {
		server, c := s.pair(t, echoHandlers(), nil, []DialOption{WithRoutingID("me"), WithHeartbeat(0, 0)})
		for range calls {
			mustEcho(t, c)
		}
		var out, in Stats
		testkit.Eventually(t, "equal counts", func() bool {
			out, in = c.Stats(), server.Stats()
			return out.MessagesOut == calls && out.MessagesIn == calls && in.MessagesIn == calls && in.MessagesOut == calls &&
				out.BytesOut == in.BytesIn && out.BytesIn == in.BytesOut && in.BytesIn > calls*uint64(len(t.Name()))
		})
		dialed, accepted := out, in
		if s.swapped {
			dialed, accepted = in, out
		}
		if dialed.Dialed != 1 || dialed.Accepted != 0 || accepted.Accepted != 1 || accepted.Dialed != 0 || in.Disconnected != 0 {
			t.Errorf("the client has counted %+v, the server %+v", out, in)
		}
		if len(in.Peers) != 1 || in.Peers[0].Traffic != in.Traffic || in.Peers[0].SocketType != "DEALER" || in.Peers[0].RoutingID != "me" ||
			in.Peers[0].Dialed != s.swapped || in.Peers[0].Address == "" || time.Since(in.Peers[0].Since) > testkit.Patience() {
			t.Errorf("the server has the peers %+v", in.Peers)
		}
		if len(out.Peers) != 1 || out.Peers[0].Endpoint != in.Peers[0].Endpoint || out.Peers[0].SocketType != "ROUTER" || out.Peers[0].QueuedMessages != 0 {
			t.Errorf("the client has the peers %+v", out.Peers)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		testkit.Eventually(t, "the end of the connection", func() bool { return server.Stats().Disconnected == 1 })
		if end := server.Stats(); len(end.Peers) != 0 || end.Traffic != in.Traffic {
			t.Errorf("after the end the server has counted %+v, before it %+v", end, in)
		}
		if end := c.Stats(); len(end.Peers) != 0 || end.Traffic != out.Traffic || end.Disconnected != 1 {
			t.Errorf("after the end the client has counted %+v, before it %+v", end, out)
		}
	})
}

// What goes wrong is counted by its kind.
func TestStatsOfFailures(t *testing.T) {
	server := serve(t, Bind("tcp://127.0.0.1:*"), echoHandlers())
	subscriber(t, Connect(server.addr()), WithReconnectBackoff(time.Hour, time.Hour))
	testkit.Eventually(t, "a failed handshake", func() bool { return server.Stats().HandshakesFailed == 1 })
	dialRaw(t, server.addr(), zmtp.Dealer)
	odd := dialRaw(t, server.addr(), zmtp.Dealer)
	odd.send("no", "empty", "frame")
	var s Stats
	testkit.Eventually(t, "two peers, and a malformed message", func() bool {
		s = server.Stats()
		return s.Accepted == 2 && s.Malformed == 1 && s.MessagesIn == 1
	})
	if s.DialsFailed+s.Reconnected+s.AcceptsFailed+s.HeartbeatsLost != 0 {
		t.Errorf("the server has counted %+v", s)
	}
	hasty := serve(t, Bind("tcp://127.0.0.1:*"), echoHandlers(), WithHeartbeat(10*time.Millisecond, 50*time.Millisecond))
	dialRaw(t, hasty.addr(), zmtp.Dealer).wantClosed()
	testkit.Eventually(t, "a lost heartbeat", func() bool { return hasty.Stats().HeartbeatsLost == 1 })
	if s := hasty.Stats(); s.Accepted != 1 || s.HandshakesFailed+s.Malformed != 0 {
		t.Errorf("the one that loses heartbeats has counted %+v", s)
	}
}

// Whose address has broken the protocol again and again waits, which is told and
// counted.
func TestStatsOfDelays(t *testing.T) {
	const offenses = 30
	events := newRecorder()
	server := serve(t, Bind("tcp://127.0.0.1:*"), echoHandlers(), events.option())
	for n := 1; events.count(EventDelayed) == 0; n++ { // all is forgiven after a second
		if n > 10 {
			t.Fatal("nobody waits")
		}
		bad := make([]*rawPeer, offenses)
		for i := range bad {
			bad[i] = dialRaw(t, server.addr(), zmtp.Dealer)
		}
		for _, p := range bad {
			p.Send([]byte{0x80, 0})
		}
		events.wait(t, EventDisconnected, n*offenses)
		if n := server.Stats().Delayed; n > 0 {
			t.Errorf("%d connections waited before anyone had done wrong", n)
		}
		mustEcho(t, dial(t, Connect(server.addr())))
	}
	if n := server.Stats().Delayed; n != 1 {
		t.Errorf("%d connections are counted, want 1", n)
	}
}

// A dialed connection that is lost is counted again when it is back.
func TestStatsOfReconnecting(t *testing.T) {
	ln := zmtptest.Listen(t)
	c := dial(t, Connect(ln.Endpoint.String()), WithReconnectBackoff(time.Millisecond, time.Millisecond), WithHeartbeat(0, 0))
	for range 3 {
		ln.NextAs(zmtp.Router).Close()
	}
	last := ln.NextAs(zmtp.Router)
	testkit.Eventually(t, "three more connections", func() bool { return c.Stats().Reconnected == 3 })
	if s := c.Stats(); s.Dialed != 4 || s.Accepted != 0 || s.HandshakesFailed != 0 {
		t.Errorf("the Conn has counted %+v", s)
	}
	ln.Close()
	last.Close()
	testkit.Eventually(t, "a failed attempt", func() bool { return c.Stats().DialsFailed > 0 })
}

// A publisher shows each subscriber's subscriptions, and what it missed.
func TestStatsOfFeed(t *testing.T) {
	p := publisher(t, Bind("tcp://127.0.0.1:*"), WithSendQueue(10, 64<<10))
	sub := subscriber(t, Connect(p.Addrs()[0]))
	fast := listen(t, p, sub)
	slow := dialRaw(t, p.Addrs()[0], zmtp.Sub)
	for _, topic := range []string{"weather/", "weather/a", "other", "more"} {
		slow.Send(zmtp.AppendCommand(nil, zmtp.CommandSubscribe, []byte(topic)))
	}
	slow.Send(zmtp.AppendCommand(nil, zmtp.CommandCancel, []byte("more")))
	slow.Send(zmtp.AppendCommand(nil, zmtp.CommandSubscribe, []byte("last")))
	if err := p.WaitForSubscribers(testkit.Within(t), "last", 1); err != nil {
		t.Fatal(err)
	}
	note, sent := strings.Repeat("x", 8<<10), uint64(0)
	var s Stats
	var good, bad PeerStats
	for bad.Dropped < 5 || bad.QueuedMessages == 0 { // the kernel may yet take what is queued
		publish(t, p, at(fmt.Sprint(sent), note))
		sent++
		fast.next(t)
		if s = p.Stats(); len(s.Peers) != 2 {
			t.Fatalf("the publisher has the peers %+v", s.Peers)
		}
		good, bad = s.Peers[0], s.Peers[1]
	}
	if good.Subscriptions != 1 || good.Dropped != 0 || good.MessagesOut+uint64(good.QueuedMessages) != sent {
		t.Errorf("of %d messages: a good peer has counted %+v", sent, good)
	}
	if bad.Subscriptions != 4 || bad.Dropped != s.Dropped || bad.Dropped != p.Dropped() || bad.QueuedBytes < 8<<10*bad.QueuedMessages ||
		bad.MessagesOut+uint64(bad.QueuedMessages)+bad.Dropped != sent {
		t.Errorf("of %d messages: a stalled peer has counted %+v", sent, bad)
	}
	testkit.Eventually(t, "the subscriber's count", func() bool { return sub.Stats().MessagesIn == sent })
}

// Every stage of a pipeline counts, and so does a worker, before, while and
// after it runs.
func TestStatsOfPipeline(t *testing.T) {
	const tasks = 100
	overEach(t, func(t *testing.T, s site) {
		p := s.pipeline(t, nil, nil)
		w := work(t, squaring(squares), p.from, p.to)
		if tasks, results := w.Stats(); tasks.MessagesIn != 0 || results.MessagesOut != 0 {
			t.Errorf("before it runs a task the worker has counted %+v and %+v", tasks, results)
		}
		p.push(t, tasks)
		results := follow(t, func(ctx context.Context) seq[*number] { return Results[number](ctx, p.Sink, squareMethod) })
		for range tasks {
			results.next(t)
		}
		testkit.Eventually(t, "all counts", func() bool {
			in, out := w.Stats()
			return p.Ventilator.Stats().MessagesOut == tasks && in.MessagesIn == tasks &&
				out.MessagesOut == tasks && p.Sink.Stats().MessagesIn == tasks
		})
		if err := w.stop(); err != nil {
			t.Fatal(err)
		}
		if _, s := w.Stats(); s.Dialed != 1 || s.Disconnected != 1 || s.MessagesOut != tasks || len(s.Peers) != 0 {
			t.Errorf("after its end the worker has counted %+v", s)
		}
	})
}

// A proxy counts each side by itself.
func TestStatsOfProxy(t *testing.T) {
	overEach(t, func(t *testing.T, s site) {
		c := newChain(t, PatternReqRep, s.endpoint, 1)
		serve(t, Connect(c.back()), echoHandlers())
		conn := dial(t, Connect(c.front()))
		mustEcho(t, conn)
		mustEcho(t, conn)
		var front, back Stats
		testkit.Eventually(t, "two messages each way", func() bool {
			front, back = c[0].FrontStats(), c[0].BackStats()
			return front.MessagesIn == 2 && front.MessagesOut == 2 && back.MessagesIn == 2 && back.MessagesOut == 2
		})
		if front.Peers[0].SocketType != "DEALER" || back.Peers[0].SocketType != "ROUTER" {
			t.Errorf("the front has the peers %+v, the back %+v", front.Peers, back.Peers)
		}
	})
}

// A server that never listened has counted nothing.
func TestStatsOfIdleServer(t *testing.T) {
	if s := newServer(t, Bind("inproc://"+t.Name())).Stats(); s.Accepted != 0 || s.Peers != nil {
		t.Errorf("got %+v", s)
	}
}

// Totals do not go back when peers go, whoever looks and whenever.
func TestStatsNeverGoBack(t *testing.T) {
	server := serve(t, Bind("tcp://127.0.0.1:*"), echoHandlers())
	stop := make(chan struct{})
	var looking, calling sync.WaitGroup
	looking.Go(func() {
		var last Stats
		for {
			s := server.Stats()
			if s.MessagesIn < last.MessagesIn || s.BytesOut < last.BytesOut || s.Accepted < last.Accepted || s.Disconnected < last.Disconnected {
				t.Errorf("%+v came behind %+v", s, last)
			}
			last = s
			select {
			case <-stop:
				return
			default:
			}
		}
	})
	const callers, rounds = 4, 10
	for range callers {
		calling.Go(func() {
			for range rounds {
				c, err := Dial(Connect(server.addr()))
				if err == nil {
					err = errors.Join(callEcho(testkit.Within(t), c, "x"), c.Close())
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	calling.Wait()
	testkit.Eventually(t, "the end of all connections", func() bool { return server.Stats().Disconnected == callers*rounds })
	close(stop)
	looking.Wait()
	if s := server.Stats(); len(s.Peers) != 0 || s.MessagesIn != callers*rounds || s.MessagesOut != callers*rounds || s.Accepted != callers*rounds {
		t.Errorf("the server has counted %+v", s)
	}
}

// Every counter of the layer below is shown.
func TestStatsAreComplete(t *testing.T) {
	complete := func(shown, counted reflect.Type) {
		for i := range counted.NumField() {
			name := counted.Field(i).Name
			switch name {
			case "Identity":
				name = "RoutingID"
			case "Peer": // shown as its mechanism and who it has proved to be
				name = "Mechanism"
			}
			if _, ok := shown.FieldByName(name); !ok {
				t.Errorf("%v has no field %s, which the connections count", shown, name)
			}
		}
	}
	complete(reflect.TypeFor[Stats](), reflect.TypeFor[link.Stats]())
	complete(reflect.TypeFor[PeerStats](), reflect.TypeFor[link.PeerStats]())
}
