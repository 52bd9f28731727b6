package socket

import (
	"context"
	"errors"
	"slices"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// Send sends a message. It waits for credit, and for room in the connection's
// queue. It returns ctx's error when ctx ends first, the body's error, and a
// *link.LimitError when the message exceeds the peer's announced limit: in all
// three cases nothing was sent. When the stream is over it returns ErrStreamOver;
// after CloseSend, ErrStreamClosed.
func (s *DealerStream) Send(ctx context.Context, body wire.Body) error {
	for {
		s.sending.Lock()
		if s.closed {
			s.sending.Unlock()
			return ErrStreamClosed
		}
		w, err := s.credit()
		if err == nil && w == nil {
			err = s.trySend(body)
		}
		s.sending.Unlock()
		switch {
		case w != nil:
			if err := s.awaitCredit(ctx, w); err != nil {
				return err
			}
		case errors.Is(err, link.ErrFull):
			if err := s.peer.awaitRoom(ctx, s.Over()); err != nil {
				return err
			}
		default:
			return err
		}
	}
}

// credit returns a waiter that will be woken when there is credit, nil when
// there is some. s.sending is held.
func (s *DealerStream) credit() (*waiter, error) {
	switch {
	case s.done.Load():
		return nil, ErrStreamOver
	case s.out.Ready():
		return nil, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.over:
		return nil, ErrStreamOver
	case s.out.Look():
		return nil, nil
	}
	w := waiters.Get().(*waiter)
	w.stream, w.pending = s, true
	s.senders = append(s.senders, w)
	return w, nil
}

// trySend sends a message for which there is credit. s.sending is held.
func (s *DealerStream) trySend(body wire.Body) error {
	size, commit := 0, (*link.Conn).CommitLater
	if s.turn.Load() && s.turn.Swap(false) {
		commit = (*link.Conn).Commit
	}
	err := s.peer.write(s.id, commit, func(b []byte) (out []byte, err error) {
		out, size, err = wire.AppendStreamMessage(b, body)
		return out, err
	})
	switch {
	case err == nil:
		if !s.spoken.Load() {
			s.spoken.Store(true)
		}
		s.out.Sent(size)
	case errors.As(err, new(*LostError)):
		return ErrStreamOver // the stream is about to end
	}
	return err
}

// awaitCredit waits until w is woken.
func (s *DealerStream) awaitCredit(ctx context.Context, w *waiter) error {
	err := s.peer.awaitStream(ctx, w)
	w.stream = nil
	waiters.Put(w)
	return err
}

// withdraw ends w's wait for credit. It returns false when it is too late: a signal
// will come.
func (s *DealerStream) withdraw(w *waiter) bool {
	if w == &s.receiver {
		return s.in.GiveUp()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.Index(s.senders, w)
	if i < 0 {
		return false
	}
	s.senders = slices.Delete(s.senders, i, i+1)
	return true
}

// CloseSend sends the half-close: no message will follow. It returns ErrStreamOver
// when the stream is over.
func (s *DealerStream) CloseSend() error {
	s.sending.Lock()
	defer s.sending.Unlock()
	if _, over := s.End(); over {
		return ErrStreamOver
	}
	if s.closed {
		return nil
	}
	s.closed = true
	s.spoken.Store(true)
	sent := s.out.Messages()
	s.sendForced(func(b []byte) []byte {
		return wire.AppendStreamControl(b, wire.Stream{Present: true, End: true, Sent: sent})
	})
	return nil
}

// StartClosed records that the start contained the half-close.
func (s *DealerStream) StartClosed() {
	s.sending.Lock()
	s.closed = true
	s.sending.Unlock()
}
