package gozmq

import "sync"

// A storeWriter groups the changes that come while the store is busy. Nil
// writes nothing.
type storeWriter struct {
	store  TaskStore
	report func(error)

	mu     sync.Mutex
	change *StoreChange
	group  *storeGroup // of those who wait for change
	closed bool
	wake   chan struct{}
	done   chan struct{}
}

// A storeGroup is who waits for one change to be durable.
type storeGroup struct {
	done chan struct{}
	err  error
}

func newStoreGroup() *storeGroup { return &storeGroup{done: make(chan struct{})} }

// newStoreWriter starts a writer. report is told of changes that failed and
// that no one waits for.
func newStoreWriter(s TaskStore, report func(error)) *storeWriter {
	if s == nil {
		return nil
	}
	w := &storeWriter{
		store: s, report: report, change: new(StoreChange), group: newStoreGroup(),
		wake: make(chan struct{}, 1), done: make(chan struct{}),
	}
	go w.run()
	return w
}

// put returns once the task is durable.
func (w *storeWriter) put(t StoredTask) error {
	if w == nil {
		return nil
	}
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return errStopped
	}
	w.change.Put = append(w.change.Put, t)
	group := w.group
	w.signal()
	w.mu.Unlock()
	<-group.done
	return group.err
}

// attempts notes how often a task was handed out, in a while.
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
	w.signal()
}

// remove forgets a task, in a while.
func (w *storeWriter) remove(id string) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.change.Attempts, id)
	w.change.Delete = append(w.change.Delete, id)
	w.signal()
}

func (w *storeWriter) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
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

// write makes one change; it returns false when there was none to make, or the
// store fails: then it is tried again with the next one.
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

// keep takes what no one waits for back, to be tried again.
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

// close returns when everything is durable, or has failed once more.
func (w *storeWriter) close() {
	if w == nil {
		return
	}
	w.mu.Lock()
	w.closed = true
	w.signal()
	w.mu.Unlock()
	<-w.done
}
