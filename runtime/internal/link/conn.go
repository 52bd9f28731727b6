package link

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/curve"
	"github.com/gozmq/gozmq/runtime/internal/guarded"
	"github.com/gozmq/gozmq/runtime/internal/handshake"
	"github.com/gozmq/gozmq/runtime/internal/throttle"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
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
	handshake.Peer

	// Command handles SUBSCRIBE, CANCEL and commands that this package does not
	// know; PING, PONG and ERROR are handled here. Set it before the first Next. An
	// error ends the connection.
	Command func(name, body []byte) error
	// Tag holds a value of the layers above. Set it before the first Next.
	Tag any

	cfg      *Config
	raw      net.Conn
	endpoint string
	address  string

	reader   reader
	writer   writer
	liveness liveness
	fence    fence
	pings    throttle.Bucket // of the peer; used by the reader

	ours        bool      // the peer knows our extensions
	dialed      bool      // false: accepted
	reconnected bool      // dialed after an earlier connection to the endpoint was lost
	since       time.Time // the handshake was done

	dropped       atomic.Int64  // messages since the last report
	drops         atomic.Uint64 // messages in all
	tooLarge      atomic.Uint64 // those of drops that exceeded the peer's limit
	beyond        atomic.Int64  // messages beyond the peer's limit since the last report
	beyondErr     atomic.Pointer[LimitError]
	malformed     atomic.Uint64
	violated      atomic.Bool  // the peer broke ZMTP or exceeded a limit
	offended      atomic.Bool  // the pattern reported an offense of the peer
	subscriptions atomic.Int64 // Subscribed events less Unsubscribed ones

	inFlight atomic.Pointer[func() int] // CountInFlight

	closing   atomic.Bool // our direction is closed
	closeOnce sync.Once
	reason    atomic.Pointer[error]
	closed    chan struct{}

	hookMu   sync.Mutex
	hooks    []func(reason error)
	hooked   bool          // Close has taken hooks
	detached chan struct{} // closed when the group has removed the connection; nil: the dialer does not wait for it
}

func newConn(raw net.Conn, peer *handshake.Peer, endpoint string, cfg *Config) *Conn {
	c := &Conn{Peer: *peer, ours: peer.Gozmq(), cfg: cfg, raw: raw, endpoint: endpoint, address: addrString(raw.RemoteAddr()), since: time.Now(), closed: make(chan struct{})}
	cfg.limitKernel(raw)
	c.reader.init(raw, peer.Session, cfg.limits())
	c.writer.init(raw, peer.Session)
	return c
}

// Gozmq reports whether the peer is one of ours and knows our extensions. It
// returns what Peer.Gozmq does, without looking it up again.
func (c *Conn) Gozmq() bool { return c.ours }

// Tagged returns Tag.
func (c *Conn) Tagged() any { return c.Tag }

// Proxy reports whether the peer announces the role of a proxy. A proxy does not
// announce our extensions, because the peers behind it may not know them.
func (c *Conn) Proxy() bool { return c.Role == handshake.RoleProxy }

// Dialed reports whether our side dialed.
func (c *Conn) Dialed() bool { return c.dialed }

// Endpoint returns the endpoint that was bound or dialed.
func (c *Conn) Endpoint() string { return c.endpoint }

// Owner returns the peer's authenticated key (CURVE) or, at a server, its user
// (PLAIN); "" for none.
func (c *Conn) Owner() string {
	switch {
	case c.PublicKey != curve.Public{}:
		return "key " + string(c.PublicKey[:])
	case c.User != "":
		return "user " + c.User
	}
	return ""
}

// Address returns the peer's address.
func (c *Conn) Address() string { return c.address }

// Closed is closed when the connection is.
func (c *Conn) Closed() <-chan struct{} { return c.closed }

// Ended reports whether Closed is closed.
func (c *Conn) Ended() bool {
	select {
	case <-c.closed:
		return true
	default:
		return false
	}
}

// Close ends the connection at once. Bytes that the kernel has not accepted are not
// sent. Only the first call's reason counts. It may be called from any goroutine.
func (c *Conn) Close(reason error) {
	c.closeOnce.Do(func() {
		c.reason.Store(&reason)
		c.writer.broken.Store(true) // before the peer can notice, and come back
		close(c.closed)
		c.raw.Close()
		c.writer.fail(reason)
		c.hookMu.Lock()
		hooks := c.hooks
		c.hooked = true
		c.hookMu.Unlock()
		for _, hook := range hooks {
			hook(reason)
		}
	})
}

