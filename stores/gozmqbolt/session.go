package gozmqbolt

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/gozmq/gozmq/runtime/gozmqstore"
)

// A session is the ownership of a file.
type session struct {
	store *Store
	db    *bbolt.DB
}

// retryLock is how long Acquire waits before it tries again to lock the file.
const retryLock = 50 * time.Millisecond

// Acquire waits until no other Store or process has the file open, or ctx ends
// (gozmqstore.Store).
func (s *Store) Acquire(ctx context.Context, standby func()) (gozmqstore.Session, error) {
	called := false
	wait := func() {
		if !called {
			called = true
			standby()
		}
	}
	select {
	case <-s.free:
	default:
		wait()
		select {
		case <-s.free:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	for {
		err := s.open()
		switch {
		case err == nil:
			return &session{s, s.db}, nil
		case !errors.Is(err, bolterrors.ErrTimeout):
			s.free <- struct{}{}
			return nil, err
		}
		wait()
		select {
		case <-time.After(retryLock):
		case <-ctx.Done():
			s.free <- struct{}{}
			return nil, ctx.Err()
		}
	}
}

// Lost returns nil: a file that is open stays locked (gozmqstore.Session).
func (s *session) Lost() <-chan struct{} { return nil }

// Release closes the file, so that another process may have it
// (gozmqstore.Session).
func (s *session) Release(context.Context) error {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	err := s.store.closeDB()
	s.store.free <- struct{}{}
	return err
}

// Load calls visit with each task, in the order in which they were put
// (gozmqstore.Session). Damaged ones, with Err, come last. They are set aside in a
// bucket of the file, and the next Load does not report them again.
func (s *session) Load(ctx context.Context, visit func(gozmqstore.Task) error) error {
	sound := &stream{visit: visit}
	err := s.view(func(b buckets) error { return sound.run(ctx, b) })
	var rest []gozmqstore.Task
	switch {
	case sound.failed != nil:
		return sound.failed
	case errors.Is(err, errUnsound):
		if rest, err = s.repair(); err == nil {
			rest = rest[sound.tasks:]
		}
	}
	if err != nil {
		return err
	}
	if s.store.warning != nil {
		rest = append(rest, gozmqstore.Task{Err: fmt.Errorf("%s: %w", s.store.path, s.store.warning)})
		s.store.warning = nil
	}
	for _, t := range rest {
		if err := visit(t); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// repair returns the valid tasks of a file, in order, and then the damaged ones. It
// repairs faults if it can.
func (s *session) repair() ([]gozmqstore.Task, error) {
	path := s.store.path
	var c *content
	repair := false
	err := s.view(func(b buckets) (err error) {
		if c, err = b.read(path); err == nil {
			repair = c.needsRepair(b.tasks)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if repair {
		if err := s.update(func(b buckets) error { return b.repair(c) }); err != nil {
			c.fault("", fmt.Errorf("%s could not be repaired: %w", path, err))
		}
	}
	return append(c.tasks, c.faults...), nil
}

// Apply makes a change in one transaction, which is on the disk when it returns
// (gozmqstore.Session).
func (s *session) Apply(_ context.Context, change *gozmqstore.Change) error {
	return s.update(func(b buckets) error {
		for i := range change.Put {
			if err := b.put(&change.Put[i]); err != nil {
				return err
			}
		}
		for id, status := range change.Update {
			if err := b.setStatus(id, &status); err != nil {
				return err
			}
		}
		for _, id := range change.Delete {
			if err := b.remove(id); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *session) view(f func(buckets) error) error {
	return s.store.wrap(s.store.guard.run(func() error {
		return s.db.View(func(tx *bbolt.Tx) error { return f(bucketsOf(tx)) })
	}))
}

func (s *session) update(f func(buckets) error) error {
	return s.store.wrap(s.store.guard.run(func() error {
		return update(s.db, func(tx *bbolt.Tx) error { return f(bucketsOf(tx)) })
	}))
}

// update is db.Update, without its reading of the whole file when f panics.
func update(db *bbolt.DB, f func(*bbolt.Tx) error) error {
	tx, err := db.Begin(true)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after Commit it does nothing
	if err := f(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// put adds a task. A task that already exists, because a failed Apply did make its
// change, is not an error.
func (b buckets) put(t *gozmqstore.Task) error {
	if b.numbers.Get([]byte(t.ID)) != nil {
		return nil
	}
	n, err := b.tasks.NextSequence()
	if err != nil {
		return err
	}
	number := binary.BigEndian.AppendUint64(nil, n)
	return errors.Join(b.tasks.Put(number, seal(number, encode(t))), b.numbers.Put([]byte(t.ID), number))
}

func (b buckets) setStatus(id string, s *gozmqstore.Status) error {
	number := b.numbers.Get([]byte(id))
	if number == nil {
		return nil
	}
	return b.statuses.Put(number, seal(number, appendStatus(nil, s)))
}

func (b buckets) remove(id string) error {
	number := append([]byte(nil), b.numbers.Get([]byte(id))...)
	if len(number) == 0 {
		return nil
	}
	return errors.Join(b.tasks.Delete(number), b.statuses.Delete(number), b.numbers.Delete([]byte(id)))
}
