package socket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/notify"
	"github.com/gozmq/gozmq/runtime/internal/stream"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// An Exchange is one request and its reply, as implemented by the caller of a
// Dealer.
type Exchange interface {
	// AppendRequest appends the frames after the envelope to b, as bytes for the
	// wire. It is called again when a peer's connection ends before the request was
	// sent.
	AppendRequest(b []byte) ([]byte, error)
	// Deliver handles the frames after the reply's envelope, which are valid during
	// the call only. It is called once or never, in any goroutine.
	Deliver(frames [][]byte)
	// TooLarge is called in place of Deliver when the reply is larger than the
	// connection's limit.
	TooLarge(err *zmtp.SizeError)
}

// A Canceler is an Exchange whose request can be canceled.
type Canceler interface {
	// AppendCancel appends the frames after the envelope that cancel the request,
	// for a peer that announces X-Gozmq. It returns false when there is nothing to
	// send.
	AppendCancel(b []byte) ([]byte, bool)
}

// A Mover is an Exchange, or a StreamStart, that is notified of its peer.
type Mover interface {
	// At is called before the peer of a connection gets the request.
	At(c *link.Conn)
	// Moved is called when the request goes to another peer: with the reason why
	// the first one cannot have carried it out, or with nil when that peer's reply
	// says so.
	Moved(err error)
}

// at and moved notify x, if it is a Mover.
func at(x any, p *dealerPeer) {
	if m, ok := x.(Mover); ok {
		m.At(p.conn)
	}
}

func moved(x any, err error) {
	if m, ok := x.(Mover); ok {
		m.Moved(err)
	}
}

// A LostError says that the connection ended while a request was in flight. The
// request may have been carried out or not.
type LostError struct{ Err error }

func (e *LostError) Error() string {
	if errors.Is(e.Err, io.EOF) || errors.Is(e.Err, syscall.ECONNRESET) {
		return fmt.Sprintf("connection lost: %v: the peer ended it; its event handler may say why", e.Err)
	}
	return fmt.Sprintf("connection lost: %v", e.Err)
}

func (e *LostError) Unwrap() error { return e.Err }

// A Dealer sends requests to its peers and matches their replies (RFC 28).
// Each request goes to the peer with the fewest requests in flight; a peer that has
// let requests time out and answers none is avoided for a while. Its methods may be
// called from any goroutine.
type Dealer struct {
	group   *link.Group
	windows *stream.Budget // for the windows of all streams

	mu     sync.Mutex
	peers  []*dealerPeer
	next   int // where least starts its search
	closed bool
	change notify.Broadcast // of peers and closed

	counts dealerCounts
}

// NewDealer returns a dealer without peers. Shutdown must be called.
func NewDealer(cfg link.Config) *Dealer {
	cfg.PassOver = true
	d := &Dealer{windows: stream.NewBudget(windowBudget)}
	d.group = link.NewGroup(cfg, d)
	return d
}

// Links returns the dealer's connections.
func (d *Dealer) Links() *link.Group { return d.group }

// Closed reports whether Shutdown was called.
func (d *Dealer) Closed() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.closed
}

// Peers returns how many peers are connected.
func (d *Dealer) Peers() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.peers)
}

// Do sends x's request and returns nil once its reply was delivered. It waits
// up to ready for a peer, or without limit if ready is 0. When it returns an
// error no reply was or will be delivered; the error is the context's, ErrNotReady,
// a *LostError, link.ErrClosed, a *link.LimitError when the request exceeds the
// peer's announced limit, or AppendRequest's.
func (d *Dealer) Do(ctx context.Context, x Exchange, ready time.Duration) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		p, err := d.pick(ctx, ready)
		if err != nil {
			return err
		}
		at(x, p)
		answered := p.hung.answered()
		sent, err := p.do(ctx, x)
		p.done()
		if sent && errors.Is(err, context.DeadlineExceeded) {
			p.hung.timedOut(answered)
		}
		switch {
		case err == nil && refused(x):
			d.drop(p)
			if d.Peers() == 0 {
				return nil // the caller gets the refusal
			}
			moved(x, nil)
			d.counts.moved.Add(1)
		case err == nil || sent || !errors.As(err, new(*LostError)):
			return err
		default:
			moved(x, err)
			d.counts.moved.Add(1)
			d.drop(p) // it accepts no more requests, though its last replies may still come
		}
	}
}

