package link

import (
	"bytes"
	"fmt"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// beating is a configuration with fast heartbeats.
func beating(kind zmtp.SocketType, r *recorder) Config {
	cfg := testConfig(kind, r)
	cfg.HeartbeatInterval, cfg.HeartbeatTimeout, cfg.HeartbeatTTL = 20*time.Millisecond, 200*time.Millisecond, 300*time.Millisecond
	return cfg
}

// TestLostPeer checks that a peer that falls silent is noticed, that it got
// PINGs before, and that another one that answers stays.
func TestLostPeer(t *testing.T) {
	for _, network := range networks {
		t.Run(network, func(t *testing.T) {
			events := newRecorder()
			_, ep := boundTo(t, beating(zmtp.Router, events), handlerFunc(echo), network)
			good := zmtptest.DialAs(t, ep, "DEALER")
			stop := make(chan struct{})
			defer close(stop)
			go answerPings(good, stop)
			start := time.Now()
			lost := zmtptest.DialAs(t, ep, "DEALER")
			name, body := lost.Command()
			ttl, context, err := zmtp.ParsePing(body)
			if name != zmtp.CommandPing || ttl != 300*time.Millisecond || len(context) > 0 || err != nil {
				t.Errorf("got %s with ttl %v, context %q, %v", name, ttl, context, err)
			}
			e := events.await(t, 0, HeartbeatLost, 1)
			wantReason(t, e, "nothing received for 200ms")
			if after := time.Since(start); after < 150*time.Millisecond {
				t.Errorf("the peer was given up after %v, its time is 200ms", after)
			}
			wantReason(t, events.await(t, 0, Disconnected, 1), "heartbeat lost")
			if p := events.await(t, 0, HeartbeatLost, 1).Peer; p == good.LocalAddr().String() && network == networks[0] {
				t.Error("the wrong peer was given up")
			}
			if n := events.count(Disconnected); n != 1 {
				t.Errorf("%d peers are gone, want one", n)
			}
			lost.Drained()
		})
	}
}

// answerPings answers with PONGs until stop is closed or the connection is.
func answerPings(p *zmtptest.Peer, stop <-chan struct{}) {
	for {
		_, command, _, err := p.Token()
		if err != nil {
			return
		}
		if name, body, err := zmtp.ParseCommand(command); err == nil && string(name) == zmtp.CommandPing {
			_, _ = p.Write(zmtp.AppendCommand(nil, zmtp.CommandPong, body[2:]))
		}
		select {
		case <-stop:
			return
		default:
		}
	}
}

// TestPong checks that a PING is answered with its context, also when our own
// heartbeats are off, and within a message.
func TestPong(t *testing.T) {
	_, ep := bound(t, testConfig(zmtp.Router, newRecorder()), handlerFunc(echo))
	p := zmtptest.DialAs(t, ep, "DEALER")
	for _, context := range []string{"", "x", "0123456789abcdef"} {
		p.Send(zmtp.AppendFrameString(nil, zmtp.FlagMore, "first"))
		p.Send(zmtp.AppendCommand(nil, zmtp.CommandPing, []byte{0, 0}, []byte(context)))
		if name, body := p.Command(); name != zmtp.CommandPong || string(body) != context {
			t.Errorf("got %s %q, want PONG %q", name, body, context)
		}
		p.Send(zmtp.AppendFrameString(nil, 0, "second"))
		if m := p.Message(); len(m) != 2 || string(m[1]) != "second" {
			t.Errorf("got %q", m)
		}
	}
}

// TestPingsThrottled checks that a peer which sends PINGs without end is
// answered, and read with pauses.
func TestPingsThrottled(t *testing.T) {
	_, ep := bound(t, testConfig(zmtp.Router, newRecorder()), handlerFunc(echo))
	p := zmtptest.DialAs(t, ep, "DEALER")
	const beyond = 20
	n := pingLimit.Burst + beyond
	begin := time.Now()
	for range n {
		p.Send(zmtp.AppendCommand(nil, zmtp.CommandPing, []byte{0, 0}, []byte("x")))
	}
	for range n {
		if name, _ := p.Command(); name != zmtp.CommandPong {
			t.Fatalf("got %s, want PONG", name)
		}
	}
	if d, least := time.Since(begin), (beyond-1)*pingLimit.Every; d < least {
		t.Errorf("%d PINGs were answered in %v, want at least %v", n, d, least)
	}
}

// TestTimeToLive checks that a peer that asked to be given up is, whether or
// not our own heartbeats are on, and that traffic keeps it.
func TestTimeToLive(t *testing.T) {
	for _, on := range []bool{true, false} {
		t.Run(fmt.Sprint("heartbeats ", on), func(t *testing.T) {
			events := newRecorder()
			cfg := testConfig(zmtp.Router, events)
			if on {
				cfg.HeartbeatInterval, cfg.HeartbeatTimeout, cfg.HeartbeatTTL = 20*time.Millisecond, time.Hour, time.Minute
			}
			_, ep := bound(t, cfg, handlerFunc(echo))
			p := zmtptest.DialAs(t, ep, "DEALER")
			// In one write: a pause between two would be silence.
			messages := bytes.Repeat(zmtptest.Message("alive"), 20)
			p.Send(zmtptest.Join(zmtp.AppendCommand(nil, zmtp.CommandPing, []byte{0, 1}), messages))
			for range 20 {
				p.Message()
			}
			wantReason(t, events.await(t, 0, HeartbeatLost, 1), "nothing received for 100ms")
			p.Drained()
		})
	}
}

// TestTimeToLiveIsTheLatest checks that a later PING takes an earlier wish
// back.
func TestTimeToLiveIsTheLatest(t *testing.T) {
	events := newRecorder()
	cfg := testConfig(zmtp.Router, events)
	cfg.HeartbeatInterval, cfg.HeartbeatTimeout, cfg.HeartbeatTTL = 10*time.Millisecond, time.Hour, time.Minute
	_, ep := bound(t, cfg, handlerFunc(echo))
	p := zmtptest.DialAs(t, ep, "DEALER")
	p.Send(zmtptest.Join(zmtp.AppendCommand(nil, zmtp.CommandPing, []byte{0, 3}), zmtp.AppendCommand(nil, zmtp.CommandPing, []byte{0, 0})))
	for pings := 0; pings < 60; { // about 600 ms, twice the time
		if name, _ := p.Command(); name == zmtp.CommandPing {
			pings++
		}
	}
	if n := events.count(HeartbeatLost); n > 0 {
		t.Error("the peer was given up")
	}
}

// TestPausedIsNotLost checks that silence counts for nothing while the pattern
// does not read, and counts again afterwards.
func TestPausedIsNotLost(t *testing.T) {
	events := newRecorder()
	resume := make(chan struct{})
	_, ep := bound(t, beating(zmtp.Pull, events), handlerFunc(func(c *Conn) error {
		c.Pause()
		<-resume
		c.Unpause()
		return echo(c)
	}))
	p := zmtptest.DialAs(t, ep, "PUSH")
	for pings := 0; pings < 20; { // 400 ms, twice the timeout
		if name, _ := p.Command(); name == zmtp.CommandPing {
			pings++
		}
	}
	if n := events.count(HeartbeatLost); n > 0 {
		t.Error("the peer was given up while it was not read")
	}
	close(resume)
	wantReason(t, events.await(t, 0, HeartbeatLost, 1), "nothing received")
	p.Drained()
}

// TestOldPeerGetsNoPing checks that a peer of ZMTP 3.0, which knows no
// heartbeats, gets none and is not given up.
func TestOldPeerGetsNoPing(t *testing.T) {
	events := newRecorder()
	_, ep := bound(t, beating(zmtp.Router, events), handlerFunc(echo))
	old := zmtptest.Dial(t, ep)
	old.Send(zmtptest.Join(zmtptest.Greeting(3, 0, "NULL"), zmtptest.Ready("Socket-Type", "DEALER")))
	old.Greeted()
	young := zmtptest.DialAs(t, ep, "DEALER")
	events.await(t, 0, HeartbeatLost, 1) // the young one is given up, the old one is not
	old.Send(zmtptest.AppendMessage(nil, []byte("still there")))
	if token, command, m, err := old.Token(); token != zmtp.Message || err != nil || string(m[0]) != "still there" {
		t.Errorf("got command %q, message %q, %v", command, m, err)
	}
	young.Drained()
}

// TestGroupsKeepEachOther checks that two of our own groups that have nothing
// to say stay connected.
func TestGroupsKeepEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // whose clock waits for every goroutine
		events := newRecorder()
		serve := handlerFunc(echo)
		_, ep := boundTo(t, beating(zmtp.Router, events), serve, "inproc://keep")
		g := NewGroup(beating(zmtp.Dealer, events), serve)
		defer shutdown(t, g)
		if err := g.Connect(ep); err != nil {
			t.Fatal(err)
		}
		events.await(t, 0, Connected, 2)
		time.Sleep(time.Minute)
		if lost := events.all(0, Disconnected); len(lost) > 0 {
			t.Fatalf("%d connections ended: %v", len(lost), lost)
		}
	})
}

