package answer

import (
	"context"
	"errors"

	"github.com/gozmq/gozmq/runtime/internal/status"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// end ends the stream with the handler's outcome.
func (s *Stream) end(err error) {
	if err == nil {
		if _, err = s.on.Finish(errReturned, s.appendReply); err == nil {
			s.method.ended(nil)
			return
		}
	}
	err = s.drained(err)
	s.method.ended(err)
	_, _ = s.on.Finish(errReturned, func(b []byte) ([]byte, error) {
		h, _ := s.lastHeader()
		return s.appendFailure(b, err, h)
	})
}

// drained returns err. If err comes from a context that has ended because the
// stream must end, it returns an error that says so.
func (s *Stream) drained(err error) error {
	if !s.draining(s.ctx.context()) || !errors.Is(err, context.Canceled) && !errors.Is(err, s.server.cfg.Draining) {
		return err
	}
	if s.old.Load() {
		return errTooOld
	}
	return errStreamsOn
}

// appendReply appends the last reply of a successful stream.
func (s *Stream) appendReply(b []byte) ([]byte, error) {
	h, err := s.lastHeader()
	if err != nil {
		return b, err
	}
	var body wire.Body = wire.Encoded(nil)
	if s.work.HasReply() {
		body = s.work
	}
	out, err := wire.AppendReply(b, body, h)
	if err != nil {
		return out, handlersFault(err)
	}
	return out, beyondClient(s.method, "reply", s.peer.Fits(out[len(b):]))
}

// lastHeader returns the header of the last reply, an empty one with an error.
func (s *Stream) lastHeader() (wire.ReplyHeader, error) {
	if s.refused {
		return wire.ReplyHeader{Refused: true}, nil
	}
	return s.ctx.replyHeader()
}

func (s *Stream) appendFailure(b []byte, err error, h wire.ReplyHeader) ([]byte, error) {
	return wire.AppendFailure(b, status.Encode(err, s.server.statusLimit(s.peer)), h)
}

// hardEnded ends the stream when the hard context has ended before the handler
// returned.
func (s *Stream) hardEnded() {
	if s.done.Load() {
		return // the handler's outcome is being sent
	}
	lost := s.peer.Err() != nil
	s.abort(s.cause(), !lost)
}

// why returns why the handler cannot go on.
func (s *Stream) why() error {
	if s.done.Load() {
		return errReturned
	}
	return s.cause()
}

// cause returns why the stream's context has ended.
func (s *Stream) cause() error {
	if why, over := s.on.Err(); over {
		return why
	}
	cause := context.Cause(s.hard)
	switch {
	case errors.Is(cause, errStopped):
		return errStreamsOn
	case errors.Is(cause, context.DeadlineExceeded), errors.Is(cause, context.Canceled) && s.peer.Err() == nil:
		return status.Errorf(status.CodeOf(cause), "%s: %w", s.method.Procedure, cause)
	}
	return status.Errorf(status.Unavailable, "%s: the client is gone: %w", s.method.Procedure, cause)
}

// abort ends the stream with err while the handler may still run. If notify is set,
// the client gets the error.
func (s *Stream) abort(err error, notify bool) {
	var appendEnd func(b []byte) ([]byte, error)
	if notify {
		appendEnd = func(b []byte) ([]byte, error) { return s.appendFailure(b, err, wire.ReplyHeader{}) }
	}
	if first, _ := s.on.Finish(err, appendEnd); first {
		s.cancel(s.server.cfg.Public(err))
	}
}
