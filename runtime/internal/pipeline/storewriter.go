package pipeline

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/notify"
)

// A storeWriter applies changes to a store in a goroutine, and groups those
// that come while the store is busy. It releases the store after the last one.
// A nil storeWriter does nothing.
type storeWriter struct {
	store  Store
	report func(error)

	mu     sync.Mutex
	change *StoreChange
	states []StoredTask // to be put before those of change; nobody waits for them
	group  *storeGroup  // of the callers that wait for change
	closed bool
	wake   notify.Token
	done   chan struct{}
}

// A storeGroup is the callers that wait for one change to be durable.
type storeGroup struct {
	done chan struct{}
	err  error
	left []string // ids of tasks whose callers have gone; to be deleted again
	old  []string // ids of what is deleted if the change is made
}

func newStoreGroup() *storeGroup { return &storeGroup{done: make(chan struct{})} }

// newStoreWriter starts a writer, or returns nil for a nil store. report is
// called with the error of each change that failed.
func newStoreWriter(s Store, report func(error)) *storeWriter {
	if s == nil {
		return nil
	}
	w := &storeWriter{
		store: s, report: report, change: new(StoreChange), group: newStoreGroup(),
		wake: notify.NewToken(), done: make(chan struct{}),
	}
	go w.run()
	return w
}

// put returns nil once the task is durable, and the one with the id old, if that
// is not empty, deleted. It returns link.ErrClosed after close, the store's error,
// and ctx's if it ends first: then the task is deleted again.
func (w *storeWriter) put(ctx context.Context, t StoredTask, old string) error {
	if w == nil {
		return nil
	}
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return link.ErrClosed
	}
	w.change.Put = append(w.change.Put, t)
	group := w.group
	if old != "" {
		group.old = append(group.old, old)
	}
	w.wake.Set()
	w.mu.Unlock()
	select {
	case <-group.done:
		return group.err
	case <-ctx.Done():
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case <-group.done:
		return group.err
	default:
		group.left = append(group.left, t.ID)
		return fmt.Errorf("%w: the store has not taken the task", ctx.Err())
	}
}

// attempts sets how often a task was handed out. It does not wait for the
// store.
func (w *storeWriter) attempts(id string, n int) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.change.Attempts == nil {
		w.change.Attempts = make(map[string]int)
	}
	w.change.Attempts[id] = n
	w.wake.Set()
}

// remove deletes a task. It does not wait for the store.
func (w *storeWriter) remove(id string) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.change.Attempts, id)
	w.change.Delete = append(w.change.Delete, id)
	w.wake.Set()
}

// replace puts a record and deletes others in one change. It does not wait for
// the store.
func (w *storeWriter) replace(t StoredTask, others []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, id := range others {
		delete(w.change.Attempts, id)
	}
	w.states = append(w.states, t)
	w.change.Delete = append(w.change.Delete, others...)
	w.wake.Set()
}

func (w *storeWriter) run() {
	defer close(w.done)
	defer w.store.Release()
	for range w.wake {
		for w.write() {
		}
		w.mu.Lock()
		end := w.closed && w.empty()
		w.mu.Unlock()
		if end {
			return
		}
	}
}

// empty reports whether there is nothing to write; w.mu is held.
func (w *storeWriter) empty() bool { return w.change.empty() && len(w.states) == 0 }

// write applies one change. It returns false when there was none, and when the
// store failed: then what nobody waits for is tried again with the next change.
func (w *storeWriter) write() bool {
	w.mu.Lock()
	if w.empty() {
		w.mu.Unlock()
		return false
	}
	change, states, group := w.change, w.states, w.group
	w.change, w.states, w.group = new(StoreChange), nil, newStoreGroup()
	w.mu.Unlock()
	whole := &StoreChange{
		Put: slices.Concat(states, change.Put), Attempts: change.Attempts, Delete: slices.Concat(change.Delete, group.old),
	}
	group.err = w.store.Apply(whole)
	if group.err != nil {
		w.report(group.err)
		w.keep(change, states)
	}
	w.mu.Lock()
	if group.err == nil {
		w.change.Delete = append(w.change.Delete, group.left...)
	}
	close(group.done)
	w.mu.Unlock()
	return group.err == nil
}

// keep puts back what nobody waits for, to be tried again.
func (w *storeWriter) keep(failed *StoreChange, states []StoredTask) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return
	}
	w.states = append(states, w.states...)
	w.change.Delete = append(failed.Delete, w.change.Delete...)
	for id, n := range failed.Attempts {
		if _, newer := w.change.Attempts[id]; newer {
			continue
		}
		if w.change.Attempts == nil {
			w.change.Attempts = make(map[string]int)
		}
		w.change.Attempts[id] = n
	}
}

// storeGrace is how long close waits beyond its context, so that a store that
// does answer is not taken for one that does not.
const storeGrace = 100 * time.Millisecond

// close returns nil when every change is durable or has failed once more, and an
// error if ctx ends first: then the store still has a call to answer.
func (w *storeWriter) close(ctx context.Context) error {
	if w == nil {
		return nil
	}
	w.mu.Lock()
	w.closed = true
	w.wake.Set()
	w.mu.Unlock()
	select {
	case <-w.done:
		return nil
	case <-ctx.Done():
	}
	select {
	case <-w.done:
		return nil
	case <-time.After(storeGrace):
		return fmt.Errorf("the task store does not answer: %w", ctx.Err())
	}
}
