package gozmq

import (
	"sync/atomic"

	"github.com/gozmq/gozmq/runtime/internal/pipeline"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A TaskStore keeps the tasks of a ventilator until they are done or given up,
// so that none is lost when the ventilator's process ends. One ventilator uses
// a store at a time, and makes one call after the other. Implementations must
// embed a StoreLock. Package gozmqbolt, in a separate module, has a store in a
// file.
type TaskStore interface {
	// Load calls visit with each task, in the order in which they were put. It
	// stops at the first error of visit and returns it. Each ventilator calls it
	// once, before Apply. A task that cannot be read is visited with Err, and
	// with what is known of it: the ventilator reports it (EventStoreFailed) and
	// goes on without it.
	Load(visit func(StoredTask) error) error
	// Apply makes a change durable, all of it or nothing. It must not keep the
	// change or its bytes.
	Apply(change *StoreChange) error

	storeLock() *StoreLock
}

// A StoreLock is embedded in a TaskStore: while a ventilator has the store,
// NewVentilator refuses it to another one. The zero value is ready for use.
type StoreLock struct{ taken atomic.Bool }

func (l *StoreLock) storeLock() *StoreLock { return l }

// A StoredTask is a task as a store keeps it. One without a Procedure is the
// state of a batch: stores keep it as they keep tasks.
type StoredTask struct {
	ID        string // unique; not printable
	Procedure string
	Body      []byte
	Header    []byte
	Attempts  int   // how often a worker has begun it
	Err       error // from Load: why the task cannot be read; nil otherwise
}

// A StoreChange is a group of changes. A task may be in several of its parts:
// apply Put first, then Attempts, then Delete. Ignore Attempts and Delete of a
// task that is not in the store.
type StoreChange struct {
	// Put has tasks that are new, in order. One without a Procedure may be in the
	// store already, if Apply returned an error after all was stored.
	Put []StoredTask
	// Attempts has new numbers of attempts by id.
	Attempts map[string]int
	// Delete has the ids of tasks that were done or given up.
	Delete []string
}

// engineStore is a TaskStore as a pipeline.Store. A panic of the store is the error
// of what was asked of it.
type engineStore struct {
	store    TaskStore
	observer *observer
}

// Claim takes the store, unless another ventilator has it (pipeline.Store).
func (s engineStore) Claim() bool { return s.store.storeLock().taken.CompareAndSwap(false, true) }

// Release gives the store back (pipeline.Store).
func (s engineStore) Release() { s.store.storeLock().taken.Store(false) }

// Load calls visit with each task (pipeline.Store).
func (s engineStore) Load(visit func(pipeline.StoredTask) error) (err error) {
	panicked := s.observer.guardApart(zmtp.Router, "the store's Load", "", func() {
		err = s.store.Load(func(t StoredTask) error { return visit(pipeline.StoredTask(t)) })
	})
	if panicked != nil {
		return panicked
	}
	return err
}

// Apply makes a change durable (pipeline.Store).
func (s engineStore) Apply(c *pipeline.StoreChange) (err error) {
	change := &StoreChange{Attempts: c.Attempts, Delete: c.Delete}
	for _, t := range c.Put {
		change.Put = append(change.Put, StoredTask(t))
	}
	if panicked := s.observer.guardApart(zmtp.Router, "the store's Apply", "", func() { err = s.store.Apply(change) }); panicked != nil {
		return panicked
	}
	return err
}
