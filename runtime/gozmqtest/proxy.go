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
	// ToTarget is the direction from the peers that connect to the proxy.
	ToTarget Direction = iota
	// ToClient is the direction from the target.
	ToClient
)

// A Proxy accepts tcp connections, connects to its target once for each, and
// passes bytes on. Faults can be switched on and off at any time, and apply to
// present and future connections. Methods that take directions apply to both
// when none is given. All methods may be called from any goroutine.
//
// The proxy uses small kernel buffers, so that a peer is blocked soon after a
// Stall, and few bytes are lost with a connection.
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
// yet. The proxy is closed when the test ends.
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

// Endpoint returns the endpoint of the proxy, which never changes.
func (p *Proxy) Endpoint() string { return "tcp://" + p.listener.Addr().String() }

// SetTarget makes new connections go to another endpoint, for example to a
// restarted server.
func (p *Proxy) SetTarget(target string) {
	p.t.Helper()
	address, err := tcpAddress(target)
	if err != nil {
		p.t.Fatalf("gozmqtest.Proxy.SetTarget: %v", err)
	}
	p.update(func() { p.target = address })
}

// Reset ends every open connection with a RST to both sides. Bytes on their way
// are lost.
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

// Cut lets n more bytes pass in a direction, counted over all connections, and then
// ends the connection that carried the last of them, or, with n = 0, the next one
// that carries a byte. The receiver on that connection gets these bytes and the end
// of the stream; the sender gets a RST. This happens once; then the channel is
// closed. Another Cut for the same direction replaces a pending one, whose channel
// is never closed.
func (p *Proxy) Cut(d Direction, n int) <-chan struct{} {
	done := make(chan struct{})
	p.update(func() { p.flows[d].cut, p.flows[d].left = done, n })
	return done
}

// Stall stops reading bytes and passing them on, and keeps every connection
// open. New connections are accepted, but connected to the target only after
// Resume. Bytes that are being passed on at that moment may still arrive. No
// byte is lost.
func (p *Proxy) Stall(dirs ...Direction) {
	p.each(dirs, func(f *flow) { f.stalled = true })
}

// Resume ends a Stall.
func (p *Proxy) Resume(dirs ...Direction) {
	p.each(dirs, func(f *flow) { f.stalled = false })
}

// Split makes the proxy pass on at most n bytes at a time; 0 ends that.
func (p *Proxy) Split(n int, dirs ...Direction) {
	p.each(dirs, func(f *flow) { f.chunk = n })
}

// Delay holds all bytes that are read, and with Split each part of them, for d
// before they are passed on; 0 ends that, but bytes that are held already are
// held to the end of their time.
func (p *Proxy) Delay(d time.Duration, dirs ...Direction) {
	p.each(dirs, func(f *flow) { f.delay = d })
}

// Drop discards bytes and ends of connections, as if a cable were pulled;
// neither side learns of it. A connection that has lost bytes passes nothing on
// in that direction even after Drop(false), because TCP never leaves a hole. It
// ends with Reset, or when both sides have closed it.
func (p *Proxy) Drop(on bool, dirs ...Direction) {
	p.each(dirs, func(f *flow) { f.drop = on })
}

// Refuse answers new connections with a RST. The proxy keeps its port for
// Refuse(false).
func (p *Proxy) Refuse(on bool) { p.update(func() { p.refuse = on }) }

// Heal ends every fault, and cancels a pending Cut. Connections that have lost
// bytes stay as Drop left them.
func (p *Proxy) Heal() {
	p.update(func() {
		p.refuse = false
		for d := range p.flows {
			p.flows[d] = flow{bytes: p.flows[d].bytes}
		}
	})
}

// Connections returns how many connections the proxy has accepted; refused ones
// do not count.
func (p *Proxy) Connections() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.accepted
}

// Open returns how many connections are open.
func (p *Proxy) Open() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.conns)
}

// Bytes returns how many bytes the proxy has passed on in a direction.
func (p *Proxy) Bytes(d Direction) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.flows[d].bytes
}

// WaitConnections waits until the proxy has accepted at least n connections.
func (p *Proxy) WaitConnections(ctx context.Context, n int) error {
	return p.wait(ctx, func() error {
		if p.accepted < n {
			return fmt.Errorf("%d of %d connections were accepted", p.accepted, n)
		}
		return nil
	})
}

// WaitOpen waits until exactly n connections are open.
func (p *Proxy) WaitOpen(ctx context.Context, n int) error {
	return p.wait(ctx, func() error {
		if len(p.conns) != n {
			return fmt.Errorf("%d connections are open, not %d", len(p.conns), n)
		}
		return nil
	})
}

// WaitBytes waits until the proxy has passed on at least n bytes in a
// direction.
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

// update changes the state and wakes waiting goroutines.
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
