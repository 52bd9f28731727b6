package socket

import (
	"context"
	"slices"
	"sync"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/list"
	"github.com/gozmq/gozmq/runtime/internal/notify"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A Sub receives the messages that are published under the prefixes that it has
// subscribed to (RFC 29). Its methods may be called from any goroutine.
type Sub struct {
	// Joined is called when every subscription was sent to a new peer, before
	// any message is received from it. Left is called when its connection has
	// ended, with the reason. Set them before the first peer; nil functions are not
	// called.
	Joined func(c *link.Conn)
	Left   func(c *link.Conn, err error)

	group *link.Group
	to    BatchReceiver

	mu     sync.Mutex
	wanted map[string]*subscribedPrefix // the key is the prefix
	order  list.List[*subscribedPrefix] // in the order in which they were made
	peers  []*link.Conn
	change notify.Broadcast // of peers, closed and the dialed endpoints
	closed bool
}

// A subscribedPrefix is a prefix that one or more subscribers want.
type subscribedPrefix struct {
	prefix      string
	subscribers int
	place       list.Element[*subscribedPrefix]
}

// NewSub returns a sub socket without peers and subscriptions. Shutdown must be
// called.
func NewSub(cfg link.Config, to BatchReceiver) *Sub {
	s := &Sub{to: to, wanted: make(map[string]*subscribedPrefix)}
	cfg.PassOver = true
	s.group = link.NewGroup(cfg, s)
	s.group.DialingChanged = func() {
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

// Subscribe asks every peer, now and in future, for messages whose topic begins
// with prefix. Equal subscriptions are counted and sent once. They are sent to
// each peer in the order in which they were made, so a publisher that has read the
// last one has them all.
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

// Together calls f, and sends f's subscriptions and cancellations to the peers in
// few writes.
func (s *Sub) Together(f func()) {
	s.mu.Lock()
	peers := slices.Clone(s.peers)
	s.mu.Unlock()
	for _, c := range peers {
		c.Cork()
		defer c.Uncork()
	}
	f()
}

// Serve sends a peer every subscription, and receives from it (link.Handler).
func (s *Sub) Serve(c *link.Conn) (err error) {
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
		s.Joined(c)
	}
	defer func() {
		s.mu.Lock()
		s.peers = without(s.peers, c)
		s.change.Notify()
		s.mu.Unlock()
		if s.Left != nil {
			s.Left(c, err)
		}
	}()
	c.Ready()
	return receive(c, s.to)
}

// send sends a peer a subscription or its cancellation, in the form of its ZMTP
// version. It ignores an ended connection, which the reader will notice.
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
