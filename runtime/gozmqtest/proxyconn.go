package gozmqtest

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// A flow is one direction of a Proxy: its faults and its count. The proxy's
// lock guards it.
type flow struct {
	stalled bool
	drop    bool
	chunk   int // bytes at a time; 0: as they come
	delay   time.Duration
	cut     chan struct{} // closed by the Cut that it stands for; nil: none
	left    int           // bytes until then
	bytes   int
}

// A proxyConn is one connection of a Proxy.
type proxyConn struct {
	proxy  *Proxy
	client *net.TCPConn
	cancel context.CancelFunc
	once   sync.Once

	// The proxy's lock guards these.
	target *net.TCPConn // nil before it is dialed
	ended  bool
	isCut  bool
	holes  [2]bool // bytes were dropped: nothing more is passed on
}

// kernelBuffer is the kernel's buffer size for the proxy's sockets.
const kernelBuffer = 32 << 10

func smallBuffers(c *net.TCPConn) {
	_ = c.SetReadBuffer(kernelBuffer)
	_ = c.SetWriteBuffer(kernelBuffer)
}

// serve passes bytes on until the connection ends.
func (c *proxyConn) serve(ctx context.Context) {
	defer c.proxy.update(func() { delete(c.proxy.conns, c) })
	defer c.close(func(conn *net.TCPConn) { _ = conn.Close() })
	if !c.flowing(ctx, ToTarget) {
		return
	}
	target := c.dial(ctx)
	if target == nil {
		c.reset()
		return
	}
	var wg sync.WaitGroup
	wg.Go(func() { c.pump(ctx, ToTarget, target, c.client) })
	wg.Go(func() { c.pump(ctx, ToClient, c.client, target) })
	wg.Wait()
}

// dial connects to the target; nil when that fails, or c has ended.
func (c *proxyConn) dial(ctx context.Context) *net.TCPConn {
	p := c.proxy
	p.mu.Lock()
	address := p.target
	p.mu.Unlock()
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil
	}
	target := conn.(*net.TCPConn)
	smallBuffers(target)
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.ended {
		reset(target)
		return nil
	}
	c.target = target
	return target
}

// reset ends the connection with a RST to both sides.
func (c *proxyConn) reset() { c.close(reset) }

// close ends the connection, once, in the given way.
func (c *proxyConn) close(how func(*net.TCPConn)) {
	c.once.Do(func() {
		c.cancel()
		c.proxy.mu.Lock()
		c.ended = true
		target := c.target
		c.proxy.mu.Unlock()
		how(c.client)
		if target != nil {
			how(target)
		}
	})
}

func reset(c *net.TCPConn) {
	_ = c.SetLinger(0)
	_ = c.Close()
}

// flowing waits until a direction is not stalled; false says that c has ended.
func (c *proxyConn) flowing(ctx context.Context, d Direction) bool {
	p := c.proxy
	for ctx.Err() == nil {
		p.mu.Lock()
		if !p.flows[d].stalled {
			p.mu.Unlock()
			return true
		}
		change := p.changes()
		p.mu.Unlock()
		select {
		case <-change:
		case <-ctx.Done():
		}
	}
	return false
}

// pump passes on the bytes of src until its end.
func (c *proxyConn) pump(ctx context.Context, d Direction, dst, src *net.TCPConn) {
	buf := make([]byte, kernelBuffer)
	for c.flowing(ctx, d) {
		n, err := src.Read(buf)
		if n > 0 && !c.forward(ctx, d, dst, src, buf[:n]) {
			return
		}
		switch {
		case err == nil:
		case errors.Is(err, io.EOF):
			c.end(ctx, d, dst)
			return
		default:
			if !c.silent(d) {
				c.reset()
			}
			return
		}
	}
}

// end passes on the end of src's stream.
func (c *proxyConn) end(ctx context.Context, d Direction, dst *net.TCPConn) {
	if c.flowing(ctx, d) && !c.silent(d) {
		_ = dst.CloseWrite()
	}
}

// silent reports whether the other side must not be notified of the end of this
// one.
func (c *proxyConn) silent(d Direction) bool {
	c.proxy.mu.Lock()
	defer c.proxy.mu.Unlock()
	return c.isCut || c.holes[d] || c.proxy.flows[d].drop
}

// forward passes b on, with all the faults there are; false says that nothing
// more will be.
func (c *proxyConn) forward(ctx context.Context, d Direction, dst, src *net.TCPConn, b []byte) bool {
	for len(b) > 0 {
		if !c.flowing(ctx, d) || !c.hold(ctx, d) {
			return false
		}
		part := c.part(d, len(b))
		if part.send {
			switch _, err := dst.Write(b[:part.n]); {
			case err == nil:
				c.proxy.update(func() { c.proxy.flows[d].bytes += part.n })
			case !c.silent(d):
				c.reset()
				return false
			}
		}
		if part.cut != nil {
			_ = dst.CloseWrite()
			reset(src)
			close(part.cut)
			return false
		}
		b = b[part.n:]
	}
	return true
}

// hold waits for the configured delay of each part.
func (c *proxyConn) hold(ctx context.Context, d Direction) bool {
	c.proxy.mu.Lock()
	delay := c.proxy.flows[d].delay
	c.proxy.mu.Unlock()
	if delay <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// A part is what happens to the next bytes.
type part struct {
	n    int
	send bool          // otherwise they are dropped
	cut  chan struct{} // not nil: the connection ends after them
}

// part decides what happens to the next of n bytes.
func (c *proxyConn) part(d Direction, n int) part {
	p := c.proxy
	p.mu.Lock()
	defer p.mu.Unlock()
	f := &p.flows[d]
	c.holes[d] = c.holes[d] || f.drop
	if c.isCut || c.holes[d] {
		return part{n: n}
	}
	if f.chunk > 0 {
		n = min(n, f.chunk)
	}
	if f.cut == nil {
		return part{n: n, send: true}
	}
	if n < f.left {
		f.left -= n
		return part{n: n, send: true}
	}
	cut := part{n: f.left, send: true, cut: f.cut}
	f.cut, f.left = nil, 0
	c.isCut = true
	return cut
}
