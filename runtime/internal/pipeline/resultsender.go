package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/list"
	"github.com/gozmq/gozmq/runtime/internal/notify"
	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A ResultSender brings results to sinks and waits for their acknowledgements.
// It is a DEALER. A result whose connection breaks goes to another sink, or
// again to the same one. Its methods may be called from any goroutine.
type ResultSender struct {
	direct *socket.PeerSocket

	mu      sync.Mutex
	peers   []*sinkPeer
	unacked map[string]*unackedResult // by id
	order   list.List[*unackedResult] // oldest first
	count   int                       // of order
	bytes   int                       // of order
	ending  int                       // results whose acknowledgement is being reported
	ended   error                     // the cause of Abandon
	changed notify.Broadcast          // a result was sent or has ended, or Abandon
	refused []*unackedResult          // whose end must be reported once mu is free
	alive   map[string]lastAlive      // of ventilators, by their ids
}

// The bounds of the unacknowledged results and the memory kept with them. One
// result always fits.
const (
	maxUnacked      = 1024
	maxUnackedBytes = 16 << 20
)

// A sinkPeer is the connection to a sink.
type sinkPeer struct {
	*link.Conn
	sent   map[*unackedResult]struct{} // and not acknowledged
	full   bool                        // until Room or Leave
	behind bool                        // it missed an ALIVE
}

// An unackedResult is a result that no sink has acknowledged.
type unackedResult struct {
	wire.Result
	ended func(error)
	err   error // why no sink will take it; nil: one has
	size  int
	peer  *sinkPeer // that it was sent to; nil: it waits for one
	left  bool      // Send has returned
	acked bool
	place list.Element[*unackedResult]
}

// NewResultSender returns a sender without sinks. Shutdown must be called.
func NewResultSender(cfg link.Config) *ResultSender {
	s := &ResultSender{unacked: make(map[string]*unackedResult), alive: make(map[string]lastAlive)}
	cfg.SocketType = zmtp.Dealer
	s.direct = socket.NewPeerSocket(cfg, s, false)
	return s
}

// Unacked returns how many results wait for a sink, or for its acknowledgement.
func (s *ResultSender) Unacked() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count
}

// Links returns the connections to sinks.
func (s *ResultSender) Links() *link.Group { return s.direct.Links() }

// Send waits until the unacknowledged results are within their bounds, sends the
// result to a sink and returns nil. Then ended is called once, possibly before Send
// returns: with nil when a sink has acknowledged the result, a *FailedError when
// one has refused it, a *link.LimitError when the result exceeds the announced
// limits of all sinks, or the cause of Abandon. If ctx ends first, Send returns its
// cause. Until ended, the result's bytes must not be changed, and no other result
// may have its id. kept is how many bytes the caller keeps with the result until
// then.
func (s *ResultSender) Send(ctx context.Context, result wire.Task, kept int, ended func(error)) error {
	r := &unackedResult{Result: wire.Result{Task: result}, ended: ended, size: len(result.Body) + kept}
	s.mu.Lock()
	defer s.unlock()
	room := func() bool {
		return s.ended == nil && (s.count == 0 || s.count < maxUnacked && s.bytes+r.size <= maxUnackedBytes)
	}
	if err := s.waitLocked(ctx, room); err != nil {
		return err
	}
	s.unacked[string(r.ID)] = r
	s.order.PushBack(&r.place, r)
	s.count++
	s.bytes += r.size
	s.transmit(r)
	err := s.waitLocked(ctx, func() bool { return r.acked || s.ended == nil && r.peer != nil })
	if err != nil {
		s.forget(r)
	}
	r.left = true
	return err
}

// waitLocked waits until ready, or returns why ctx has ended or the cause of
// Abandon. It is called with s.mu held, and releases it while it waits.
func (s *ResultSender) waitLocked(ctx context.Context, ready func() bool) error {
	for !ready() {
		if s.ended != nil {
			return s.ended
		}
		changed := s.changed.Changed()
		s.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
		}
		s.mu.Lock()
		if ctx.Err() != nil && !ready() {
			return context.Cause(ctx)
		}
	}
	return nil
}

// Wait waits until every result that was sent has been acknowledged and its end
// reported, or ctx has ended.
func (s *ResultSender) Wait(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.waitLocked(ctx, func() bool { return s.count+s.ending == 0 })
}

// Abandon ends the results that were sent and not acknowledged, and each Send.
func (s *ResultSender) Abandon(cause error) {
	var list []*unackedResult
	s.mu.Lock()
	s.ended = cause
	s.changed.Notify()
	for e := s.order.First(); e != nil; e = e.Next() {
		if r := e.Value(); r.left {
			list = append(list, r)
		}
	}
	for _, r := range list {
		s.forget(r)
	}
	s.mu.Unlock()
	for _, r := range list {
		r.ended(cause)
	}
	s.awaitTold()
}

// awaitTold waits until all received acknowledgements are reported.
func (s *ResultSender) awaitTold() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.ending > 0 {
		changed := s.changed.Changed()
		s.mu.Unlock()
		<-changed
		s.mu.Lock()
	}
}

// forget drops a result; s.mu is held.
func (s *ResultSender) forget(r *unackedResult) {
	if s.unacked[string(r.ID)] == r {
		delete(s.unacked, string(r.ID))
	}
	r.place.Remove()
	s.count--
	s.bytes -= r.size
	if r.peer != nil {
		delete(r.peer.sent, r)
	}
	s.changed.Notify()
}

