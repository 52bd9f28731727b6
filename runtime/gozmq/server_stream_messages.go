package gozmq

import (
	"context"
	"errors"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// receive handles a message of the client that is not the first. It returns
// false for one that the client should not have sent. The connection's reader
// calls it.
func (s *serverStream) receive(r *wire.Request) bool {
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
func (s *serverStream) receiveMessage(body []byte) bool {
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
		s.peer.Malformed("%s: %w", s.method.Procedure, why)
		s.abort(why, true)
	}
	return false
}

// Receive waits for the next message (bridge.ServerStream).
func (s *serverStream) Receive(m proto.Message) (more bool, err error) {
	ctx := s.hard
	if s.method.ServerStreams {
		ctx = s.call.context()
	}
	s.waits.Store(true)
	defer s.waits.Store(false)
	s.into, s.taken = m, nil
	ok, err := s.on.Receive(ctx, s)
	s.into = nil
	switch {
	case ok && s.taken != nil:
		return false, s.taken
	case ok:
		if err := s.call.info.message(m, false); err != nil {
			return false, err
		}
		return true, nil
	case err == nil:
		if why, over := s.on.Err(); over {
			return false, why
		}
		return false, nil
	case errors.Is(context.Cause(ctx), ErrDraining):
		return false, Errorf(CodeUnavailable, "%s: %w", s.method.Procedure, ErrDraining)
	}
	return false, s.why()
}

// Take decodes a message (socket.Taker).
func (s *serverStream) Take(body []byte) {
	s.received.Add(1)
	s.taken = s.server.bodies.decodeInput(body, s.into)
}

// Send sends a message (bridge.ServerStream).
func (s *serverStream) Send(ctx context.Context, m proto.Message) error {
	if m == nil || !m.ProtoReflect().IsValid() {
		return Errorf(CodeInternal, "%s: Send was given no message", s.method.Procedure)
	}
	if err := s.call.info.message(m, true); err != nil {
		return err
	}
	if err := s.sendHeaders(); err != nil {
		return s.sendError(err)
	}
	body := streamBodies.Get().(*streamBody)
	body.bodies, body.m = &s.server.bodies, m
	defer body.free()
	err := s.sendWithin(ctx, body)
	if err != nil && err == ctx.Err() && errors.Is(context.Cause(ctx), ErrDraining) {
		err = s.sendWithin(s.hard, body) // the handler may still say goodbye
	}
	if err != nil {
		return s.sendError(err)
	}
	s.sent.Add(1)
	return nil
}

// sendWithin sends a message unless ctx has ended, or ends before there is room.
func (s *serverStream) sendWithin(ctx context.Context, body *streamBody) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.on.Send(ctx, body)
}

// sendHeaders sends the headers that were set before the first message, once.
func (s *serverStream) sendHeaders() error {
	s.headers.Do(func() {
		headers := s.call.headers()
		if len(headers) == 0 {
			return
		}
		if err := wire.Metadata(headers).Check(); err != nil {
			s.headErr = Errorf(CodeInternal, "reply: %w", err)
			return
		}
		s.headErr = s.on.SendHeaders(wire.Metadata(headers))
	})
	return s.headErr
}

// sendError gives a code to why a message was not sent.
func (s *serverStream) sendError(err error) error {
	if why, over := s.on.Err(); over {
		return why
	}
	switch {
	case errors.Is(err, socket.ErrStreamOver):
		if s.hard.Err() != nil {
			return s.why()
		}
		return Errorf(CodeUnavailable, "%s: the client is gone", s.method.Procedure)
	case s.hard.Err() != nil:
		return s.why()
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return Errorf(CodeOf(err), "%s: %w", s.method.Procedure, err)
	}
	return handlersFault(beyondClient(s.method, "message", err))
}
