package guarded

import (
	"fmt"
	"runtime/debug"
)

// A PanicError says that code panicked, or that it called runtime.Goexit.
type PanicError struct {
	// Value is the argument of panic, nil after Goexit.
	Value any
	// Stack is the goroutine's stack, nil after Goexit.
	Stack []byte
}

// Error returns the panic's value as text.
func (e *PanicError) Error() string {
	if e.Goexit() {
		return "the function ended its goroutine with runtime.Goexit"
	}
	return fmt.Sprintf("panic: %v", e.Value)
}

// Goexit reports whether the code ended its goroutine instead of panicking.
func (e *PanicError) Goexit() bool { return e.Stack == nil }

// Unwrap returns the panic's value where it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// Apart runs f in another goroutine, waits for it, and returns nil if f
// returned. It is for rare calls, because it is slower than Call. A runtime.Goexit
// in f does not end the caller's goroutine.
func Apart(f func()) *PanicError {
	done := make(chan *PanicError, 1)
	go Call(f, func(e *PanicError) { done <- e })
	return <-done
}

// Call runs f and then calls done with a nil error if f returned. If f panicked,
// done gets a *PanicError and Call returns. If f called runtime.Goexit, done gets a
// *PanicError whose Goexit is true, and the goroutine ends with done. done is
// always called, exactly once.
func Call(f func(), done func(*PanicError)) {
	inside := false
	CallAround(f, &inside, done)
}

// CallAround is Call for an f that itself calls code whose panics must not be
// recovered. f sets *inside while that code runs: if f ends with *inside set, the
// panic or the Goexit continues, and done is not called.
func CallAround(f func(), inside *bool, done func(*PanicError)) {
	returned := false
	defer func() {
		if returned {
			done(nil)
			return
		}
		if *inside {
			return
		}
		e := &PanicError{}
		if v := recover(); v != nil {
			e.Value, e.Stack = v, debug.Stack()
		}
		done(e)
	}()
	f()
	returned = true
}
