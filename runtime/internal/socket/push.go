package socket

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/notify"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A Message appends its frames, in their wire form, to a buffer.
type Message interface {
	AppendMessage(b []byte) ([]byte, error)
}

// A Push gives each message to one of its peers, in rotation among those whose
// queue is not full, and waits while there is none (RFC 30). It drops nothing: when
// a connection ends, its unsent messages go to another peer, in order, except the
// messages of Stop. Its methods may be called from any goroutine.
type Push struct {
	group *link.Group
	stays func(message []byte) bool // reports whether a message must not go to another peer; nil: none stays

	mu     sync.Mutex
	peers  []*link.Conn
	stops  stopped
	next   int // where try starts its search
	closed bool
	unsent unsentQueue
	cuts   cutCount
	lost   int              // the number of messages that were cut off too often
	change notify.Broadcast // of peers, room in their queues, or closed
}

// NewPush returns a push socket without peers. Shutdown must be called.
func NewPush(cfg link.Config) *Push {
	p := new(Push)
	p.init(cfg, p)
	return p
}

// init prepares p, whose connections h serves.
func (p *Push) init(cfg link.Config, h link.Handler) { p.group = link.NewGroup(cfg, h) }

// Links returns the socket's connections.
func (p *Push) Links() *link.Group { return p.group }

// Send returns nil once m is in the queue of a peer that accepts its size. Its
// errors wrap the context's, or are link.ErrClosed, m's own, or a *link.LimitError
// when m exceeds the announced limit of every peer.
func (p *Push) Send(ctx context.Context, m Message) error {
	waits := false
	for {
		p.mu.Lock()
		if p.closed {
			p.mu.Unlock()
			return link.ErrClosed
		}
		placed, err := p.tryPlace(m, nil)
		if placed || err != nil {
			p.mu.Unlock()
			return err
		}
		change := p.change.Changed()
		wants := !waits && len(p.peers) == p.stops.len()
		p.mu.Unlock()
		if wants {
			waits = true
			defer p.group.Want()()
		}
		select {
		case <-change:
		case <-ctx.Done():
			return p.blocked(ctx.Err())
		}
	}
}

// TrySend is Send that returns false in place of a wait. It leaves the write to g.
func (p *Push) TrySend(m Message, g *link.Gathered) (bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false, link.ErrClosed
	}
	return p.tryPlace(m, g)
}

// blocked returns cause, which has ended a wait, with the reason why no peer
// accepted the message.
func (p *Push) blocked(cause error) error {
	p.mu.Lock()
	n, stopped := len(p.peers), p.stops.len()
	p.mu.Unlock()
	switch {
	case n == 0:
		return notReady(p.group, cause)
	case n == stopped:
		return fmt.Errorf("%w (all peers were told to stop: %d)", cause, n)
	}
	return fmt.Errorf("%w (the queues of all peers are full: %d)", cause, n)
}

// tryPlace gives m to a peer, after the unsent messages of departed peers,
// which are older. It returns false when m has to wait. It leaves the write to g,
// unless that is nil. p.mu is held.
func (p *Push) tryPlace(m Message, g *link.Gathered) (bool, error) {
	for p.reassign() {
		placed, failed, err := p.try(m, g)
		if failed == nil {
			return placed, err
		}
		if !p.reap(failed) {
			break
		}
	}
	return false, nil
}

// reassign gives the unsent messages of failed and departed peers to others. It
// returns false when some of them must wait. p.mu is held.
func (p *Push) reassign() bool {
	for i := 0; i < len(p.peers); i++ {
		if c := p.peers[i]; c.Failed() {
			if !p.reap(c) {
				return false
			}
			i--
		}
	}
	for !p.unsent.empty() {
		placed, failed, err := p.try(&p.unsent, nil)
		switch {
		case failed != nil:
			if !p.reap(failed) {
				return false
			}
		case err != nil: // no peer accepts its size, and others wait after it
			p.lost++
			p.peers[0].Malformed("a message was given up, whose receiver has gone: %w", err)
			p.unsent.pop()
		case !placed:
			return false
		default:
			p.unsent.pop()
		}
	}
	return true
}

// try gives m to the next peer that has room and accepts its size, if there is one.
// When it finds a failed peer it returns that peer, and m was not placed. When no
// peer accepts m's size it returns a *link.LimitError.
func (p *Push) try(m Message, g *link.Gathered) (placed bool, failed *link.Conn, err error) {
	var tooLarge error
	small := 0
	for range p.peers {
		p.next++
		c := p.peers[p.next%len(p.peers)]
		if p.stops.has(c) {
			continue
		}
		b, err := c.Begin()
		if errors.Is(err, link.ErrFull) {
			continue
		}
		if err != nil {
			return false, c, nil
		}
		if placed, ok := m.(placedMessage); ok {
			placed.placedAt(c)
		}
		if b, err = appendTo(c, b, m); err == nil {
			g.Commit(c, b)
			return true, nil, nil
		}
		if !errors.As(err, new(*link.LimitError)) {
			return false, nil, err
		}
		tooLarge = err
		small++
	}
	if small > 0 && small == len(p.peers) {
		return false, nil, tooLarge
	}
	return false, nil, nil
}

