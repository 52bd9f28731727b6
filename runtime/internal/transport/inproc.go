package transport

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"
)

// backlog is how many inproc connections may wait to be accepted.
const backlog = 128

// inprocNames is shared by the whole process, because an inproc name stands for
// the same socket everywhere in it. It is the only state of this package. A
// name is removed when its listener is closed and no caller waits for it.
var inprocNames = registry{names: make(map[string]*inprocName)}

// A registry maps inproc names to their listeners.
type registry struct {
	mu    sync.Mutex
	names map[string]*inprocName
}

// An inprocName is a name that is bound or awaited.
type inprocName struct {
	listener *inprocListener // nil while nobody has bound the name
	bound    chan struct{}   // closed when listener is set
	waiting  int             // callers of lookup that have not called done
}

// bind gives the name to l.
func (r *registry) bind(name string, l *inprocListener) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.names[name]
	if n == nil {
		n = &inprocName{bound: make(chan struct{})}
		r.names[name] = n
	}
	if n.listener != nil {
		return fmt.Errorf("%w: a socket of this process has the name: close it, or write another name", syscall.EADDRINUSE)
	}
	n.listener = l
	close(n.bound)
	return nil
}

// unbind frees the name.
func (r *registry) unbind(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.names[name]
	n.listener, n.bound = nil, make(chan struct{})
	r.drop(name, n)
}

// drop removes a name that nobody uses. The caller holds the lock.
func (r *registry) drop(name string, n *inprocName) {
	if n.listener == nil && n.waiting == 0 {
		delete(r.names, name)
	}
}

// lookup waits until the name is bound or ctx ends.
func (r *registry) lookup(ctx context.Context, name string) (*inprocListener, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.names[name]
	if n == nil {
		n = &inprocName{bound: make(chan struct{})}
		r.names[name] = n
	}
	n.waiting++
	defer func() {
		n.waiting--
		r.drop(name, n)
	}()
	for n.listener == nil {
		bound := n.bound
		r.mu.Unlock()
		var err error
		select {
		case <-bound:
		case <-ctx.Done():
			err = ctx.Err()
		}
		r.mu.Lock()
		if err != nil {
			return nil, fmt.Errorf("nobody has bound the name: %w", err)
		}
	}
	return n.listener, nil
}

// listenInproc binds an inproc endpoint.
func listenInproc(e Endpoint) (*Listener, error) {
	ln := &inprocListener{
		name:     e.addr,
		incoming: make(chan *PipeConn, backlog),
		closed:   make(chan struct{}),
	}
	if err := inprocNames.bind(e.addr, ln); err != nil {
		return nil, fmt.Errorf("bind %s: %w", e, err)
	}
	return &Listener{ln: ln, endpoint: e}, nil
}

// dialInproc connects to an inproc endpoint.
func dialInproc(ctx context.Context, e Endpoint) (net.Conn, error) {
	for {
		ln, err := inprocNames.lookup(ctx, e.addr)
		if err != nil {
			return nil, dialError(e, err)
		}
		c, err := ln.connect(ctx)
		if err == nil {
			return c, nil
		}
		if !errors.Is(err, net.ErrClosed) {
			return nil, dialError(e, fmt.Errorf("the peer does not accept: %w", err))
		}
	}
}

// An inprocListener hands one end of a new pipe to each caller of Accept.
type inprocListener struct {
	name     string
	incoming chan *PipeConn
	closed   chan struct{}
}

// connect puts one end of a new pipe into the backlog and returns the other. It
// waits for room until ctx ends; net.ErrClosed says that the listener closed.
func (l *inprocListener) connect(ctx context.Context) (*PipeConn, error) {
	near, far := Pipe(l.name)
	var err error
	select {
	case l.incoming <- far:
		select {
		case <-l.closed: // Close may have emptied the backlog before
			l.drain()
			near.Close()
			return nil, net.ErrClosed
		default:
			return near, nil
		}
	case <-l.closed:
		err = net.ErrClosed
	case <-ctx.Done():
		err = ctx.Err()
	}
	near.Close()
	far.Close()
	return nil, err
}

// Accept implements net.Listener.
func (l *inprocListener) Accept() (net.Conn, error) {
	select {
	case <-l.closed:
		return nil, net.ErrClosed
	case c := <-l.incoming:
		return c, nil
	}
}

// Close implements net.Listener. It is called once. Connections that wait in
// the backlog are closed.
func (l *inprocListener) Close() error {
	inprocNames.unbind(l.name)
	close(l.closed)
	l.drain()
	return nil
}

func (l *inprocListener) drain() {
	for {
		select {
		case c := <-l.incoming:
			c.Close()
		default:
			return
		}
	}
}

// Addr implements net.Listener.
func (l *inprocListener) Addr() net.Addr { return inprocAddr(l.name) }

// An inprocAddr is the address of both ends of an inproc connection.
type inprocAddr string

func (inprocAddr) Network() string  { return schemeInproc }
func (a inprocAddr) String() string { return schemeInproc + "://" + string(a) }