// transmit sends a result to the sink with the fewest unacknowledged ones among the
// sinks that accept its size. If there are sinks but none accepts it, the result
// fails. It returns false when no sink has room; s.mu is held.
func (s *ResultSender) transmit(r *unackedResult) bool {
	var small []*sinkPeer
	var tooLarge error
	for {
		var best *sinkPeer
		for _, peer := range s.peers {
			if !peer.full && (best == nil || len(peer.sent) < len(best.sent)) && !slices.Contains(small, peer) {
				best = peer
			}
		}
		if best == nil {
			break
		}
		err := socket.SendTo(best.Conn, &r.Result)
		switch {
		case err == nil:
			r.peer = best
			best.sent[r] = struct{}{}
			s.changed.Notify()
			return true
		case errors.As(err, new(*link.LimitError)):
			tooLarge = err
			small = append(small, best)
		default:
			best.full = true
		}
	}
	if tooLarge != nil && len(small) == len(s.peers) {
		r.err, r.acked = tooLarge, true
		s.forget(r)
		s.refused = append(s.refused, r)
	}
	return len(small) > 0
}

// unlock unlocks s.mu, and ends the results that no sink takes.
func (s *ResultSender) unlock() {
	list := s.refused
	s.refused = nil
	s.mu.Unlock()
	for _, r := range list {
		r.ended(r.err)
	}
}

// transmitWaiting sends what waits for a sink, in the order of Send; s.mu is
// held.
func (s *ResultSender) transmitWaiting() {
	for e := s.order.First(); e != nil; {
		r := e.Value()
		e = e.Next() // transmit may take r out
		if r.peer == nil && !s.transmit(r) {
			return
		}
	}
}

// Join sends a new sink the waiting results (socket.PeerHandler).
func (s *ResultSender) Join(conn *link.Conn) {
	s.mu.Lock()
	defer s.unlock()
	peer := &sinkPeer{Conn: conn, sent: make(map[*unackedResult]struct{})}
	s.peers = append(s.peers, peer)
	s.repeatAlive(peer)
	s.transmitWaiting()
}

// Leave sends a sink's unacknowledged results to another sink (socket.PeerHandler).
func (s *ResultSender) Leave(conn *link.Conn) {
	s.mu.Lock()
	defer s.unlock()
	if i := s.find(conn); i >= 0 {
		for r := range s.peers[i].sent {
			r.peer = nil
		}
		s.peers = slices.Delete(s.peers, i, i+1)
	}
	s.transmitWaiting()
}

// Writable sends on to a sink that was full (socket.PeerHandler).
func (s *ResultSender) Writable(conn *link.Conn) {
	s.mu.Lock()
	defer s.unlock()
	if i := s.find(conn); i >= 0 {
		s.peers[i].full = false
		if s.peers[i].behind {
			s.repeatAlive(s.peers[i])
		}
	}
	s.transmitWaiting()
}

// find returns the index of a connection in s.peers, -1 for none; s.mu is held.
func (s *ResultSender) find(conn *link.Conn) int {
	return slices.IndexFunc(s.peers, func(p *sinkPeer) bool { return p.Conn == conn })
}

// Receive handles acknowledgements (socket.PeerHandler).
func (s *ResultSender) Receive(conn *link.Conn, b *link.Batch) {
	var memory [16]*unackedResult
	acked := memory[:0]
	s.mu.Lock()
	for i := range b.Len() {
		r, err := s.handle(conn, b.Message(i))
		if err != nil {
			conn.Malformed("message of a sink: %w", err)
			continue
		}
		acked = append(acked, r)
	}
	s.ending += len(acked)
	s.mu.Unlock()
	for _, r := range acked {
		r.ended(r.err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ending -= len(acked)
	s.changed.Notify()
}

// TooLarge handles the beginning of a message that is too large: the verb, and the
// result that it is about (socket.OversizedReceiver).
func (s *ResultSender) TooLarge(conn *link.Conn, frames [][]byte, _ *zmtp.SizeError) {
	if !wire.NamesTask(frames) {
		return
	}
	s.mu.Lock()
	r, _ := s.handle(conn, frames) // reported already
	s.mu.Unlock()
	if r != nil {
		r.ended(r.err)
	}
}

// handle handles one message and returns the result that it acknowledges, or
// refuses; s.mu is held.
func (s *ResultSender) handle(conn *link.Conn, frames [][]byte) (*unackedResult, error) {
	verb, id, status, err := wire.ParseAck(frames)
	if err != nil {
		return nil, err
	}
	r := s.unacked[string(id)]
	if r == nil || r.peer == nil || r.peer.Conn != conn {
		return nil, fmt.Errorf("%s %x: no such result was sent to it", verb, wire.Excerpt(id))
	}
	if verb == wire.VerbReject {
		r.err = &FailedError{Status: append([]byte(nil), status...)}
	}
	r.acked = true
	s.forget(r)
	return r, nil
}

// Shutdown closes the connections, after the results that were sent have
// reached the kernel or ctx has ended.
func (s *ResultSender) Shutdown(ctx context.Context) error { return s.direct.Shutdown(ctx) }
