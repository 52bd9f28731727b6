package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/list"
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
}

// A sinkPeer is the connection to a sink.
type sinkPeer struct {
	*link.Conn
	sent map[*unackedResult]struct{} // and not acknowledged
	full bool                        // until Room or Leave
}

// An unackedResult is a result that no sink has acknowledged.
type unackedResult struct {
	wire.Result
	acked chan struct{}
	err   error     // why no sink will take it, when acked is closed; nil: one has
	peer  *sinkPeer // that it was sent to; nil: it waits for one
	place list.Element[*unackedResult]
}

// NewResultSender returns a sender without sinks. Shutdown must be called.
func NewResultSender(cfg link.Config) *ResultSender {
	s := &ResultSender{unacked: make(map[string]*unackedResult)}
	cfg.SocketType = zmtp.Dealer
	s.direct = socket.NewPeerSocket(cfg, s, false)
	return s
}

// Links returns the connections to sinks.
func (s *ResultSender) Links() *link.Group { return s.direct.Links() }

// Send returns nil once a sink has acknowledged the result, or why ctx has
// ended. It returns a *FailedError when a sink has refused the result, and a
// *link.LimitError when there are sinks and all announce to take less. The
// result's bytes must not be changed until then, and no other result may have
// its id meanwhile.
func (s *ResultSender) Send(ctx context.Context, result wire.Task) error {
	r := &unackedResult{Result: wire.Result{Task: result}, acked: make(chan struct{})}
	s.mu.Lock()
	s.unacked[string(r.ID)] = r
	s.order.PushBack(&r.place, r)
	s.transmit(r)
	s.mu.Unlock()
	select {
	case <-r.acked:
		return r.err
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget(r)
	return context.Cause(ctx)
}

// forget drops a result; s.mu is held.
func (s *ResultSender) forget(r *unackedResult) {
	if s.unacked[string(r.ID)] == r {
		delete(s.unacked, string(r.ID))
	}
	r.place.Remove()
	if r.peer != nil {
		delete(r.peer.sent, r)
	}
}

// transmit sends a result to the sink with the fewest unacknowledged ones, of
// those that take its size; when there are none, Send fails. It returns false
// when no sink has room; s.mu is held.
func (s *ResultSender) transmit(r *unackedResult) bool {
	var small []*sinkPeer
	var tooLarge *link.LimitError
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
			return true
		case errors.As(err, &tooLarge):
			small = append(small, best)
		default:
			best.full = true
		}
	}
	if tooLarge != nil && len(small) == len(s.peers) {
		s.end(r, tooLarge)
	}
	return len(small) > 0
}

// end ends the wait for a result's acknowledgement; s.mu is held.
func (s *ResultSender) end(r *unackedResult, err error) {
	s.forget(r)
	r.err = err
	close(r.acked)
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

// Join sends a sink what was waiting for one (socket.PeerHandler).
func (s *ResultSender) Join(conn *link.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.peers = append(s.peers, &sinkPeer{Conn: conn, sent: make(map[*unackedResult]struct{})})
	s.transmitWaiting()
}

// Leave sends what a sink has not acknowledged to another one
// (socket.PeerHandler).
func (s *ResultSender) Leave(conn *link.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
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
	defer s.mu.Unlock()
	if i := s.find(conn); i >= 0 {
		s.peers[i].full = false
	}
	s.transmitWaiting()
}

// find returns the index of a connection in s.peers, -1 for none; s.mu is held.
func (s *ResultSender) find(conn *link.Conn) int {
	return slices.IndexFunc(s.peers, func(p *sinkPeer) bool { return p.Conn == conn })
}

// Receive handles acknowledgements (socket.PeerHandler).
func (s *ResultSender) Receive(conn *link.Conn, b *link.Batch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range b.Len() {
		if err := s.handle(conn, b.Message(i)); err != nil {
			conn.Malformed("message of a sink: %w", err)
		}
	}
}

// TooLarge handles the beginning of a message that is too large: the verb, and the
// result that it is about (socket.OversizedReceiver).
func (s *ResultSender) TooLarge(conn *link.Conn, frames [][]byte, _ *zmtp.SizeError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if wire.NamesTask(frames) {
		_ = s.handle(conn, frames) // reported already
	}
}

// handle handles one message; s.mu is held.
func (s *ResultSender) handle(conn *link.Conn, frames [][]byte) error {
	verb, id, status, err := wire.ParseAck(frames)
	if err != nil {
		return err
	}
	r := s.unacked[string(id)]
	if r == nil || r.peer == nil || r.peer.Conn != conn {
		return fmt.Errorf("%s %x: no such result was sent to it", verb, wire.Excerpt(id))
	}
	if verb == wire.VerbReject {
		err = &FailedError{Status: append([]byte(nil), status...)}
	}
	s.end(r, err)
	return nil
}

// Shutdown closes the connections, after the results that were sent have
// reached the kernel or ctx has ended.
func (s *ResultSender) Shutdown(ctx context.Context) error { return s.direct.Shutdown(ctx) }
