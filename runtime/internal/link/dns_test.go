package link

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/transport"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// A book is a resolver whose answers change.
type book struct {
	mu    sync.Mutex
	addrs []netip.Addr
	err   error
	asked chan struct{} // a token per look
}

func newBook(addrs ...string) *book {
	b := &book{asked: make(chan struct{}, 10000)}
	b.set(addrs...)
	return b
}

func (b *book) set(addrs ...string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.addrs, b.err = nil, nil
	for _, a := range addrs {
		b.addrs = append(b.addrs, netip.MustParseAddr(a))
	}
}

func (b *book) fail(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.err = err
}

func (b *book) LookupNetIP(_ context.Context, network, host string) ([]netip.Addr, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if network != "ip" || host != "peers.test" {
		return nil, fmt.Errorf("asked for %s addresses of %s", network, host)
	}
	b.asked <- struct{}{}
	return b.addrs, b.err
}

// await waits for n further looks that begin from now on.
func (b *book) await(t *testing.T, n int) {
	t.Helper()
	for len(b.asked) > 0 {
		<-b.asked
	}
	for range n {
		testkit.Receive(t, b.asked, "a look-up")
	}
}

// listenOnEach listens on one port of each address.
func listenOnEach(t *testing.T, addrs ...string) (port int, list []*zmtptest.Listener) {
	t.Helper()
	if ln, err := net.Listen("tcp", addrs[0]+":0"); err != nil {
		t.Skipf("this system has one loopback address only: %v", err)
	} else {
		ln.Close()
	}
	list = append(list, zmtptest.ListenOn(t, addrs[0]+":0"))
	port = list[0].Addr().(*net.TCPAddr).Port
	for _, a := range addrs[1:] {
		list = append(list, zmtptest.ListenOn(t, fmt.Sprintf("%s:%d", a, port)))
	}
	return port, list
}

// following returns a group that follows the name of b.
func following(t *testing.T, b *book, port int, events *recorder) *Group {
	t.Helper()
	ep, err := transport.ParseConnect(fmt.Sprintf("dns://peers.test:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	cfg := testConfig(zmtp.Dealer, events)
	cfg.Resolver = b
	return dialing(t, cfg, ep, func(g *Group) error { return g.Connect(ep) })
}

// TestName connects to every address of a name, to those that come and no more
// to those that go.
func TestName(t *testing.T) {
	port, lns := listenOnEach(t, "127.0.0.2", "127.0.0.3", "127.0.0.4")
	b := newBook("127.0.0.3", "127.0.0.2", "127.0.0.3")
	events := newRecorder()
	g := following(t, b, port, events)
	two, three := lns[0].NextAs("ROUTER"), lns[1].NextAs("ROUTER")
	two.Ask("served")
	three.Ask("served")
	for _, p := range g.Stats().Peers {
		if p.Endpoint != fmt.Sprintf("dns://peers.test:%d", port) || p.Address != fmt.Sprintf("127.0.0.2:%d", port) && p.Address != fmt.Sprintf("127.0.0.3:%d", port) {
			t.Errorf("connected to %+v", p)
		}
	}

	b.set("127.0.0.3", "127.0.0.4")
	four := lns[2].NextAs("ROUTER")
	four.Ask("served")
	if rest := two.Drained(); len(rest) > 0 { // it is told that no more will come
		t.Errorf("%q came from a connection that was to end", rest)
	}
	two.Close()
	if e := events.await(t, 0, Disconnected, 1); e.Err != nil || e.Peer != fmt.Sprintf("127.0.0.2:%d", port) {
		t.Errorf("the event says %+v", e)
	}
	b.await(t, 3)
	if err := lns[0].SetDeadline(time.Now().Add(20 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if conn, err := lns[0].Accept(); err == nil {
		conn.Close()
		t.Error("an address that is gone was dialed again")
	}
	three.Ask("never disconnected")
	if s := g.Stats(); len(s.Peers) != 2 || s.Dialed != 3 || s.Reconnected != 0 {
		t.Errorf("the group has counted %+v", s)
	}

	b.set("127.0.0.2", "127.0.0.3", "127.0.0.4")
	if err := lns[0].SetDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	lns[0].NextAs("ROUTER").Ask("served again")
}

// TestNameNotFound: a name that cannot be found is looked up again, which
// changes nothing for the peers that are there.
func TestNameNotFound(t *testing.T) {
	port, lns := listenOnEach(t, "127.0.0.2")
	b, events := newBook(), newRecorder()
	g := following(t, b, port, events)
	wantReason(t, events.await(t, 0, DialFailed, 2), "no address")
	if err := g.DialError(); err == nil {
		t.Error("DialError is nil")
	}
	b.set("127.0.0.2")
	p := lns[0].NextAs("ROUTER")
	p.Ask("served")
	b.fail(errors.New("out of order"))
	mark := events.Len()
	wantReason(t, events.await(t, mark, DialFailed, 3), "resolve dns://peers.test:"+fmt.Sprint(port)+": out of order")
	p.Ask("served")
}

// TestNameLost: an address whose connection is lost is dialed again, and the
// name looked up.
func TestNameLost(t *testing.T) {
	port, lns := listenOnEach(t, "127.0.0.2", "127.0.0.3")
	b := newBook("127.0.0.2")
	g := following(t, b, port, newRecorder())
	for range 3 {
		p := lns[0].NextAs("ROUTER")
		p.Ask("served")
		p.Close()
	}
	lns[0].NextAs("ROUTER").Ask("served")
	b.set("127.0.0.3")
	lns[1].NextAs("ROUTER").Ask("served")
	if s := g.Stats(); s.Reconnected != 3 || s.Dialed != 5 {
		t.Errorf("the group has counted %+v", s)
	}
}

// TestNameLeaves: what has begun on a connection to an address that goes is
// finished before it ends.
func TestNameLeaves(t *testing.T) {
	port, lns := listenOnEach(t, "127.0.0.2", "127.0.0.3")
	b, h := newBook("127.0.0.2"), &leaving{leave: make(chan *Conn), done: make(chan struct{})}
	cfg := testConfig(zmtp.Dealer, newRecorder())
	cfg.Resolver = b
	ep, err := transport.ParseConnect(fmt.Sprintf("dns://peers.test:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	g := NewGroup(cfg, h)
	t.Cleanup(func() { shutdown(t, g) })
	if err := g.Connect(ep); err != nil {
		t.Fatal(err)
	}
	p := lns[0].NextAs("ROUTER")
	p.Ask("served")
	b.set("127.0.0.3")
	if c := testkit.Receive(t, h.leave, "the connection to part with"); c.Address() != fmt.Sprintf("127.0.0.2:%d", port) {
		t.Errorf("the connection to %s is to end", c.Address())
	}
	lns[1].NextAs("ROUTER").Ask("served")
	p.Ask("served until it is done")
	close(h.done)
	if rest := p.Drained(); len(rest) > 0 {
		t.Errorf("%q came from a connection that was to end", rest)
	}
}

// A leaving handler echoes, and lets go of a connection when done is closed.
type leaving struct {
	leave chan *Conn
	done  chan struct{}
}

func (h *leaving) Serve(c *Conn) error {
	c.Ready()
	return echo(c)
}

func (h *leaving) Retire(c *Conn) {
	h.leave <- c
	<-h.done
}