// OnClose registers a function that is called once: when the connection is closed,
// or at once if it already is.
func (c *Conn) OnClose(hook func(reason error)) {
	c.hookMu.Lock()
	hooked := c.hooked
	if !hooked {
		c.hooks = append(c.hooks, hook)
	}
	c.hookMu.Unlock()
	if hooked {
		hook(c.Err())
	}
}

// Err returns why the connection was closed, nil while it is open.
func (c *Conn) Err() error {
	if p := c.reason.Load(); p != nil {
		return *p
	}
	return nil
}

// Offend makes the connection's end count as an offense of the peer, whatever ends
// it. It may be called from any goroutine before Serve returns.
func (c *Conn) Offend() { c.offended.Store(true) }

// Ready reports that the peer can be used.
func (c *Conn) Ready() { c.Report(Connected, nil) }

// Report reports an event of this connection.
func (c *Conn) Report(kind EventKind, err error) { c.ReportEvent(Event{Kind: kind, Err: err}) }

// ReportEvent is Report for an event with more fields. It fills in the connection's
// endpoint and address.
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

// Drop counts a message that the peer misses. Drops are reported together, once per
// beat of the group's clock.
func (c *Conn) Drop() {
	c.drops.Add(1)
	c.dropped.Add(1)
}

func (c *Conn) reportDrops() {
	c.reportBeyond()
	if n := c.dropped.Swap(0); n > 0 {
		c.ReportEvent(Event{Kind: Dropped, Count: int(n), Err: ErrFull})
	}
}

// Malformed reports a message that the pattern could not interpret.
func (c *Conn) Malformed(format string, args ...any) {
	c.Report(Malformed, fmt.Errorf(format, args...))
}

// MaySubscribe returns whether Config.Subscribe lets the peer subscribe to a topic,
// and reports a refusal.
func (c *Conn) MaySubscribe(topic []byte) bool {
	if c.cfg.Subscribe == nil {
		return true
	}
	err := c.askSubscribe(topic)
	if err != nil {
		c.ReportTopic(SubscriptionRefused, topic, err)
	}
	return err == nil
}

func (c *Conn) askSubscribe(topic []byte) (err error) {
	guarded.Call(func() { err = c.cfg.Subscribe(c, topic) }, func(e *guarded.PanicError) {
		if e != nil {
			err = fmt.Errorf("the subscription rule panicked: %v", e.Value)
		}
	})
	return err
}

// ReportTopic is Report for an event about a topic. The topic is copied only if
// events are observed, because a peer may cause any number of them.
func (c *Conn) ReportTopic(kind EventKind, topic []byte, err error) {
	e := Event{Kind: kind, Err: err}
	if c.cfg.Observed() {
		e.Topic = string(topic)
	}
	c.ReportEvent(e)
}

// Reported returns how many Malformed events the connection has had.
func (c *Conn) Reported() uint64 { return c.malformed.Load() }

// PauseReading returns when d has passed, or earlier if the connection ends. The
// reader calls it, so nothing is read in the meantime. When the peer has gone, its
// remaining bytes are read without pauses, and count as an offense (Offend): they
// are few, and hold a descriptor until they are read. When we have closed the
// connection, the bytes that were already read are dropped.
func (c *Conn) PauseReading(d time.Duration) {
	if c.Err() == nil && hungUp(c.raw) {
		c.Offend()
		return
	}
	c.Pause()
	defer c.Unpause()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.closed:
		c.reader.drop(c.Err())
	}
}

// Queued returns how many bytes wait to be handed to the kernel.
func (c *Conn) Queued() int {
	c.writer.mu.Lock()
	defer c.writer.mu.Unlock()
	return c.writer.bytes
}

// QueuedMessages returns how many messages wait to be handed to the kernel.
func (c *Conn) QueuedMessages() int {
	c.writer.mu.Lock()
	defer c.writer.mu.Unlock()
	return c.writer.messages()
}

func addrString(a net.Addr) string {
	if a == nil {
		return ""
	}
	return zmtp.Line(a.String()) // on ipc the peer chooses its address
}
