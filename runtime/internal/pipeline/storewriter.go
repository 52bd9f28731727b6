package pipeline

import (
	"sync"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/notify"
)

// A storeWriter applies changes to a store in a goroutine, and groups those
// that come while the store is busy. A nil storeWriter does nothing.
type storeWriter struct {
	store  Store
	report func(error)

	mu     sync.Mutex
	change *StoreChange
	group  *storeGroup // of the callers that wait for change
	closed bool
	wake   notify.Token
	done   chan struct{}
}

// A storeGroup is the callers that wait for one change to be durable.
type storeGroup struct {
	done chan struct{}
	err  error
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

// put returns nil once the task is durable, link.ErrClosed after close, and the
// store's error.
func (w *storeWriter) put(t StoredTask) error {
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
	w.wake.Set()
	w.mu.Unlock()
	<-group.done
	return group.err
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

func (w *storeWriter) run() {
	defer close(w.done)
	for range w.wake {
		for w.write() {
		}
		w.mu.Lock()
		end := w.closed && w.change.empty()
		w.mu.Unlock()
		if end {
			return
		}
	}
}

// write applies one change. It returns false when there was none, and when the
// store failed: then what nobody waits for is tried again with the next change.
func (w *storeWriter) write() bool {
	w.mu.Lock()
	change, group := w.change, w.group
	if change.empty() {
		w.mu.Unlock()
		return false
	}
	w.change, w.group = new(StoreChange), newStoreGroup()
	w.mu.Unlock()
	group.err = w.store.Apply(change)
	if group.err != nil {
		w.report(group.err)
		w.keep(change)
	}
	close(group.done)
	return group.err == nil
}

// keep puts back what nobody waits for, to be tried again.
func (w *storeWriter) keep(failed *StoreChange) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return
	}
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

// close returns when every change is durable or has failed once more.
func (w *storeWriter) close() {
	if w == nil {
		return
	}
	w.mu.Lock()
	w.closed = true
	w.wake.Set()
	w.mu.Unlock()
	<-w.done
}
