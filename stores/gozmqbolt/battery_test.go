package gozmqbolt

import (
	"path/filepath"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/gozmq/gozmq/internal/queuetest"
	"github.com/gozmq/gozmq/runtime/gozmqstore"
	"github.com/gozmq/gozmq/runtime/gozmqstoretest"
)

// A file passes the tests of ventilators that follow one another.
func TestVentilators(t *testing.T) {
	queuetest.Run(t, func(t *testing.T) func() gozmqstore.Store {
		path := filepath.Join(t.TempDir(), "tasks.db")
		return func() gozmqstore.Store { return open(t, path) }
	})
}

// A file passes the battery of all stores. Processes that are killed are tested
// with pipelines (restart_test.go); here a crash only lets go of the file.
func TestBattery(t *testing.T) {
	gozmqstoretest.Run(t, func(t *testing.T) gozmqstoretest.Queue {
		path := filepath.Join(t.TempDir(), "tasks.db")
		shut := func(t testing.TB, s gozmqstore.Store) {
			if err := s.(*Store).Close(); err != nil {
				t.Error(err)
			}
		}
		return gozmqstoretest.Queue{
			TakeOver: takeOver,
			Patience: patience,
			Open: func(t testing.TB) gozmqstore.Store {
				s, err := Open(path)
				if err != nil {
					t.Fatal(err)
				}
				return s
			},
			Close: shut,
			Crash: shut,
			Damage: func(t testing.TB, id string) {
				s := open(t, path)
				defer s.Close()
				err := s.db.Update(func(tx *bbolt.Tx) error {
					b := bucketsOf(tx)
					return b.tasks.Put(b.numbers.Get([]byte(id)), []byte("damaged"))
				})
				if err != nil {
					t.Error(err)
				}
			},
		}
	})
}
