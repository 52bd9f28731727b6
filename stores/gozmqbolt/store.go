// Package gozmqbolt keeps the tasks of a ventilator in one file, with bbolt: a
// gozmq.TaskStore for pipelines with DeliveryAtLeastOnce.
//
//	store, err := gozmqbolt.Open("tasks.db")
//	defer store.Close()
//	vent, err := gozmq.NewVentilator(gozmq.DeliveryAtLeastOnce, gozmq.WithTaskStore(store), ...)
//	defer vent.Close() // before the store
package gozmqbolt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"go.etcd.io/bbolt"

	"github.com/gozmq/gozmq/runtime/gozmq"
)

// A Store is a file. Its methods may be called from any goroutine.
type Store struct {
	gozmq.StoreLock
	path    string
	db      *bbolt.DB
	file    *os.File // the one that db has open
	guard   guard
	fresh   bool  // Open is making it
	warning error // what Open has found and Load reports; nil: nothing
}

// The buckets of the file. A task has a number, which gives the order. Values
// other than numbers are records, with a checksum.
var (
	tasks    = []byte("gozmq tasks v1")    // number: task
	numbers  = []byte("gozmq numbers v1")  // id: number
	attempts = []byte("gozmq attempts v1") // number: how often it was handed out
	damaged  = []byte("gozmq damaged v1")  // number: a task whose record is damaged
)

var bucketNames = [][]byte{tasks, numbers, attempts, damaged}

// buckets are those of one transaction.
type buckets struct{ tasks, numbers, attempts, damaged *bbolt.Bucket }

func bucketsOf(tx *bbolt.Tx) buckets {
	return buckets{tx.Bucket(tasks), tx.Bucket(numbers), tx.Bucket(attempts), tx.Bucket(damaged)}
}

// lockTimeout is how long Open waits for a file that another process has open:
// one that was killed and is not yet gone.
const lockTimeout = 5 * time.Second

// Open opens the file, which is made if need be, for the user alone. It reads the
// whole file, and fails when a part of it that others depend on is damaged, or
// when the file is open already. Close must be called, after the ventilator's.
func Open(path string) (*Store, error) {
	s := &Store{path: path}
	if err := s.check(); err != nil {
		return nil, err
	}
	err := s.guard.run(func() (err error) {
		s.db, err = s.openDB(false)
		return err
	})
	if err != nil {
		return nil, s.openError(err)
	}
	err = s.guard.run(s.makeBuckets)
	if err != nil {
		return nil, errors.Join(s.openError(err), s.Close())
	}
	s.fresh = false
	return s, nil
}

// openDB has bbolt open the file, and notes which one that is.
func (s *Store) openDB(readOnly bool) (*bbolt.DB, error) {
	return bbolt.Open(s.path, 0o600, &bbolt.Options{
		Timeout: lockTimeout, FreelistType: bbolt.FreelistMapType, NoFreelistSync: true, ReadOnly: readOnly,
		OpenFile: func(name string, flag int, mode os.FileMode) (f *os.File, err error) {
			f, err = os.OpenFile(name, flag, mode)
			s.file = f
			return f, err
		},
	})
}

// check checks a file that is there already, while nobody writes to it.
func (s *Store) check() error {
	switch info, err := os.Stat(s.path); {
	case errors.Is(err, fs.ErrNotExist), err == nil && info.Size() == 0:
		s.fresh = true
		return nil
	case err != nil:
		return fmt.Errorf("open task file: %w", err)
	}
	err := s.guard.run(func() error {
		db, err := s.openDB(true)
		if err != nil {
			return err
		}
		defer db.Close()
		info, err := s.file.Stat()
		if err != nil {
			return err
		}
		s.warning, err = checkFile(s.file, info.Size(), bucketNames)
		if err != nil && !errors.Is(err, errHalfMade) {
			return &damagedError{err}
		}
		return err
	})
	if err != nil {
		return s.openError(err)
	}
	return nil
}

