package pipeline

import (
	"context"
	"sync"
	"time"
)

// A scope is the context of one attempt of a task. It ends with the one above, when
// the task is canceled and when the task is over. It costs nothing before somebody
// waits for its end. Its methods may be called from any goroutine.
type scope struct {
	above context.Context

	mu    sync.Mutex
	below context.Context // ends with the scope; nil: nobody has asked for it
	stop  context.CancelCauseFunc
	cause error // of the end; nil: it has not ended
}

// end ends the scope, if it has not ended yet.
func (s *scope) end(cause error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cause != nil {
		return
	}
	if s.cause = cause; cause == nil {
		s.cause = context.Canceled
	}
	if s.stop != nil {
		s.stop(s.cause)
	}
}

// ended reports whether end was called.
func (s *scope) ended() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cause != nil
}

// context returns a context that ends with the scope.
func (s *scope) context() context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.below == nil {
		s.below, s.stop = context.WithCancelCause(s.above)
		if s.cause != nil {
			s.stop(s.cause)
		}
	}
	return s.below
}

// current returns a context with the present state of the scope.
func (s *scope) current() context.Context {
	s.mu.Lock()
	asked := s.below != nil || s.cause != nil
	s.mu.Unlock()
	if asked {
		return s.context()
	}
	return s.above
}

// Deadline returns the deadline of the context above (context.Context).
func (s *scope) Deadline() (time.Time, bool) { return s.above.Deadline() }

// Done returns a channel that is closed when the scope ends (context.Context).
func (s *scope) Done() <-chan struct{} { return s.context().Done() }

// Err returns why the scope has ended, nil before (context.Context).
func (s *scope) Err() error { return s.current().Err() }

// Value returns a value of the context above (context.Context). context.Cause uses
// it to find the cause of the end.
func (s *scope) Value(key any) any { return s.current().Value(key) }
