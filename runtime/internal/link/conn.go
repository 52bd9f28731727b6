package link

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

var (
	// ErrClosed is returned after the connection or the socket was closed on
	// our side.
	ErrClosed = errors.New("connection closed")
	// ErrFull is returned when a peer's queue has reached its high-water mark.
	ErrFull = errors.New("peer's queue is full")
	// ErrInterrupted is returned by Next after Interrupt.
	ErrInterrupted = errors.New("read interrupted")
)

// A Conn is a framed connection to one peer, after its handshake. Reading is
// for one goroutine at a time, writing for any number.
type Conn struct {
	Peer

	// Command is told of SUBSCRIBE and CANCEL commands and of any that are
	// unknown here; PING, PONG and ERROR are dealt with below. Set it before
	// the first Next. An error ends the connection.
	Command func(name, body []byte) error
	// Room is called, without any lock held, when a queue that was full has
	// room again. Set it before the first Begin.
	Room func()

	cfg      *Config
	raw      net.Conn
	endpoint string
	address  string

	reader reader
	writer writer
	pulse  pulse
	marker marker

	ours    bool      // the peer knows our extensions
	dialled bool      // and not accepted
	again   bool      // dialled after an earlier connection to the endpoint was lost
	since   time.Time // the handshake was done

	dropped       atomic.Int64  // messages since the last report
	drops         atomic.Uint64 // messages in all
	malformed     atomic.Uint64
	offended      atomic.Bool  // what came is not ZMTP, or beyond a limit
	subscriptions atomic.Int64 // that were reported and not taken back

	closing   atomic.Bool // we have said that no more will come
	closeOnce sync.Once
	reason    atomic.Pointer[error]
	closed    chan struct{}

	hookMu sync.Mutex
	hook   func(reason error)
	leave  func()        // takes it out of its group, once
	left   chan struct{} // closed then; nil: no one waits for it
}

func newConn(raw net.Conn, peer *Peer, endpoint string, cfg *Config) *Conn {
	c := &Conn{Peer: *peer, ours: peer.Gozmq(), cfg: cfg, raw: raw, endpoint: endpoint, address: addrString(raw.RemoteAddr()), since: time.Now(), closed: make(chan struct{})}
	cfg.limitKernel(raw)
	c.reader.init(raw, peer.Session, cfg.limits())
	c.writer.init(raw, peer.Session)
	return c
}

// Gozmq reports whether the peer is one of ours and knows our extensions. It
// is what Peer.Gozmq says, looked up once.
func (c *Conn) Gozmq() bool { return c.ours }

// Endpoint returns the endpoint that was bound or dialled.
func (c *Conn) Endpoint() string { return c.endpoint }

// Address returns the peer's address.
func (c *Conn) Address() string { return c.address }

// Closed is closed when the connection is.
func (c *Conn) Closed() <-chan struct{} { return c.closed }

// Close ends the connection at once; what the kernel has not taken is not
// sent. The first reason counts. It may be called from any goroutine.
func (c *Conn) Close(reason error) {
	c.closeOnce.Do(func() {
		c.reason.Store(&reason)
		c.writer.broken.Store(true) // before the peer can notice, and come back
		close(c.closed)
		c.raw.Close()
		c.writer.fail(reason)
		c.hookMu.Lock()
		hook := c.hook
		c.hookMu.Unlock()
		if hook != nil {
			hook(reason)
		}
	})
}

// Leave takes a connection that is closed out of its group at once, and reports
// its end, as the end of Handler.Serve does: for a handler that is Detainable.
func (c *Conn) Leave() { c.leave() }

// OnClose has hook called when the connection is closed, at once if it is
// already. There is one hook.
func (c *Conn) OnClose(hook func(reason error)) {
	c.hookMu.Lock()
	c.hook = hook
	c.hookMu.Unlock()
	if reason := c.Err(); reason != nil {
		hook(reason)
	}
}

// Err returns why the connection was closed, nil while it is open.
func (c *Conn) Err() error {
	if p := c.reason.Load(); p != nil {
		return *p
	}
	return nil
}

// Ready tells the observer that the peer can be used.
func (c *Conn) Ready() { c.Report(Connected, nil) }

// Report tells the observer of something about this connection.
func (c *Conn) Report(kind EventKind, err error) { c.ReportEvent(Event{Kind: kind, Err: err}) }

// ReportEvent is Report for an event with more to say; the connection's
// endpoint and address are filled in.
func (c *Conn) ReportEvent(e Event) {
	e.Endpoint, e.Peer = c.endpoint, c.address
	switch e.Kind {
	case Subscribed:
		c.subscriptions.Add(1)
	case Unsubscribed:
		c.subscriptions.Add(-1)
	case Malformed:
		c.malformed.Add(1)
	}
	c.cfg.observe(e)
}

// Drop counts a message that the peer misses; the observer is told of all
// together, once in a while.
func (c *Conn) Drop() {
	c.drops.Add(1)
	c.dropped.Add(1)
}

func (c *Conn) reportDrops() {
	if n := c.dropped.Swap(0); n > 0 {
		c.ReportEvent(Event{Kind: Dropped, Count: int(n), Err: ErrFull})
	}
}

// Malformed reports a message that made no sense to the pattern.
func (c *Conn) Malformed(format string, args ...any) {
	c.Report(Malformed, fmt.Errorf(format, args...))
}

func addrString(a net.Addr) string {
	if a == nil {
		return ""
	}
	return a.String()
}
