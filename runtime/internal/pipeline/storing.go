package pipeline

import (
	"context"
	"fmt"
)

// A storing is what a store is to know, after which a method of a Dispatcher
// returns. Its zero value is nothing.
type storing struct {
	made  chan struct{} // closed once the store knows it; nil: nothing is stored
	ended chan struct{} // closed when nothing more is stored
}

// storing returns what was to be stored until now; d.mu is held.
func (d *Dispatcher) storing() storing {
	if d.store == nil {
		return storing{}
	}
	s := storing{make(chan struct{}), d.store.done}
	d.store.then(func() { close(s.made) })
	return s
}

// wait waits until the store knows it. what says what has happened before, in the
// error if ctx ends first. It returns ErrNotOwner if nothing more is stored.
func (s storing) wait(ctx context.Context, what string) error {
	if s.made == nil {
		return nil
	}
	select {
	case <-s.made:
		return nil
	case <-s.ended:
	case <-ctx.Done():
		return fmt.Errorf("%w: %s, but the store has not taken that yet", ctx.Err(), what)
	}
	select {
	case <-s.made:
		return nil
	default:
		return ErrNotOwner
	}
}
