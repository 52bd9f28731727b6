package conformance

import (
	"context"
	"encoding/binary"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqimpl"
)

// fill pushes bodies of a size to a peer that does not read, until no more are
// taken, and returns how many were. One Push that has waited in vain shows nothing:
// the machine may have stalled while there was room.
func fill(t *testing.T, v *ventilator, size int) int {
	t.Helper()
	body := words(strings.Repeat("x", size))
	for inVain := 0; inVain < 4; {
		ctx, cancel := context.WithTimeout(context.Background(), 25*time.Millisecond)
		err := gozmqimpl.Push(ctx, v.Ventilator, taskMethod, body)
		cancel()
		switch {
		case err == nil:
			inVain = 0
		case gozmq.CodeOf(err) == gozmq.CodeDeadlineExceeded:
			inVain++
		default:
			t.Fatal(err)
		}
		if v.Sent() > 10_000 {
			t.Fatal("Push never waits")
		}
	}
	return int(v.Sent())
}

// deafPeers calls f with a ventilator that binds, and one that connects, each
// with one worker that does not read.
func deafPeers(t *testing.T, at *env, f func(v *ventilator, p *rawPeer), opts ...gozmq.VentilatorOption) {
	t.Helper()
	v := ventilate(t, gozmq.Bind(at.endpoint()), opts...)
	p := at.dial(t, "PULL", v.Addrs()[0]).(*rawPeer)
	v.awaitWorkers(t, 1)
	f(v, p)

	bound, where := at.bind(t, "PULL")
	v = ventilate(t, gozmq.Connect(where), opts...)
	shaken(bound)
	v.awaitWorkers(t, 1)
	f(v, bound.(*rawPeer))
}

const inKernel = 24 << 20 // more than two of the kernel's buffers hold

func markMessages(t *testing.T, at *env) {
	const size, mark = 128 << 10, 40
	deafPeers(t, at, func(v *ventilator, p *rawPeer) {
		n := fill(t, v, size)
		if n < mark || n > mark+inKernel/size {
			t.Errorf("%d messages were taken, want %d and what the kernel holds", n, mark)
		}
		for range n {
			p.recv()
		}
		v.push(t, "there is room again")
		p.recv()
	}, gozmq.WithSendQueue(mark, 1<<30))
}

func markBytes(t *testing.T, at *env) {
	const size, mark = 1 << 10, 1 << 20
	deafPeers(t, at, func(v *ventilator, p *rawPeer) {
		n := fill(t, v, size)
		if n < mark/(size+64) || n > (mark+inKernel)/size {
			t.Errorf("%d messages were taken, want %d bytes of them and what the kernel holds", n, mark)
		}
	}, gozmq.WithSendQueue(1<<20, mark))
}

func linger(t *testing.T, at *env) {
	const time200 = 200 * time.Millisecond
	v := ventilate(t, gozmq.Bind(at.endpoint()), gozmq.WithLinger(time200))
	at.dial(t, "PULL", v.Addrs()[0])
	v.awaitWorkers(t, 1)
	fill(t, v, 128<<10)
	start := time.Now()
	if err := v.Close(); err == nil {
		t.Error("Close left messages and did not say so")
	}
	if took := time.Since(start); took < time200 {
		t.Errorf("Close waited for %v, want %v", took, time200)
	}

	v = ventilate(t, gozmq.Bind(at.endpoint()), gozmq.WithLinger(testkit.Patience()))
	p := at.dial(t, "PULL", v.Addrs()[0]).(*rawPeer)
	v.awaitWorkers(t, 1)
	n := fill(t, v, 128<<10)
	closed := make(chan error, 1)
	go func() { closed <- v.Close() }()
	for range n {
		p.recv()
	}
	p.wantClosed()
	p.close()
	if err := testkit.Receive(t, closed, "the end of Close"); err != nil {
		t.Errorf("Close: %v", err)
	}
}

func lingerDefault(t *testing.T, at *env) {
	v, err := gozmq.NewVentilator(gozmq.Bind(at.endpoint()))
	if err != nil {
		t.Fatal(err)
	}
	closing(t, v)
	at.dial(t, "PULL", v.Addrs()[0])
	if err := v.WaitForWorkers(testkit.Within(t), 1); err != nil {
		t.Fatal(err)
	}
	fill(t, &ventilator{Ventilator: v}, 128<<10)
	start := time.Now()
	if err := v.Close(); err == nil {
		t.Error("Close left messages and did not say so")
	}
	if took := time.Since(start); took < time.Second || took > testkit.Patience()/2 {
		t.Errorf("Close took %v, want about 1s", took)
	}
}