// TestPingsToAStalledPeerAreBounded checks that a peer that pings and does not
// read costs no more than the queue.
func TestPingsToAStalledPeerAreBounded(t *testing.T) {
	cfg := testConfig(zmtp.Router, newRecorder())
	cfg.SendQueueBytes = 64 << 10
	conns := make(chan *Conn, 1)
	_, ep := boundTo(t, cfg, handlerFunc(func(c *Conn) error {
		conns <- c
		return echo(c)
	}), "inproc://pings") // little room on the way
	p := zmtptest.DialAs(t, ep, "DEALER")
	c := testkit.Receive(t, conns, "a connection")
	ping := zmtp.AppendCommand(nil, zmtp.CommandPing, []byte{0, 0}, make([]byte, 16))
	for range 150 { // their answers are more than the queue takes; more would take long (pingLimit)
		for range 20 {
			p.Send(ping)
		}
		if held := c.held(); held > 3*cfg.SendQueueBytes {
			t.Fatalf("%d bytes are held, the limit is %d", held, cfg.SendQueueBytes)
		}
	}
}

// TestSlowLine sends a peer, which sends nothing itself, more than its line can
// take within the heartbeat timeout: what it takes keeps the connection.
func TestSlowLine(t *testing.T) {
	for _, network := range networks {
		t.Run(network, func(t *testing.T) {
			const size = 1 << 20
			events := newRecorder()
			served := make(chan *Conn, 1)
			cfg := beating(zmtp.Router, events)
			cfg.HeartbeatTimeout = testkit.Stretch(500 * time.Millisecond) // the reader below is to be scheduled within
			cfg.KernelSend = 16 << 10
			_, ep := boundTo(t, cfg, handlerFunc(func(c *Conn) error {
				served <- c
				return echo(c)
			}), network)
			p := zmtptest.DialAs(t, ep, "DEALER")
			if tcp, ok := p.Conn.(*net.TCPConn); ok {
				if err := tcp.SetReadBuffer(16 << 10); err != nil {
					t.Fatal(err)
				}
			}
			c := testkit.Receive(t, served, "a connection")
			b, err := c.BeginForced()
			if err != nil {
				t.Fatal(err)
			}
			c.Commit(zmtptest.AppendMessage(b, make([]byte, size)))
			slow := make([]byte, 32<<10)
			for n := 0; n < size; { // for three times the timeout
				m, err := p.Conn.Read(slow)
				if err != nil {
					t.Fatalf("%v after %d bytes", err, n)
				}
				n += m
				time.Sleep(3 * cfg.HeartbeatTimeout * time.Duration(m) / size)
			}
			if n := events.count(HeartbeatLost); n > 0 {
				t.Error("the peer was given up while it took what was sent to it")
			}
			wantReason(t, events.await(t, 0, HeartbeatLost, 1), "nothing received")
		})
	}
}

