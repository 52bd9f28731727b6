package answer

import (
	"context"
	"errors"

	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/status"
	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// streamMessage handles a later message of a stream. It returns false for a message
// that may belong to a call.
func (s *Server) streamMessage(p *socket.RouterPeer, envelope wire.Envelope, content [][]byte) (job socket.Job, ok bool) {
	open, ended := p.Stream(envelope)
	r, err := wire.ParseRequest(content)
	if open != nil {
		of := open.Owner.(*Stream)
		if err != nil {
			p.Malformed("stream: %w", err)
			of.abort(status.Input(err), true)
			return nil, true
		}
		if !of.receive(&r) {
			return nil, true
		}
		return socket.Handled, true
	}
	_, isCall := envelope.CallID() // our clients cancel calls in the same way
	switch {
	case ended && p.Late():
		return socket.Handled, true
	case ended, err == nil && r.Header.Cancel && !(isCall && p.Gozmq()):
		return nil, true
	case err != nil, !r.InStream():
		return nil, false
	}
	c := s.newCall(p, envelope)
	c.fail(errNoStream)
	c.free()
	return nil, true
}

// streamTooLarge ends a stream with a message that is too large. It returns false
// when there is no such stream.
func (s *Server) streamTooLarge(p *socket.RouterPeer, envelope wire.Envelope, size *zmtp.SizeError) bool {
	open, ended := p.Stream(envelope)
	if open == nil {
		return ended
	}
	of := open.Owner.(*Stream)
	of.abort(status.Errorf(status.ResourceExhausted, "%s: message of at least %d bytes exceeds the server's limit of %d (send less, or raise it with WithMaxMessageSize of NewServer)", of.method.Procedure, size.Size, size.Limit), true)
	return true
}

// receive handles a later message of the client. It returns false for a message
// that the client must not send. The connection's reader calls it.
func (s *Stream) receive(r *wire.Request) bool {
	h := r.Header.Stream
	if r.Header.Cancel {
		s.abort(errGivenUp, false)
		s.peer.Canceled()
		return true
	}
	ok := !s.on.Closed() && h.End || !h.NoMessage
	if h.Messages|h.Bytes != 0 && s.on.Grant(h) {
		ok = true
	}
	if !h.NoMessage {
		ok = s.receiveMessage(r.Body)
	}
	if h.End && h.Sent != 0 && h.Sent != s.on.Got() {
		s.abort(errAstray, true)
		return false
	}
	if h.End {
		s.on.CloseReceive()
	}
	return ok
}

// receiveMessage handles a message with a body.
func (s *Stream) receiveMessage(body []byte) bool {
	switch {
	case !s.method.ClientStreams:
		s.abort(errSecond, true)
	case s.on.Closed():
		s.peer.Malformed("%s: message behind the end of the stream", s.method.Procedure)
	default:
		why := errBeyondCredit
		switch s.on.Push(body) {
		case nil:
			return true
		case socket.ErrUnread:
			why = errUnread
		}
		s.peer.Malformed("%s: %w", s.method.Procedure, s.server.cfg.Public(why))
		s.abort(why, true)
	}
	return false
}

// Receive waits for the next message and passes it to the Work. It returns false
// after the client's half-close, and with an error.
func (s *Stream) Receive() (more bool, err error) {
	ctx := s.hard
	if s.method.ServerStreams {
		ctx = s.ctx.context()
	}
	s.taken = nil
	ok, err := s.on.Receive(ctx, (*messageHandler)(s))
	switch {
	case ok:
		return s.taken == nil, s.taken
	case err == nil:
		if why, over := s.on.Err(); over {
			return false, why
		}
		return false, nil
	case s.draining(ctx):
		return false, status.Errorf(status.Unavailable, "%s: %w", s.method.Procedure, s.server.cfg.Draining)
	}
	return false, s.why()
}

// A messageHandler is a Stream's view for its connection (socket.MessageHandler).
type messageHandler Stream

// Message handles a message.
func (h *messageHandler) Message(body []byte) {
	if h.server.cfg.Idle > 0 {
		h.received.Add(1)
	}
	h.taken = h.work.Message(body)
}

// Send sends a message, which it does not keep. It waits for credit until ctx ends.
// With the handler's own context it also works after that context has ended because
// the stream must end.
func (s *Stream) Send(ctx context.Context, m wire.Body) error {
	if err := s.sendHeaders(); err != nil {
		return s.sendError(err)
	}
	err := s.sendWithin(ctx, m)
	if err != nil && err == ctx.Err() && s.draining(ctx) {
		err = s.sendWithin(s.hard, m) // the handler may still send last messages
	}
	if err != nil {
		return s.sendError(err)
	}
	if s.server.cfg.Idle > 0 {
		s.sent.Add(1)
	}
	return nil
}

// sendWithin sends a message unless ctx has ended, or ends before there is room.
func (s *Stream) sendWithin(ctx context.Context, m wire.Body) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.on.Send(ctx, m)
}

// sendHeaders sends, once, the headers that were set before the first message.
func (s *Stream) sendHeaders() error {
	s.headers.Do(func() {
		headers := s.ctx.takeHeaders()
		if len(headers) == 0 {
			return
		}
		if err := headers.Check(); err != nil {
			s.headErr = status.Errorf(status.Internal, "reply: %w", err)
			return
		}
		s.headErr = s.on.SendHeaders(headers)
	})
	return s.headErr
}

// sendError returns the coded error for a message that was not sent.
func (s *Stream) sendError(err error) error {
	if why, over := s.on.Err(); over {
		return why
	}
	switch {
	case errors.Is(err, socket.ErrStreamOver):
		if s.hard.Err() != nil {
			return s.why()
		}
		return status.Errorf(status.Unavailable, "%s: the client is gone", s.method.Procedure)
	case s.hard.Err() != nil:
		return s.why()
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return status.Errorf(status.CodeOf(err), "%s: %w", s.method.Procedure, err)
	}
	return handlersFault(beyondClient(s.method, "message", err))
}
