package relay

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// orderPeers is how many peers there are on either side of a relay in these tests,
// and orderEach how many messages each of the front sends. They are many more than
// the queues of a relay in tests hold (start).
const (
	orderPeers = 4
	orderEach  = 500
)

// sendNumbered has each of the peers send its numbered messages at once, a few in
// each write.
func sendNumbered(t *testing.T, wg *sync.WaitGroup, peers []*zmtptest.Peer, frames ...string) {
	for i, p := range peers {
		wg.Go(func() {
			for n := 0; n < orderEach; {
				var b []byte
				for range 1 + (n*7+i)%50 {
					if n < orderEach {
						b = append(b, zmtptest.Message(append(frames, fmt.Sprintf("%d/%d", i, n))...)...)
						n++
					}
				}
				if _, err := p.Write(b); err != nil {
					t.Errorf("peer %d: %v", i, err)
					return
				}
			}
		})
	}
}

// An order checks that messages of each sender come in order, at one receiver.
type order [orderPeers]int

func (o *order) got(t *testing.T, text string) {
	t.Helper()
	sender, number, _ := strings.Cut(text, "/")
	i, err1 := strconv.Atoi(sender)
	n, err2 := strconv.Atoi(number)
	if err1 != nil || err2 != nil {
		t.Errorf("got %q", text)
		return
	}
	if n < o[i] {
		t.Errorf("message %d of sender %d came behind message %d", n, i, o[i]-1)
	}
	o[i] = n + 1
}

func (b *bench) joinMany(t *testing.T, front, back zmtp.SocketType) (fronts, backs []*zmtptest.Peer) {
	for range orderPeers {
		backs = append(backs, b.join(t, b.back, back))
	}
	for range orderPeers {
		fronts = append(fronts, b.join(t, b.front, front))
	}
	return fronts, backs
}

// Tasks of many ventilators come to many workers, none twice and none lost, and
// those of one ventilator in order at each worker.
func TestPushPullOrder(t *testing.T) {
	b := start(t, NewPushPull, func(cfg *Config) { cfg.Capture = nil })
	vents, workers := b.joinMany(t, zmtp.Push, zmtp.Pull)
	var wg sync.WaitGroup
	sendNumbered(t, &wg, vents, "task")
	seen := make(chan string, orderPeers*orderEach)
	for _, w := range workers {
		go func() { // it ends with the relay
			var o order
			for m, err := w.Next(); err == nil; m, err = w.Next() {
				o.got(t, string(m[len(m)-1]))
				seen <- string(m[len(m)-1])
			}
		}()
	}
	once := make(map[string]bool)
	for range orderPeers * orderEach {
		text := testkit.Receive(t, seen, "a task")
		if once[text] {
			t.Errorf("task %s came twice", text)
		}
		once[text] = true
	}
	wg.Wait()
	b.wantStats(t, Stats{ToBack: orderPeers * orderEach})
}

// Requests of many clients are answered by many servers, each once.
func TestReqRepOrder(t *testing.T) {
	b := start(t, NewReqRep, func(cfg *Config) { cfg.Capture = nil })
	clients, servers := b.joinMany(t, zmtp.Dealer, zmtp.Rep)
	for _, s := range servers {
		go func() { // it ends with the relay
			for m, err := s.Next(); err == nil; m, err = s.Next() {
				if _, err := s.Write(zmtptest.Message(texts(m)...)); err != nil {
					return
				}
			}
		}()
	}
	var wg sync.WaitGroup
	sendNumbered(t, &wg, clients, "")
	for i, c := range clients {
		wg.Go(func() {
			once := make(map[string]bool)
			for range orderEach {
				m, err := c.Next()
				if err != nil {
					t.Errorf("client %d: %v", i, err)
					return
				}
				text := string(m[len(m)-1])
				if len(m) != 2 || once[text] || !strings.HasPrefix(text, strconv.Itoa(i)+"/") {
					t.Errorf("client %d got %q", i, m)
				}
				once[text] = true
			}
		})
	}
	wg.Wait()
	b.wantStats(t, Stats{ToBack: orderPeers * orderEach, ToFront: orderPeers * orderEach})
}

// What a relay of requests leaves in memory that is used again does not get into
// the messages of another one.
func TestPushPullAfterReqRep(t *testing.T) {
	b := start(t, NewReqRep, func(cfg *Config) { cfg.Capture = nil })
	server, client := b.join(t, b.back, zmtp.Rep), b.join(t, b.front, zmtp.Req)
	for range 20 {
		client.Send(zmtptest.Message("", "request"))
		m := texts(server.Message())
		server.Send(zmtptest.Message(m...))
		wantMessage(t, client, "", "request")
	}
	b = start(t, NewPushPull, func(cfg *Config) { cfg.Capture = nil })
	worker, vent := b.join(t, b.back, zmtp.Pull), b.join(t, b.front, zmtp.Push)
	for range 20 {
		vent.Send(zmtptest.Message("task"))
		wantMessage(t, worker, "task")
	}
}
