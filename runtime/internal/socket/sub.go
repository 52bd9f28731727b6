package socket

import (
	"context"
	"sync"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/list"
	"github.com/gozmq/gozmq/runtime/internal/notify"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A Sub receives what was published under the prefixes that it subscribed to
// (RFC 29). Its methods may be called from any goroutine.
type Sub struct {
	// Joined is called when a peer has been sent every subscription, before
	// anything is received from it. Set it before the first peer.
	Joined func()

	group *link.Group
	to    BatchReceiver

	mu     sync.Mutex
	wanted map[string]*subscribedPrefix // by prefix
	order  list.List[*subscribedPrefix] // of when they were made: so a peer is told of them
	peers  []*link.Conn
	change notify.Broadcast // of what Ready looks at
	closed bool
}

// A subscribedPrefix is what one or more subscribers asked for.
type subscribedPrefix struct {
	prefix      string
	subscribers int
	place       list.Element[*subscribedPrefix]
}

// NewSub returns a sub socket without peers and subscriptions. Shutdown must
// be called.
func NewSub(cfg link.Config, to BatchReceiver) *Sub {
	s := &Sub{to: to, wanted: make(map[string]*subscribedPrefix)}
	s.group = link.NewGroup(cfg, s)
	s.group.Ended = func() {
		s.mu.Lock()
		s.change.Notify()
		s.mu.Unlock()
	}
	return s
}

// Peers returns how many peers there are.
func (s *Sub) Peers() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.peers)
}

// Links returns the socket's connections.
func (s *Sub) Links() *link.Group { return s.group }

// Subscribe asks every peer, now and in future, for what begins with prefix.
// Equal subscriptions are counted and sent once. Each peer is sent them in the
// order in which they were made: a publisher that has the last has them all.
func (s *Sub) Subscribe(prefix []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if w := s.wanted[string(prefix)]; w != nil {
		w.subscribers++
		return
	}
	w := &subscribedPrefix{prefix: string(prefix), subscribers: 1}
	s.wanted[w.prefix] = w
	s.order.PushBack(&w.place, w)
	for _, c := range s.peers {
		send(c, true, prefix)
	}
}

// Cancel ends one Subscribe of the same prefix.
func (s *Sub) Cancel(prefix []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.wanted[string(prefix)]
	if w.subscribers--; w.subscribers > 0 {
		return
	}
	delete(s.wanted, string(prefix))
	w.place.Remove()
	for _, c := range s.peers {
		send(c, false, prefix)
	}
}

// Serve receives from one peer (link.Handler), after it has been told of every
// subscription.
func (s *Sub) Serve(c *link.Conn) error {
	s.mu.Lock()
	c.Cork()
	for e := s.order.First(); e != nil; e = e.Next() {
		send(c, true, []byte(e.Value().prefix))
	}
	c.Uncork()
	s.peers = append(s.peers, c)
	s.change.Notify()
	s.mu.Unlock()
	if s.Joined != nil {
		s.Joined()
	}
	defer func() {
		s.mu.Lock()
		s.peers = without(s.peers, c)
		s.change.Notify()
		s.mu.Unlock()
	}()
	c.Ready()
	return receive(c, s.to)
}

// send tells a peer of one subscription, in the form that its version knows.
// A failure shows when the connection is read.
func send(c *link.Conn, subscribe bool, prefix []byte) {
	b, err := c.BeginForced()
	if err != nil {
		return
	}
	switch {
	case c.Minor >= 1 && subscribe:
		b = zmtp.AppendCommand(b, zmtp.CommandSubscribe, prefix)
	case c.Minor >= 1:
		b = zmtp.AppendCommand(b, zmtp.CommandCancel, prefix)
	default:
		b = zmtp.AppendHeader(b, 0, 1+len(prefix))
		if subscribe {
			b = append(b, 1)
		} else {
			b = append(b, 0)
		}
		b = append(b, prefix...)
	}
	c.CommitCommand(b)
}

// Shutdown closes every connection.
func (s *Sub) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	s.change.Notify()
	s.mu.Unlock()
	return s.group.Shutdown(ctx)
}