// A Refuser is an Exchange whose reply may say that the peer is stopping and has
// not carried out the request. Refused reports whether the reply says so; then
// another peer gets the request.
type Refuser interface{ Refused() bool }

func refused(x Exchange) bool {
	r, ok := x.(Refuser)
	return ok && r.Refused()
}

// drop removes a peer from the ones that get requests.
func (d *Dealer) drop(p *dealerPeer) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if i := slices.Index(d.peers, p); i >= 0 {
		d.peers = slices.Delete(d.peers, i, i+1)
		d.change.Notify()
	}
}

// Serve makes a connection a peer until it ends (link.Handler).
func (d *Dealer) Serve(c *link.Conn) error {
	p := newDealerPeer(c, d.drop)
	c.Command = p.command
	c.CountInFlight(func() int { return int(p.inflight.Load()) })
	d.mu.Lock()
	d.peers = append(d.peers, p)
	d.change.Notify()
	d.mu.Unlock()
	c.Ready()

	err := p.background()

	d.drop(p)
	p.fail(err)
	return err
}

// Shutdown fails callers that wait for a peer, hands committed requests to the
// kernel until ctx ends, and closes every connection.
func (d *Dealer) Shutdown(ctx context.Context) error {
	d.mu.Lock()
	d.closed = true
	d.change.Notify()
	d.mu.Unlock()
	return d.group.Shutdown(ctx)
}

// pick chooses a peer and counts the request as in flight on it. It waits while
// there is no peer.
func (d *Dealer) pick(ctx context.Context, ready time.Duration) (*dealerPeer, error) {
	var limit <-chan time.Time
	waits := false
	for {
		d.mu.Lock()
		if d.closed {
			d.mu.Unlock()
			return nil, link.ErrClosed
		}
		if p := d.least(); p != nil {
			p.inflight.Add(1)
			d.mu.Unlock()
			return p, nil
		}
		change := d.change.Changed()
		d.mu.Unlock()
		if !waits {
			waits = true
			defer d.group.Want()()
			d.counts.waiting.Add(1)
			defer d.counts.waiting.Add(-1)
		}
		if limit == nil && ready > 0 {
			timer := time.NewTimer(ready)
			defer timer.Stop()
			limit = timer.C
		}
		select {
		case <-change:
		case <-ctx.Done():
			return nil, notReady(d.group, ctx.Err())
		case <-limit:
			return nil, notReady(d.group, ErrNotReady)
		}
	}
}

// WaitPeers waits until at least n peers are connected. It returns link.ErrClosed
// after Shutdown. When ctx ends first it returns ctx's error, with the reason why
// there are fewer peers.
func (d *Dealer) WaitPeers(ctx context.Context, n int) error {
	defer d.group.Want()()
	for {
		d.mu.Lock()
		enough, closed, change := len(d.peers) >= n, d.closed, d.change.Changed()
		d.mu.Unlock()
		switch {
		case closed:
			return link.ErrClosed
		case enough:
			return nil
		}
		select {
		case <-change:
		case <-ctx.Done():
			return notReady(d.group, ctx.Err())
		}
	}
}

// least returns the peer with the fewest requests in flight, in rotation among
// equals; nil when there is no peer. Peers that seem to hang come last. d.mu is
// held.
func (d *Dealer) least() *dealerPeer {
	n := len(d.peers)
	if n <= 1 {
		if n == 0 {
			return nil
		}
		return d.peers[0]
	}
	d.next++
	var best *dealerPeer
	avoid := false // best
	for i := range n {
		p := d.peers[(d.next+i)%n]
		avoided := p.hung.avoided()
		if best == nil || avoid && !avoided || avoid == avoided && p.inflight.Load() < best.inflight.Load() {
			best, avoid = p, avoided
		}
	}
	best.hung.chosen()
	return best
}
