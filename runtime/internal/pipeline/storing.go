package pipeline

import (
	"context"
	"fmt"
)

// A storing is the set of changes that must be durable before a method of a
// Dispatcher returns. Its zero value is empty.
type storing struct {
	made  chan struct{} // closed once the store knows it; nil: nothing is stored
	ended chan struct{} // closed when nothing more is stored
}

// storing returns the changes up to now; d.mu is held.
func (d *Dispatcher) storing() storing {
	if d.store == nil {
		return storing{}
	}
	s := storing{make(chan struct{}), d.store.done}
	d.store.then(func() { close(s.made) })
	return s
}

// wait waits until the changes are durable. If ctx ends first, the error contains
// what, the description of what has already happened. It returns ErrNotOwner if
// nothing more is stored.
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
