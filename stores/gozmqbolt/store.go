// Package gozmqbolt keeps the tasks of a ventilator in one file, with bbolt: a
// gozmqstore.Store for pipelines with DeliveryAtLeastOnce.
//
//	store, err := gozmqbolt.Open("tasks.db")
//	defer store.Close()
//	vent, err := gozmq.NewVentilator(gozmq.DeliveryAtLeastOnce, gozmq.WithTaskStore(store), ...)
//	defer vent.Close() // before the store
package gozmqbolt

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// A Store is a file. The Store that has it open owns the queue: other processes on
// the machine, and other Stores of this process, stand by. Its methods may be
// called from any goroutine.
type Store struct {
	path  string
	guard guard
	free  chan struct{} // has an element while no session of this Store owns the queue

	mu      sync.Mutex // guards the following fields; locked while the file is opened and closed
	db      *bbolt.DB  // nil: not open
	file    *os.File   // the file that db has open
	fresh   bool       // the file is being made
	warning error      // a fault that Load must report; nil: none
	closed  bool
}

// The buckets of the file. A task has a number, which gives the order. Values
// other than numbers are records, with a checksum.
var (
	tasks    = []byte("gozmq tasks v1")    // number: task
	numbers  = []byte("gozmq numbers v1")  // id: number
	statuses = []byte("gozmq attempts v1") // number: its last status; in version 1: how often it was handed out
	damaged  = []byte("gozmq damaged v1")  // number: a task whose record is damaged
)

var bucketNames = [][]byte{tasks, numbers, statuses, damaged}

// buckets are the buckets in one transaction.
type buckets struct{ tasks, numbers, statuses, damaged *bbolt.Bucket }

func bucketsOf(tx *bbolt.Tx) buckets {
	return buckets{tx.Bucket(tasks), tx.Bucket(numbers), tx.Bucket(statuses), tx.Bucket(damaged)}
}

// lockTimeout is how long bbolt waits for a file that another process has open.
const lockTimeout = 60 * time.Millisecond

// Open opens the file. It creates a file that does not exist, which only its user
// may read or write. It reads the whole file, and fails when a part of it that
// others depend on is damaged. When the file is open already, it returns a Store
// that waits for it: its ventilator stands by. Close must be called, after the
// ventilator's.
func Open(path string) (*Store, error) {
	s := &Store{path: path, free: make(chan struct{}, 1)}
	s.free <- struct{}{}
	if err := s.open(); err != nil && !errors.Is(err, bolterrors.ErrTimeout) {
		return nil, err
	}
	return s, nil
}

// open opens the file unless it is open.
func (s *Store) open() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return fmt.Errorf("task file %s: the store is closed", s.path)
	case s.db != nil:
		return nil
	}
	if err := s.check(); err != nil {
		return err
	}
	err := s.guard.run(func() (err error) {
		s.db, err = s.openDB(false)
		return err
	})
	if err != nil {
		s.db = nil
		return s.openError(err)
	}
	if err := s.guard.run(s.makeBuckets); err != nil {
		return errors.Join(s.openError(err), s.closeDB())
	}
	s.fresh = false
	return nil
}

// openDB makes bbolt open the file, and records which file it is.
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

// check checks an existing file while nobody writes to it.
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

// Close closes the file.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return s.closeDB()
}

// closeTimeout is how long Close waits for locks that a panic may have left.
const closeTimeout = time.Second

// closeDB closes the file, if it is open; s.mu is held.
func (s *Store) closeDB() error {
	db := s.db
	if db == nil {
		return nil
	}
	s.db = nil
	if s.guard.err() == nil {
		return db.Close()
	}
	closed := make(chan error, 1)
	go func() {
		defer func() {
			if r := recover(); r != nil {
				closed <- fmt.Errorf("close task file %s: %v", s.path, r)
			}
		}()
		closed <- db.Close()
	}()
	select {
	case err := <-closed:
		return err
	case <-time.After(closeTimeout):
		return fmt.Errorf("close task file %s: bbolt does not let it go: it stays open until the process ends", s.path)
	}
}
