// Package gozmqbolt keeps the tasks of a ventilator in one file, with bbolt: a
// gozmq.TaskStore for pipelines that deliver at least once.
//
//	store, err := gozmqbolt.Open("tasks.db")
//	defer store.Close()
//	vent, err := gozmq.NewVentilator(gozmq.DeliveryAtLeastOnce, gozmq.WithTaskStore(store), ...)
//	defer vent.Close() // before the store
package gozmqbolt

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/gozmq/gozmq/runtime/gozmq"
)

// A Store is a file. Its methods may be called from any goroutine.
type Store struct{ db *bbolt.DB }

// The buckets of the file. A task has a number, which gives the order.
var (
	tasks    = []byte("gozmq tasks v1")    // number: task
	numbers  = []byte("gozmq numbers v1")  // id: number
	attempts = []byte("gozmq attempts v1") // number: how often it was handed out
)

// lockTimeout is how long Open waits for a file that another process has open:
// one that was killed and is not yet gone.
const lockTimeout = 5 * time.Second

// Open opens the file, which is made if need be, for the user alone. It fails
// when another process has it open. Close must be called, after the ventilator's.
func Open(path string) (*Store, error) {
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: lockTimeout, FreelistType: bbolt.FreelistMapType, NoFreelistSync: true})
	if errors.Is(err, bolterrors.ErrTimeout) {
		return nil, fmt.Errorf("open %s: another process has it open: %w", path, err)
	}
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		for _, name := range [][]byte{tasks, numbers, attempts} {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), db.Close())
	}
	return &Store{db}, nil
}

// Close closes the file.
func (s *Store) Close() error { return s.db.Close() }

// Load calls visit with each task, in the order in which they were put
// (gozmq.TaskStore).
func (s *Store) Load(visit func(gozmq.StoredTask) error) error {
	return s.db.View(func(tx *bbolt.Tx) error {
		counts := tx.Bucket(attempts)
		return tx.Bucket(tasks).ForEach(func(number, value []byte) error {
			t, err := decode(value)
			if err != nil {
				return fmt.Errorf("task %d of %s: %w", binary.BigEndian.Uint64(number), s.db.Path(), err)
			}
			if n := counts.Get(number); len(n) == 8 {
				t.Attempts = int(binary.BigEndian.Uint64(n))
			}
			return visit(t)
		})
	})
}

// Apply makes a change in one transaction, which is on the disk when it returns
// (gozmq.TaskStore).
func (s *Store) Apply(change *gozmq.StoreChange) error {
	return s.db.Update(func(tx *bbolt.Tx) error {
		c := changer{tx.Bucket(tasks), tx.Bucket(numbers), tx.Bucket(attempts)}
		for i := range change.Put {
			if err := c.put(&change.Put[i]); err != nil {
				return err
			}
		}
		for id, n := range change.Attempts {
			if err := c.count(id, n); err != nil {
				return err
			}
		}
		for _, id := range change.Delete {
			if err := c.remove(id); err != nil {
				return err
			}
		}
		return nil
	})
}

// A changer changes the buckets within one transaction.
type changer struct{ tasks, numbers, attempts *bbolt.Bucket }

func (c changer) put(t *gozmq.StoredTask) error {
	if c.numbers.Get([]byte(t.ID)) != nil {
		return fmt.Errorf("a task with the id %x is there already", t.ID)
	}
	n, err := c.tasks.NextSequence()
	if err != nil {
		return err
	}
	number := binary.BigEndian.AppendUint64(nil, n)
	if err := c.tasks.Put(number, encode(t)); err != nil {
		return err
	}
	if t.Attempts > 0 {
		if err := c.attempts.Put(number, binary.BigEndian.AppendUint64(nil, uint64(t.Attempts))); err != nil {
			return err
		}
	}
	return c.numbers.Put([]byte(t.ID), number)
}

func (c changer) count(id string, n int) error {
	number := c.numbers.Get([]byte(id))
	if number == nil {
		return nil
	}
	return c.attempts.Put(number, binary.BigEndian.AppendUint64(nil, uint64(n)))
}

func (c changer) remove(id string) error {
	number := append([]byte(nil), c.numbers.Get([]byte(id))...)
	if len(number) == 0 {
		return nil
	}
	return errors.Join(c.tasks.Delete(number), c.attempts.Delete(number), c.numbers.Delete([]byte(id)))
}

// encode returns id, method, header and body, each behind its size as a varint.
func encode(t *gozmq.StoredTask) []byte {
	b := make([]byte, 0, len(t.ID)+len(t.Procedure)+len(t.Header)+len(t.Body)+4*binary.MaxVarintLen32)
	b = append(binary.AppendUvarint(b, uint64(len(t.ID))), t.ID...)
	b = append(binary.AppendUvarint(b, uint64(len(t.Procedure))), t.Procedure...)
	b = append(binary.AppendUvarint(b, uint64(len(t.Header))), t.Header...)
	return append(binary.AppendUvarint(b, uint64(len(t.Body))), t.Body...)
}

var errRecord = errors.New("the record is damaged")

// decode returns the task in memory of its own.
func decode(b []byte) (t gozmq.StoredTask, err error) {
	var parts [4][]byte
	for i := range parts {
		size, n := binary.Uvarint(b)
		if n <= 0 || size > uint64(len(b)-n) {
			return t, errRecord
		}
		parts[i] = append([]byte(nil), b[n:n+int(size)]...)
		b = b[n+int(size):]
	}
	if len(b) > 0 {
		return t, errRecord
	}
	return gozmq.StoredTask{ID: string(parts[0]), Procedure: string(parts[1]), Header: parts[2], Body: parts[3]}, nil
}
