package gozmqbolt

import (
	"errors"
	"fmt"
	"io/fs"
	"runtime/debug"
	"sync"

	bolterrors "go.etcd.io/bbolt/errors"
)

// A guard turns bbolt's panics, and accesses to missing parts of the file, into
// errors. After one, bbolt's locks may still be held, so the guard runs nothing
// more.
type guard struct {
	mu     sync.Mutex
	broken error
}

// err returns the panic that there was, nil for none.
func (g *guard) err() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.broken
}

func (g *guard) run(f func() error) (err error) {
	if err := g.err(); err != nil {
		return err
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = &damagedError{fmt.Errorf("bbolt panicked: %v", r)}
			g.mu.Lock()
			g.broken = err
			g.mu.Unlock()
		}
	}()
	return f()
}

// A damagedError says that a file cannot be used.
type damagedError struct{ err error }

func (e *damagedError) Error() string {
	return "the file is damaged: " + e.err.Error() +
		". Restore it from a copy; or move it away, so that a new one is made and the tasks in it are lost"
}

func (e *damagedError) Unwrap() error { return e.err }

// wrap adds the file to an error of bbolt.
func (s *Store) wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("task file %s: %w", s.path, err)
}

// openError returns why the file cannot be opened, and what to do.
func (s *Store) openError(err error) error {
	var wrong *fs.PathError
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		err = fmt.Errorf("it is open already, here or in another process: give each ventilator a file of its own: %w", err)
	case errors.As(err, &wrong), errors.As(err, new(*damagedError)):
	default:
		err = fmt.Errorf("it is no whole task file. If the disk became full, or the process ended, while it was being made, it has no tasks: delete it. Otherwise restore it from a copy: %w", err)
	}
	if s.fresh {
		err = fmt.Errorf("it could not be made: make room on the disk if that is full, and delete the file, which has no tasks: %w", err)
	}
	return fmt.Errorf("open task file %s: %w", s.path, err)
}
