package pipeline

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/gozmq/gozmq/runtime/gozmqstore"
	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/notify"
)

// A storeWriter applies changes to a session in a goroutine, and groups the changes
// that come while the store is busy. Changes without a waiting caller, mostly the
// ends of tasks that were done, are delayed until the next change with one, at most
// for maxLate, so that they cost no extra commit. It releases the session after the
// last change. A nil storeWriter does nothing.
type storeWriter struct {
	session gozmqstore.Session
	report  func(error)
	ctx     context.Context // of the session's calls
	cancel  context.CancelFunc

	mu      sync.Mutex
	change  *gozmqstore.Change
	states  []gozmqstore.Task // put before those of change; no caller waits for them
	group   *storeGroup       // of the callers that wait for change
	refused []string          // ids whose put has failed, and may have been made
	thens   []func()          // to be called when change is durable
	due     bool              // a caller waits, or delayed changes have waited for long enough
	late    int               // changes that wait for others
	timer   *time.Timer       // until they are due
	busy    bool              // a change is being made
	closed  bool              // accepts no more puts
	lost    bool              // writes nothing more
	wake    notify.Token
	done    chan struct{}
}

// A storeGroup is the callers that wait for one change to be durable.
type storeGroup struct {
	done chan struct{}
	err  error
	left []string // ids of tasks whose callers have gone; to be deleted again
	old  []string // ids to delete if the change is made
}

func newStoreGroup() *storeGroup { return &storeGroup{done: make(chan struct{})} }

// maxRefused is how many failed puts a writer remembers, to delete the tasks if the
// store has them nevertheless.
const maxRefused = 1 << 16

// newStoreWriter starts a writer. report is called with the error of each change
// that failed.
func newStoreWriter(s gozmqstore.Session, report func(error)) *storeWriter {
	w := &storeWriter{
		session: s, report: report, change: new(gozmqstore.Change), group: newStoreGroup(),
		wake: notify.NewToken(), done: make(chan struct{}),
	}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	w.timer = time.AfterFunc(time.Hour, w.flush)
	go w.run()
	return w
}

// put returns nil once a record is durable, and the record with the id old, unless
// old is empty, is deleted. It returns link.ErrClosed after close, ErrNotOwner
// after abandon, the store's error, and ctx's if it ends first: in these two cases
// the record is deleted again, if the store has it.
func (w *storeWriter) put(ctx context.Context, t gozmqstore.Task, old string) error {
	if w == nil {
		return nil
	}
	w.mu.Lock()
	if w.closed {
		defer w.mu.Unlock()
		if w.lost {
			return ErrNotOwner
		}
		return link.ErrClosed
	}
	w.change.Put = append(w.change.Put, t)
	group := w.group
	if old != "" {
		group.old = append(group.old, old)
	}
	w.hurry()
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

// A taskStatus is the status of the task with an id.
type taskStatus struct {
	id string
	gozmqstore.Status
	gone bool // it is deleted instead
}

// update sets the status of a task. It does not wait for the store.
func (w *storeWriter) update(s taskStatus) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.note(s)
	w.hurry()
}

// then makes the writer call f, with no lock of w held, once all earlier calls of
// update, remove and replace are durable; never, if they do not become durable.
func (w *storeWriter) then(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.thens = append(w.thens, f)
	w.hurry()
}

// set adds a status to the next change; w.mu is held.
func (w *storeWriter) set(id string, s gozmqstore.Status) {
	if w.change.Update == nil {
		w.change.Update = make(map[string]gozmqstore.Status)
	}
	w.change.Update[id] = s
}

// note adds a status, or that a task is gone, to the next change; w.mu is held.
func (w *storeWriter) note(s taskStatus) {
	if s.gone {
		w.drop([]string{s.id})
	} else {
		w.set(s.id, s.Status)
	}
}

// drop adds ids to the ones that the next change deletes; w.mu is held.
func (w *storeWriter) drop(ids []string) {
	for _, id := range ids {
		delete(w.change.Update, id)
	}
	w.change.Delete = append(w.change.Delete, ids...)
}

// replace puts a record, deletes others and sets statuses in one change. It does
// not wait for the store.
func (w *storeWriter) replace(t gozmqstore.Task, others []string, statuses []taskStatus) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.states = append(w.states, t)
	w.drop(others)
	for _, s := range statuses {
		w.note(s)
	}
	w.hurry()
}