func reconnectDefault(t *testing.T, at *env) {
	ln := at.listen(t)
	c, err := gozmq.Dial(gozmq.Connect(ln.endpoint), gozmq.WithLinger(0))
	if err != nil {
		t.Fatal(err)
	}
	closing(t, c)
	first := ln.accept()
	start := time.Now()
	first.close()
	ln.accept()
	if took := time.Since(start); took < 70*time.Millisecond || took > testkit.Stretch(5*time.Second) {
		t.Errorf("the second attempt came after %v, want 75 to 125 ms", took)
	}
}

func tenSeconds(t *testing.T, at *env) {
	s := at.serve(t, echo)
	start := time.Now()
	silent, idle := at.connect(t, s.endpoint), at.connect(t, s.endpoint)
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		silent.wantClosed()
		if took := time.Since(start); took < 9*time.Second {
			t.Errorf("a silent peer was dropped after %v, want 10s", took)
		}
	})
	idle.shake("DEALER", 1)
	data := idle.awaitCommand("PING")
	if took := time.Since(start); took < 7*time.Second {
		t.Errorf("the first PING came after %v, want about 10s", took)
	}
	if ttl := binary.BigEndian.Uint16([]byte(data)); ttl != 300 {
		t.Errorf("the time to live is %d tenths of a second, want 300", ttl)
	}
}

func contradictions(t *testing.T, at *env) {
	for name, o := range map[string]gozmq.SocketOption{
		"WithRoutingID":        gozmq.WithRoutingID("\x00"),
		"WithMaxMessageSize":   gozmq.WithMaxMessageSize(0),
		"WithSendQueue":        gozmq.WithSendQueue(0, 1),
		"WithHeartbeat":        gozmq.WithHeartbeat(time.Second, time.Second),
		"WithReconnectBackoff": gozmq.WithReconnectBackoff(time.Second, time.Millisecond),
		"WithConnectTimeout":   gozmq.WithConnectTimeout(time.Second, 0),
		"WithMaxHandshakes":    gozmq.WithMaxHandshakes(0),
		"WithMaxPeers":         gozmq.WithMaxPeers(0),
		"WithLinger":           gozmq.WithLinger(-1),
	} {
		where := gozmq.Bind(at.endpoint())
		for kind, open := range map[string]func() (io.Closer, error){
			"Dial":          func() (io.Closer, error) { return gozmq.Dial(where, o) },
			"NewPublisher":  func() (io.Closer, error) { return gozmq.NewPublisher(where, o) },
			"NewSubscriber": func() (io.Closer, error) { return gozmq.NewSubscriber(where, o) },
			"NewVentilator": func() (io.Closer, error) { return gozmq.NewVentilator(where, o) },
			"NewSink":       func() (io.Closer, error) { return gozmq.NewSink(where, o) },
			"NewProxy": func() (io.Closer, error) {
				return gozmq.NewProxy(gozmq.PatternReqRep, gozmq.Front(where), gozmq.Back(where), o)
			},
			"NewServer": func() (io.Closer, error) { return gozmq.NewServer(where, o) },
		} {
			s, err := open()
			if err == nil {
				_ = s.Close()
			}
			if err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("%s with a bad %s returned %v", kind, name, err)
			}
		}
	}
}

func ipcMode(t *testing.T, at *env) {
	for _, endpoint := range []string{at.endpoint(), "ipc://*"} {
		s := serveAt(t, gozmq.Bind(endpoint), echo)
		info, err := os.Stat(strings.TrimPrefix(s.endpoint, "ipc://"))
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode().Perm(); mode != 0o600 && runtime.GOOS != "windows" {
			t.Errorf("%s has the mode %v", s.endpoint, mode)
		}
	}
}

// names binds one address only: where the name has another one as well, it is
// tried in vain.
func names(t *testing.T, at *env) {
	p, where := at.bind(t, "REP")
	c := dial(t, gozmq.Connect(strings.Replace(where, "127.0.0.1", "localhost", 1)))
	done := c.begin(testkit.Within(t), "hello")
	p.send(p.recv()...)
	wantReply(t, done, "hello")
}
