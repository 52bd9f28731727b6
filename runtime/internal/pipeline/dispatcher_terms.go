package pipeline

import (
	"errors"
	"fmt"
	"time"

	"github.com/gozmq/gozmq/runtime/gozmqstore"
	"github.com/gozmq/gozmq/runtime/internal/taskqueue"
)

// A DuplicateError says that another task has the same unique key.
type DuplicateError struct {
	Key string
	ID  string // of the other one
}

func (e *DuplicateError) Error() string {
	return fmt.Sprintf("task %x has the unique key %q", e.ID, e.Key)
}

// MaxUniqueKeys is how many unique keys a dispatcher keeps.
const MaxUniqueKeys = 1_000_000

// ErrTooManyKeys says that a dispatcher keeps no further unique key.
var ErrTooManyKeys = fmt.Errorf("%d unique keys are taken: keep them for a shorter time", MaxUniqueKeys)

// ErrTooLate is why a task was given up that has waited until it expired.
var ErrTooLate = taskqueue.ErrTooLate

// checkKey returns an error if the unique key of t is not free; d.mu is held.
func (d *Dispatcher) checkKey(t *taskqueue.Task) error {
	if t.Terms == nil || t.Terms.UniqueKey == "" {
		return nil
	}
	if id, taken := d.queue.Unique(t.Terms.UniqueKey, time.Now()); taken {
		return &DuplicateError{t.Terms.UniqueKey, string(id)}
	}
	if d.queue.UniqueKeys() >= MaxUniqueKeys {
		return ErrTooManyKeys
	}
	return nil
}

// claimKey gives a task that is being stored its unique key, which is free; freeKey
// takes it back. Until the task is added the key has no end: a store may be slower
// than the key's time, and the record of a key that is free is deleted. The
// dispatcher's lock is held.
func claimKey(q *taskqueue.Queue, t *taskqueue.Task) {
	if t.Terms != nil && t.Terms.UniqueKey != "" {
		q.Keep(t.Terms.UniqueKey, t.ID, time.Time{})
	}
}

func freeKey(q *taskqueue.Queue, t *taskqueue.Task) {
	if t.Terms != nil && t.Terms.UniqueKey != "" {
		q.Free(t.Terms.UniqueKey, t.ID)
	}
}

// ending returns the status to store for a task that is over: none or, if it keeps
// its unique key, that it was done.
func ending(id string, terms *taskqueue.Terms, attempts int) taskStatus {
	if terms == nil || terms.UniqueKey == "" {
		return taskStatus{id: id, gone: true}
	}
	now := time.Now()
	if !terms.UniqueUntil.After(now) {
		return taskStatus{id: id, gone: true}
	}
	return taskStatus{id: id, Status: gozmqstore.Status{
		State: gozmqstore.StateDone, Attempts: attempts, Ended: now, Expires: terms.UniqueUntil,
	}}
}

// dropFreed deletes the records of tasks that are over and have kept their unique
// key until now; d.mu is held.
func (d *Dispatcher) dropFreed() {
	for _, id := range d.queue.Freed() {
		if !d.queue.Has(id) && d.dead[string(id)] == nil && d.done.byID[string(id)] == nil {
			d.store.remove(string(id))
		}
	}
}

// duplicate reports whether another task already has the unique key of a task from
// the store; d.mu is held.
func (d *Dispatcher) duplicate(t *taskqueue.Task) bool {
	var other *DuplicateError
	return errors.As(d.checkKey(t), &other) && other.ID != string(t.ID)
}