// A placedMessage is a Message that is notified of its peer before the peer can
// receive it.
type placedMessage interface{ placedAt(c *link.Conn) }

// appendTo appends m to b, which c.Begin returned. The caller commits it, unless
// there is an error or a panic.
func appendTo(c *link.Conn, b []byte, m Message) (_ []byte, err error) {
	done := false
	defer func() {
		if !done {
			c.Abort()
		}
	}()
	start := len(b)
	if b, err = m.AppendMessage(b); err == nil {
		err = c.Fits(b[start:])
	}
	if err != nil {
		return nil, err
	}
	done = true
	return b, nil
}

// reap removes a failed peer, and keeps its unsent messages and the one that was
// cut off, which the peer cannot have received. It returns false while a write to
// the peer is in progress; the end of the write notifies change. p.mu is held.
func (p *Push) reap(c *link.Conn) bool {
	unsent, ok := c.TryUnsent()
	if ok {
		p.peers = without(p.peers, c)
		p.unsent.add(p.movable(p.stops.without(unsent)))
		if cut := p.movable(c.TakeCut()); len(cut) > 0 && !p.stops.is(cut) {
			p.keepCut(c, cut)
		}
		p.stops.forget(c)
	}
	return ok
}

// movable returns the messages that may go to another peer.
func (p *Push) movable(messages []byte) []byte {
	if p.stays == nil || len(messages) == 0 {
		return messages
	}
	kept := make([]byte, 0, len(messages))
	for len(messages) > 0 {
		size := zmtp.MessageSize(messages)
		if size == 0 || !p.stays(messages[:size]) {
			kept = append(kept, messages[:size]...)
		}
		messages = messages[size:]
	}
	return kept
}

// keepCut keeps a message that was cut off, unless that has happened to it too
// often. p.mu is held.
func (p *Push) keepCut(c *link.Conn, cut []byte) {
	if h, ok, err := zmtp.ParseHeader(cut); !ok || err != nil || h.Command() {
		return
	}
	if !p.cuts.add(cut) {
		p.unsent.add(cut)
		return
	}
	p.lost++
	c.Malformed("a message of %d bytes was given up: %d peers went while they were sent it", len(cut), maxCuts)
}

// retry reassigns unsent messages, and wakes senders so that they try again.
func (p *Push) retry() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reassign()
	p.change.Notify()
}

// Serve adds a peer until its connection ends (link.Handler). Messages from it
// have no meaning and are dropped.
func (p *Push) Serve(c *link.Conn) error { return p.serve(c, discard) }

// serve adds a peer for as long as read reads its connection.
func (p *Push) serve(c *link.Conn, read func(*link.Conn) error) error {
	c.OnWritable(p.retry)
	p.mu.Lock()
	p.peers = append(p.peers, c)
	p.mu.Unlock()
	p.retry()
	c.Ready()
	err := read(c)
	c.Finish(err)
	<-c.Flushed()
	p.mu.Lock()
	p.reap(c)
	p.mu.Unlock()
	p.retry()
	return err
}

// discard reads c only to handle its commands.
func discard(c *link.Conn) error {
	for {
		if _, err := c.Next(); err != nil {
			return err
		}
	}
}

func without(conns []*link.Conn, c *link.Conn) []*link.Conn {
	for i := range conns {
		if conns[i] == c {
			return append(conns[:i:i], conns[i+1:]...)
		}
	}
	return conns
}

// Queued returns how many messages wait to be handed to the kernel.
func (p *Push) Queued() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := p.unsent.len()
	for _, c := range p.peers {
		n += c.QueuedMessages()
	}
	return n
}

// WaitPeers waits until at least n peers are connected, without stopped ones.
func (p *Push) WaitPeers(ctx context.Context, n int) error {
	defer p.group.Want()()
	for {
		p.mu.Lock()
		have, closed, change := len(p.peers)-p.stops.len(), p.closed, p.change.Changed()
		p.mu.Unlock()
		switch {
		case have >= n:
			return nil
		case closed:
			return link.ErrClosed
		}
		select {
		case <-change:
		case <-ctx.Done():
			return fmt.Errorf("%w: %d of %d peers are connected%s", ctx.Err(), have, n, DialState(p.group))
		}
	}
}