// TestBusyReceiver checks that a peer that only receives, and neither reads nor
// sends because its queue is full, is waited for, unless it sends PINGs of its
// own; and that one with nothing to read is not.
func TestBusyReceiver(t *testing.T) {
	for _, tt := range []struct {
		name   string
		pings  bool
		size   int
		expect bool // to be given up
	}{
		{"full", false, 8 << 20, false},
		{"has something to read", false, 10, false},
		{"has nothing to read", false, 0, true},
		{"sends PINGs", true, 8 << 20, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			events := newRecorder()
			served := make(chan *Conn, 1)
			_, ep := bound(t, beating(zmtp.Push, events), handlerFunc(func(c *Conn) error {
				served <- c
				return echo(c)
			}))
			p := zmtptest.DialAs(t, ep, "PULL")
			if tt.pings {
				p.Send(zmtp.AppendCommand(nil, zmtp.CommandPing, []byte{0, 0}))
			}
			c := testkit.Receive(t, served, "a connection")
			if tt.size > 0 {
				time.Sleep(20 * time.Millisecond) // the PING was read
				b, err := c.BeginForced()
				if err != nil {
					t.Fatal(err)
				}
				c.Commit(zmtptest.AppendMessage(b, make([]byte, tt.size)))
			}
			if tt.expect {
				events.await(t, 0, HeartbeatLost, 1)
				return
			}
			time.Sleep(3 * 200 * time.Millisecond)
			if n := events.count(HeartbeatLost); n > 0 {
				t.Error("the peer was given up")
			}
		})
	}
}

// TestSignsOfLife checks that a peer whose heartbeats are faster than ours
// hears of us while we do not read.
func TestSignsOfLife(t *testing.T) {
	for name, pings := range map[string][]byte{
		"by its time to live":         zmtp.AppendPing(nil, 200*time.Millisecond),
		"by the time between its own": zmtp.AppendPing(zmtp.AppendPing(nil, 0), 0),
	} {
		t.Run(name, func(t *testing.T) {
			resume := make(chan struct{})
			defer close(resume)
			served := make(chan *Conn, 1)
			_, ep := bound(t, testConfig(zmtp.Pull, newRecorder()), handlerFunc(func(c *Conn) error {
				served <- c
				if _, err := c.Next(); err != nil { // which reads the PINGs
					return err
				}
				c.Pause()
				<-resume
				c.Unpause()
				return echo(c)
			}))
			p := zmtptest.DialAs(t, ep, "PUSH")
			p.Send(pings)
			testkit.Receive(t, served, "a connection")
			p.Send(zmtptest.Message("x"))
			last, shortest := time.Now(), time.Hour // a pause of this process lengthens one gap, not all
			for heard := 0; heard < 5; {
				if name, _ := p.Command(); name == zmtp.CommandPing {
					heard++
					shortest, last = min(shortest, time.Since(last)), time.Now()
				}
			}
			if shortest > 400*time.Millisecond {
				t.Errorf("between two of 5 signs of life there were at least %v", shortest)
			}
		})
	}
}
