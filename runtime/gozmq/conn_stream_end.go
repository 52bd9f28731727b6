package gozmq

import (
	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// accept looks at a message that was taken.
func (s *clientStream) accept(st *socket.DealerStream, m proto.Message) (more bool, err error) {
	if !s.told {
		s.told = true
		if to := s.options.replyMetadata; to != nil {
			to.Headers = Metadata(st.Headers())
		}
		s.conn.budget.note(nil)
	}
	if err = s.taken; err == nil && !s.method.ServerStreams {
		err = Errorf(CodeInternal, "%s: the server has sent a message before the reply", s.method.Procedure)
	}
	if err == nil && s.chain != nil {
		err = s.chain.info.message(m, false)
	}
	if err != nil {
		s.cancel(err)
		return false, s.outcome()
	}
	return true, nil
}

// conclude ends the call as the server has, and returns what Receive returns. The
// reply of a call in which the server sends no stream is its one message.
func (s *clientStream) conclude(st *socket.DealerStream, final error, m proto.Message) (more bool, err error) {
	end, _ := st.End()
	s.tell(end.Reply.Header)
	reply := m
	if s.method.ServerStreams {
		reply = nil
	} else if final == nil {
		if err := s.conn.bodies.decode(end.Reply.Body, m); err != nil {
			final = Errorf(CodeInternal, "%s: decode %s of %d bytes: %w", s.method.Procedure, nameOf(m), len(end.Reply.Body), err)
		}
	}
	s.finishWith(final, reply)
	if err := s.outcome(); err != nil || reply == nil {
		return false, err
	}
	if s.chain != nil {
		return s.chain.replace(m)
	}
	return true, nil
}

// tell stores the metadata of the last reply.
func (s *clientStream) tell(header []byte) {
	to := s.options.replyMetadata
	if to == nil || len(header) == 0 {
		return
	}
	h, err := wire.ParseReplyHeader(header)
	if err != nil {
		return
	}
	if len(h.Headers) > 0 {
		to.Headers = Metadata(h.Headers)
	}
	to.Trailers = Metadata(h.Trailers)
}

// Close cancels the call (Stream).
func (s *clientStream) Close() {
	s.cancel(Errorf(CodeCanceled, "%s: the stream was closed", s.method.Procedure))
}

// expire ends the call because of a timeout.
func (s *clientStream) expire(err error) {
	s.cancel(Errorf(CodeDeadlineExceeded, "%s: %w", s.method.Procedure, err))
}

// cancel ends the call with err, if it is not over.
func (s *clientStream) cancel(err error) {
	if !s.finish(err) {
		return
	}
	if st := s.current.Load(); st != nil {
		st.Cancel(err)
	}
}

// finish ends the call with err, or without an error. It returns false when the
// call was over already.
func (s *clientStream) finish(err error) bool { return s.finishWith(err, nil) }

// finishWith is finish with the reply of a call in which the server sends no
// stream.
func (s *clientStream) finishWith(err error, reply proto.Message) bool {
	s.mu.Lock()
	if s.over {
		s.mu.Unlock()
		return false
	}
	s.over, s.result = true, err
	unwait, release, chain, giveUp := s.unwait, s.release, s.chain, s.giveUp
	s.mu.Unlock()
	if giveUp != nil {
		giveUp()
	}
	if unwait != nil {
		unwait()
	}
	s.watch.stop()
	release()
	if chain != nil {
		chain.end(err, reply)
	}
	return true
}

// ended reports whether the call is over, and the error that it ended with.
func (s *clientStream) ended() (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.over, s.result
}

// outcome returns what the call ended with, as the interceptors have it.
func (s *clientStream) outcome() error {
	s.mu.Lock()
	chain, err := s.chain, s.result
	s.mu.Unlock()
	if chain != nil {
		return chain.outcome()
	}
	return err
}

// look says what a watch looks at.
func (s *clientStream) look() (all, received uint64, waits bool) {
	received = s.received.Load()
	return received + s.sent.Load(), received, s.waits.Load()
}
