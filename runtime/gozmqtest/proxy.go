package gozmqtest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"
)

// A Direction says which way bytes pass a Proxy.
type Direction uint8

const (
	// ToTarget is what those who connect to the proxy send.
	ToTarget Direction = iota
	// ToClient is what the target sends.
	ToClient
)

// A Proxy accepts tcp connections, makes one to its target for each, and
// passes bytes on. Faults can be switched on and off at any time and hold for
// the connections that are there and for those to come. Methods that take
// directions apply to both when none is given. All methods may be called from
// any goroutine.
//
// The proxy asks the kernel for small buffers, so that a peer that waits is
// soon noticed and few bytes are lost with a connection.
type Proxy struct {
	t        TB
	listener net.Listener
	wg       sync.WaitGroup

	mu       sync.Mutex
	target   string
	refuse   bool
	closed   bool
	accepted int
	conns    map[*proxyConn]struct{}
	flows    [2]flow
	change   chan struct{} // closed when any of these changes; nil: no one waits
}

// NewProxy starts a proxy in front of a tcp endpoint, which need not be bound
// yet. It closes itself with the test.
func NewProxy(t TB, target string) *Proxy {
	t.Helper()
	address, err := tcpAddress(target)
	if err != nil {
		t.Fatalf("gozmqtest.NewProxy: %v", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("gozmqtest.NewProxy: %v", err)
	}
	p := &Proxy{t: t, listener: listener, target: address, conns: make(map[*proxyConn]struct{})}
	p.wg.Go(p.accept)
	t.Cleanup(p.close)
	return p
}

func tcpAddress(endpoint string) (string, error) {
	address, ok := strings.CutPrefix(endpoint, "tcp://")
	if !ok {
		return "", fmt.Errorf("target %q: want tcp://host:port", endpoint)
	}
	return address, nil
}

// Endpoint returns where the proxy listens; it never changes.
func (p *Proxy) Endpoint() string { return "tcp://" + p.listener.Addr().String() }

// SetTarget makes connections to come go to another endpoint, as that of a
// server that was started again.
func (p *Proxy) SetTarget(target string) {
	p.t.Helper()
	address, err := tcpAddress(target)
	if err != nil {
		p.t.Fatalf("gozmqtest.Proxy.SetTarget: %v", err)
	}
	p.update(func() { p.target = address })
}

// Reset ends every connection there is with a RST to both sides. What was on
// its way is lost.
func (p *Proxy) Reset() {
	p.mu.Lock()
	conns := make([]*proxyConn, 0, len(p.conns))
	for c := range p.conns {
		conns = append(conns, c)
	}
	p.mu.Unlock()
	for _, c := range conns {
		c.reset()
	}
}

// Cut lets n more bytes pass in a direction, those of all connections counted
// together, and ends the one that came with the last of them, for 0 with the
// next one: its receiver gets these bytes and an end, its sender a RST. That
// happens once; the channel is closed when it has. Another Cut for the same
// direction takes the place of one that has not happened, whose channel is
// never closed.
func (p *Proxy) Cut(d Direction, n int) <-chan struct{} {
	done := make(chan struct{})
	p.update(func() { p.flows[d].cut, p.flows[d].left = done, n })
	return done
}

// Stall stops passing bytes on and reading them, while every connection stays
// open; new ones are accepted, and not yet made to the target. What is being
// passed on at that moment may still arrive. Resume goes on where it stopped:
// nothing is lost.
func (p *Proxy) Stall(dirs ...Direction) {
	p.each(dirs, func(f *flow) { f.stalled = true })
}

// Resume ends a Stall.
func (p *Proxy) Resume(dirs ...Direction) {
	p.each(dirs, func(f *flow) { f.stalled = false })
}

// Split passes at most n bytes on at a time; 0 ends that.
func (p *Proxy) Split(n int, dirs ...Direction) {
	p.each(dirs, func(f *flow) { f.chunk = n })
}

// Delay holds everything that is read, and after Split each part of it, for d
// before it is passed on; 0 ends that. What is held already is held to its end.
func (p *Proxy) Delay(d time.Duration, dirs ...Direction) {
	p.each(dirs, func(f *flow) { f.delay = d })
}

// Drop swallows bytes, and ends of connections, without a word to either side,
// as a cable that was pulled. A connection that has lost bytes passes nothing
// on in that direction even after Drop(false): TCP never leaves a hole. It ends
// with Reset, or when both sides have given it up.
func (p *Proxy) Drop(on bool, dirs ...Direction) {
	p.each(dirs, func(f *flow) { f.drop = on })
}

// Refuse answers new connections with a RST. The port stays taken, so that it
// is there again after Refuse(false).
func (p *Proxy) Refuse(on bool) { p.update(func() { p.refuse = on }) }

// Heal ends every fault, and a Cut that has not happened. Connections that lost
// bytes stay as Drop left them.
func (p *Proxy) Heal() {
	p.update(func() {
		p.refuse = false
		for d := range p.flows {
			p.flows[d] = flow{bytes: p.flows[d].bytes}
		}
	})
}

// Connections returns how many connections were accepted so far; those that
// were refused do not count.
func (p *Proxy) Connections() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.accepted
}