func (w *storeWriter) run() {
	defer close(w.done)
	defer w.release()
	defer w.timer.Stop()
	for range w.wake {
		for w.write() {
		}
		if w.ended() {
			return
		}
	}
}

// ended reports whether there is nothing more to write. After abandon it fails
// the callers that wait.
func (w *storeWriter) ended() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.lost {
		w.group.err = ErrNotOwner
		close(w.group.done)
		return true
	}
	return w.closed && w.empty()
}

// release gives the session back.
func (w *storeWriter) release() {
	if err := w.session.Release(w.ctx); err != nil {
		w.mu.Lock()
		lost := w.lost
		w.mu.Unlock()
		if !lost {
			w.report(fmt.Errorf("release the queue: %w", err))
		}
	}
	w.cancel()
}

// empty reports whether there is nothing to write; w.mu is held.
func (w *storeWriter) empty() bool {
	return w.change.Empty() && len(w.states) == 0 && len(w.refused) == 0 && len(w.thens) == 0
}

// write applies one change. It returns false when there was none that is due, and
// when the store failed: then what nobody waits for is tried again with the next
// change.
func (w *storeWriter) write() bool {
	w.mu.Lock()
	if w.empty() || w.lost || !w.due && !w.closed {
		w.mu.Unlock()
		return false
	}
	w.begin()
	change, states, group, refused, thens := w.change, w.states, w.group, w.refused, w.thens
	w.change, w.states, w.group, w.refused, w.thens = new(gozmqstore.Change), nil, newStoreGroup(), nil, nil
	w.mu.Unlock()
	whole := &gozmqstore.Change{
		Put: slices.Concat(states, change.Put), Update: change.Update, Delete: slices.Concat(change.Delete, group.old, refused),
	}
	if !whole.Empty() {
		group.err = w.session.Apply(w.ctx, whole)
	}
	if group.err != nil {
		w.failed(group, change, states, refused)
	}
	w.mu.Lock()
	if group.err == nil {
		w.change.Delete = append(w.change.Delete, group.left...)
		w.due = w.due || len(group.left) > 0
	} else if !w.closed {
		w.thens = append(thens, w.thens...)
	}
	close(group.done)
	w.rest()
	w.mu.Unlock()
	if group.err == nil {
		for _, then := range thens {
			then()
		}
	}
	return group.err == nil
}

// failed reports a failed change, and keeps the parts to try again. A lost session
// is not a failure of the store.
func (w *storeWriter) failed(group *storeGroup, change *gozmqstore.Change, states []gozmqstore.Task, refused []string) {
	w.mu.Lock()
	lost := w.lost
	w.mu.Unlock()
	if lost {
		group.err = ErrNotOwner
		return
	}
	w.report(group.err)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return
	}
	for _, t := range change.Put {
		refused = append(refused, t.ID)
	}
	w.refused = append(refused, w.refused...)
	w.refused = w.refused[max(0, len(w.refused)-maxRefused):]
	w.states = append(states, w.states...)
	w.change.Delete = append(change.Delete, w.change.Delete...)
	newer := w.change.Update
	w.change.Update = change.Update
	if w.change.Update == nil {
		w.change.Update = newer
		return
	}
	maps.Copy(w.change.Update, newer)
}

// abandon ends writing, because the session is lost. Waiting callers, and later
// ones, get ErrNotOwner. done is closed once the session is released.
func (w *storeWriter) abandon() {
	w.mu.Lock()
	w.closed, w.lost = true, true
	w.wake.Set()
	w.mu.Unlock()
	w.cancel()
}

// overtaken reports whether another session may own the queue by now, although that
// was not noticed yet.
func (w *storeWriter) overtaken() bool {
	if w == nil {
		return false
	}
	select {
	case <-w.session.Lost():
		return true
	default:
		return false
	}
}

// storeGrace is how long awaitStore waits beyond its context, so that a slow answer
// of the store still counts.
const storeGrace = 100 * time.Millisecond

// awaitStore waits for done, which a store is to bring about. It returns an error
// if ctx ends first.
func awaitStore(ctx context.Context, done <-chan struct{}) error {
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	select {
	case <-done:
		return nil
	case <-time.After(storeGrace):
		return fmt.Errorf("the task store does not answer: %w", ctx.Err())
	}
}

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
	err := awaitStore(ctx, w.done)
	if err != nil {
		w.cancel()
	}
	return err
}