// makeBuckets makes the buckets of a new file.
func (s *Store) makeBuckets() error {
	there := false
	err := s.db.View(func(tx *bbolt.Tx) error {
		there = tx.Bucket(tasks) != nil
		return nil
	})
	if err != nil || there {
		return err
	}
	return update(s.db, func(tx *bbolt.Tx) error {
		for _, name := range bucketNames {
			if _, err := tx.CreateBucket(name); err != nil {
				return err
			}
		}
		return nil
	})
}

// closeTimeout is how long Close waits for locks that a panic may have left.
const closeTimeout = time.Second

// Close closes the file.
func (s *Store) Close() error {
	if s.guard.err() == nil {
		return s.db.Close()
	}
	closed := make(chan error, 1)
	go func() {
		defer func() {
			if r := recover(); r != nil {
				closed <- fmt.Errorf("close task file %s: %v", s.path, r)
			}
		}()
		closed <- s.db.Close()
	}()
	select {
	case err := <-closed:
		return err
	case <-time.After(closeTimeout):
		return fmt.Errorf("close task file %s: bbolt does not let it go: it stays open until the process ends", s.path)
	}
}

// Load calls visit with each task, in the order in which they were put
// (gozmq.TaskStore). Damaged ones, with Err, come last. They are set aside in a
// bucket of the file, and the next Load does not report them again.
func (s *Store) Load(visit func(gozmq.StoredTask) error) error {
	var c *content
	repair := false
	err := s.view(func(b buckets) (err error) {
		if c, err = b.read(s.path); err == nil {
			repair = c.needsRepair(b.tasks)
		}
		return err
	})
	if err != nil {
		return err
	}
	if repair {
		if err := s.update(func(b buckets) error { return b.repair(c) }); err != nil {
			c.fault("", fmt.Errorf("%s could not be repaired: %w", s.path, err))
		}
	}
	if s.warning != nil {
		c.fault("", fmt.Errorf("%s: %w", s.path, s.warning))
		s.warning = nil
	}
	for _, t := range append(c.tasks, c.faults...) {
		if err := visit(t); err != nil {
			return err
		}
	}
	return nil
}

// Apply makes a change in one transaction, which is on the disk when it returns
// (gozmq.TaskStore).
func (s *Store) Apply(change *gozmq.StoreChange) error {
	return s.update(func(b buckets) error {
		for i := range change.Put {
			if err := b.put(&change.Put[i]); err != nil {
				return err
			}
		}
		for id, n := range change.Attempts {
			if err := b.count(id, n); err != nil {
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

func (s *Store) view(f func(buckets) error) error {
	return s.told(s.guard.run(func() error {
		return s.db.View(func(tx *bbolt.Tx) error { return f(bucketsOf(tx)) })
	}))
}

func (s *Store) update(f func(buckets) error) error {
	return s.told(s.guard.run(func() error {
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

// put adds a task. One that is there already, because an Apply that failed had
// made its change after all, is no error.
func (b buckets) put(t *gozmq.StoredTask) error {
	if number := b.numbers.Get([]byte(t.ID)); number != nil {
		if bytes.Equal(b.tasks.Get(number), seal(number, encode(t))) {
			return nil
		}
		return fmt.Errorf("a task with the id %x is there already", t.ID)
	}
	n, err := b.tasks.NextSequence()
	if err != nil {
		return err
	}
	number := binary.BigEndian.AppendUint64(nil, n)
	if err := b.tasks.Put(number, seal(number, encode(t))); err != nil {
		return err
	}
	if t.Attempts > 0 {
		if err := b.attempts.Put(number, sealCount(number, t.Attempts)); err != nil {
			return err
		}
	}
	return b.numbers.Put([]byte(t.ID), number)
}

func sealCount(number []byte, n int) []byte {
	return seal(number, binary.BigEndian.AppendUint64(nil, uint64(n)))
}

func (b buckets) count(id string, n int) error {
	number := b.numbers.Get([]byte(id))
	if number == nil {
		return nil
	}
	return b.attempts.Put(number, sealCount(number, n))
}

func (b buckets) remove(id string) error {
	number := append([]byte(nil), b.numbers.Get([]byte(id))...)
	if len(number) == 0 {
		return nil
	}
	return errors.Join(b.tasks.Delete(number), b.attempts.Delete(number), b.numbers.Delete([]byte(id)))
}