// Open returns how many connections there are.
func (p *Proxy) Open() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.conns)
}

// Bytes returns how many bytes were passed on in a direction so far.
func (p *Proxy) Bytes(d Direction) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.flows[d].bytes
}

// WaitConnections waits until at least n connections were accepted.
func (p *Proxy) WaitConnections(ctx context.Context, n int) error {
	return p.wait(ctx, func() error {
		if p.accepted < n {
			return fmt.Errorf("%d of %d connections were accepted", p.accepted, n)
		}
		return nil
	})
}

// WaitOpen waits until there are exactly n connections.
func (p *Proxy) WaitOpen(ctx context.Context, n int) error {
	return p.wait(ctx, func() error {
		if len(p.conns) != n {
			return fmt.Errorf("%d connections are open, not %d", len(p.conns), n)
		}
		return nil
	})
}

// WaitBytes waits until at least n bytes were passed on in a direction.
func (p *Proxy) WaitBytes(ctx context.Context, d Direction, n int) error {
	return p.wait(ctx, func() error {
		if p.flows[d].bytes < n {
			return fmt.Errorf("%d of %d bytes were passed on", p.flows[d].bytes, n)
		}
		return nil
	})
}

// wait waits until missing, which is called with p.mu held, returns nil.
func (p *Proxy) wait(ctx context.Context, missing func() error) error {
	for {
		p.mu.Lock()
		err := missing()
		change := p.changes()
		p.mu.Unlock()
		if err == nil {
			return nil
		}
		select {
		case <-change:
		case <-ctx.Done():
			return fmt.Errorf("proxy: %w: %v", ctx.Err(), err)
		}
	}
}

// changes returns a channel that is closed at the next change; p.mu is held.
func (p *Proxy) changes() <-chan struct{} {
	if p.change == nil {
		p.change = make(chan struct{})
	}
	return p.change
}

// update changes the state and tells who waits.
func (p *Proxy) update(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
	if p.change != nil {
		close(p.change)
		p.change = nil
	}
}

// each updates the flows of some directions, of both when there are none.
func (p *Proxy) each(dirs []Direction, change func(*flow)) {
	if len(dirs) == 0 {
		dirs = []Direction{ToTarget, ToClient}
	}
	p.update(func() {
		for _, d := range dirs {
			change(&p.flows[d])
		}
	})
}

func (p *Proxy) accept() {
	for {
		c, err := p.listener.Accept()
		if err != nil {
			if !errors.Is(err, net.ErrClosed) {
				p.t.Errorf("gozmqtest.Proxy: accept: %v", err)
			}
			return
		}
		p.admit(c.(*net.TCPConn))
	}
}

func (p *Proxy) admit(client *net.TCPConn) {
	smallBuffers(client)
	ctx, cancel := context.WithCancel(context.Background())
	c := &proxyConn{proxy: p, client: client, cancel: cancel}
	admitted := false
	p.update(func() {
		if p.refuse || p.closed {
			return
		}
		admitted = true
		p.accepted++
		p.conns[c] = struct{}{}
		p.wg.Go(func() { c.serve(ctx) })
	})
	if !admitted {
		c.reset()
	}
}

// close ends everything and waits until it has.
func (p *Proxy) close() {
	p.update(func() { p.closed = true })
	p.listener.Close()
	p.Reset()
	p.wg.Wait()
}
