package call

import (
	"context"

	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/status"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// Receive waits for the next message and passes it to the owner, or, in a call in
// which the server sends no stream, waits for the reply; it then returns more true.
// When the call is over it returns more false, with the outcome. When ctx ends
// first it returns an error and more true, and the stream goes on.
func (s *Stream) Receive(ctx context.Context) (more bool, err error) {
	if err := ctx.Err(); err != nil {
		return s.interrupted(err)
	}
	if s.watched {
		s.waits.Store(true)
		defer s.waits.Store(false)
	}
	switch over, _ := s.Over(); {
	case over:
		return false, s.outcome()
	case s.hedges():
		return s.receiveHedged(ctx)
	case s.current.Load() == nil:
		if _, err := s.begin(ctx, nil, false); err != nil {
			return s.failed(err)
		}
	}
	for st := s.current.Load(); ; {
		if over, _ := s.Over(); over {
			return false, s.outcome()
		}
		ok, err := st.Receive(ctx, (*messageHandler)(s))
		switch {
		case err != nil:
			return s.interrupted(err)
		case ok:
			return s.accept(st)
		}
		next, final, err := s.again(ctx, st)
		switch {
		case err != nil:
			return s.failed(err)
		case next == nil:
			return s.conclude(st, final)
		}
		st = next
	}
}

// A messageHandler is a Stream's view for its connection (socket.MessageHandler).
type messageHandler Stream

// Message handles a message.
func (h *messageHandler) Message(body []byte) {
	if h.watched {
		h.received.Add(1)
	}
	h.taken = h.owner.Message(body)
}

// failed returns the results of Receive after an error of begin or again: the call
// goes on if only the wait for it has ended.
func (s *Stream) failed(err error) (more bool, _ error) {
	if over, _ := s.Over(); over {
		return false, s.outcome()
	}
	return true, err
}

// interrupted returns the results of Receive when its context, which may be the
// call's, has ended.
func (s *Stream) interrupted(err error) (more bool, _ error) {
	if s.call.Err() != nil {
		s.Cancel(contextError(s.call.Err(), s.method.Procedure))
		return false, s.outcome()
	}
	return true, contextError(err, s.method.Procedure)
}

// accept handles a received message.
func (s *Stream) accept(st *socket.DealerStream) (more bool, err error) {
	if !s.gotHeaders {
		s.gotHeaders = true
		s.owner.Headers(st.Headers())
		s.client.budget.note(nil)
	}
	if err = s.taken; err == nil && !s.method.ServerStreams {
		err = status.Errorf(status.Internal, "%s: the server has sent a message before the reply", s.method.Procedure)
	}
	if err == nil {
		err = s.owner.Taken()
	}
	if err != nil {
		s.Cancel(err)
		return false, s.outcome()
	}
	return true, nil
}

// conclude ends the call with the server's reply, and returns the results of
// Receive.
func (s *Stream) conclude(st *socket.DealerStream, final error) (more bool, err error) {
	end, _ := st.End()
	if len(end.Reply.Header) > 0 {
		if h, err := wire.ParseReplyHeader(end.Reply.Header); err == nil {
			s.owner.Last(h)
		}
	}
	replied := !s.method.ServerStreams
	if replied && final == nil {
		final = s.owner.Reply(end.Reply.Body)
	}
	s.finish(final, replied)
	if err := s.outcome(); err != nil {
		return false, err
	}
	return replied, nil
}
