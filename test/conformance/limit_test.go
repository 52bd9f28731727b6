package conformance

import (
	"encoding/binary"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/test/internal/rawzmtp"
)

func messageDefault(t *testing.T, at *env) {
	const limit = 4 << 20                   // without WithMaxMessageSize
	largest := strings.Repeat("x", limit-5) // 5 bytes go before it
	s := at.serve(t, echo)
	p := at.dial(t, "REQ", s.endpoint)
	p.send(encode(t, largest))
	want(t, "the reply", p.recv(), []string{encode(t, largest)})
	p.(*rawPeer).tryWrite(rawzmtp.Message("", encode(t, largest+"x")))
	p.(*rawPeer).wantClosed()
	wantReason(t, s.await(t, gozmq.EventDisconnected, 1), "limit")
	s.wantService(t, at)

	rep, where := at.bind(t, "REP")
	c := dial(t, gozmq.Connect(where))
	done := c.begin(testkit.Within(t), largest)
	rep.send(rep.recv()...)
	wantReply(t, done, largest)
	wantCode(t, c.begin(testkit.Within(t), largest+"x"), gozmq.CodeResourceExhausted)
}

func messageOption(t *testing.T, at *env) {
	const limit = 10_000
	s := at.serve(t, echo, gozmq.WithMaxMessageSize(limit))
	good := at.dial(t, "REQ", s.endpoint)
	body := encode(t, strings.Repeat("x", limit-3))
	good.send(body)
	want(t, "the reply", good.recv(), []string{body})
	bad := at.dial(t, "DEALER", s.endpoint)
	bad.send("", body+"x")
	wantReason(t, s.await(t, gozmq.EventDisconnected, 1), "limit")
	good.send(body)
	want(t, "the reply", good.recv(), []string{body})
}

func oversizedHeaders(t *testing.T, at *env) {
	for _, size := range []uint64{1 << 31, 1 << 46, 1 << 62, 1 << 63, 1<<64 - 1} {
		for _, flags := range []byte{rawzmtp.FlagLong, rawzmtp.FlagLong | rawzmtp.FlagMore, rawzmtp.FlagLong | rawzmtp.FlagCommand} {
			meet(t, at, func(m *meeting) {
				m.shake(m.kind, 1)
				m.tryWrite(binary.BigEndian.AppendUint64([]byte{flags}, size))
				m.wantClosed()
				if e := m.ours.await(m.t, gozmq.EventDisconnected, 1); e.Err == nil {
					m.t.Error("no reason is given")
				}
			})
		}
	}
	meet(t, at, func(m *meeting) {
		m.shake(m.kind, 1)
		go func() {
			for {
				if _, err := m.conn.Write(rawzmtp.Frame(rawzmtp.FlagMore, "and on")); err != nil {
					return
				}
			}
		}()
		m.wantEnd("frames")
	})
}

func claimedSizes(t *testing.T, at *env) {
	const conns = 200
	s := at.serve(t, echo)
	before := heap()
	for range conns {
		w := at.connect(t, s.endpoint)
		w.shake("DEALER", 1)
		w.write(rawzmtp.Frame(rawzmtp.FlagMore, ""), binary.BigEndian.AppendUint64([]byte{rawzmtp.FlagLong}, 4<<20), []byte("begun"))
	}
	s.await(t, gozmq.EventConnected, conns)
	s.wantService(t, at)
	if grown := heap() - before; grown > 64<<20 {
		t.Errorf("the heap has grown by %d MiB", grown>>20)
	}
}

// heap returns the bytes of all that is alive.
func heap() int64 {
	runtime.GC()
	runtime.GC() // empties pools
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func maxHandshakes(t *testing.T, at *env) {
	s := at.serve(t, echo, gozmq.WithMaxHandshakes(2))
	for range 3 {
		at.connect(t, s.endpoint)
	}
	wantReason(t, s.await(t, gozmq.EventHandshakeFailed, 1), "WithMaxHandshakes")
	s.wantService(t, at)
}

func maxPeers(t *testing.T, at *env) {
	s := at.serve(t, echo, gozmq.WithMaxPeers(2))
	one, two := at.dial(t, "REQ", s.endpoint), at.dial(t, "REQ", s.endpoint)
	s.await(t, gozmq.EventConnected, 2)
	at.connect(t, s.endpoint).wantClosed()
	wantReason(t, s.await(t, gozmq.EventHandshakeFailed, 1), "WithMaxPeers")
	for _, p := range []peer{one, two} {
		p.send(encode(t, "hello"))
		want(t, "the reply", p.recv(), []string{encode(t, "hello")})
	}
	one.close()
	s.await(t, gozmq.EventDisconnected, 1)
	// Its place is given up a moment after that is told.
	testkit.Eventually(t, "a free place", func() bool {
		w := at.connect(t, s.endpoint)
		defer w.close()
		_, err := w.conn.Write(rawzmtp.Hello("REQ"))
		if err == nil {
			_, err = io.ReadFull(w.r, make([]byte, 64))
		}
		return err == nil
	})
}

func maxSubscriptions(t *testing.T, at *env) {
	p := publish(t, gozmq.Bind(at.endpoint()), gozmq.WithMaxSubscriptions(3))
	good, greedy := at.dial(t, "SUB", p.Addrs()[0]), at.dial(t, "SUB", p.Addrs()[0])
	for i := range 3 {
		good.subscribe(fmt.Sprint("good", i))
		greedy.subscribe(fmt.Sprint("greedy", i))
	}
	p.awaitSubscribers(t, "good2", 1)
	p.awaitSubscribers(t, "greedy2", 1)
	if n := p.count(gozmq.EventDisconnected); n > 0 {
		t.Fatalf("disconnected at the limit: %s", p)
	}
	greedy.subscribe("one more")
	wantReason(t, p.await(t, gozmq.EventDisconnected, 1), "WithMaxSubscriptions")
	p.tell(t, "good1")
	want(t, "the publication", good.recv(), about(t, "good1"))
}
