package call

import "github.com/gozmq/gozmq/runtime/internal/status"

// Close cancels the call if it is not over.
func (s *Stream) Close() {
	if s.done.Load() {
		return // as most are: no error is made
	}
	s.Cancel(status.Errorf(status.Canceled, "%s: the stream was closed", s.method.Procedure))
}

// expire ends the call because of a timeout.
func (s *Stream) expire(err error) {
	s.Cancel(status.Errorf(status.DeadlineExceeded, "%s: %w", s.method.Procedure, err))
}

// Cancel ends the call with err, if it is not over, and sends the server a cancel.
func (s *Stream) Cancel(err error) {
	if !s.finish(err, false) {
		return
	}
	if st := s.current.Load(); st != nil {
		st.Cancel(err)
	}
}

// Fail ends a call that was not sent to any server with err. It returns the call's
// outcome.
func (s *Stream) Fail(err error) error {
	s.finish(err, false)
	return s.outcome()
}

// finish ends the call with err, or without an error. It returns false when the
// call was already over.
func (s *Stream) finish(err error, replied bool) bool {
	s.mu.Lock()
	if s.over {
		s.mu.Unlock()
		return false
	}
	s.over, s.result = true, err
	s.done.Store(true)
	unwait, release, giveUp, tracer := s.unwait, s.release, s.giveUp, s.tracer
	s.mu.Unlock()
	if giveUp != nil {
		giveUp()
	}
	if unwait != nil {
		unwait()
	}
	s.watch.Stop()
	release()
	tracer.endAll(err)
	s.owner.Ended(err, replied)
	return true
}

// Over reports whether the call is over, and the error that it ended with.
func (s *Stream) Over() (over bool, err error) {
	if !s.done.Load() {
		return false, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.over, s.result
}

// outcome returns the call's error, as its owner translates it.
func (s *Stream) outcome() error {
	_, err := s.Over()
	return s.owner.Outcome(err)
}

// look returns the counts that the watch compares.
func (s *Stream) look() (all, received uint64, waits bool) {
	received = s.received.Load()
	return received + s.sent.Load(), received, s.waits.Load()
}
