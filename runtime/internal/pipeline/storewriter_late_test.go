package pipeline

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gozmq/gozmq/runtime/gozmqstore"
	"github.com/gozmq/gozmq/runtime/internal/taskqueue"
)

// A loggedStore notes its changes, each of which takes a time.
type loggedStore struct {
	slowStore
	takes time.Duration
	mu    sync.Mutex
	log   []string
}

func (s *loggedStore) Apply(_ context.Context, c *gozmqstore.Change) error {
	time.Sleep(s.takes)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = append(s.log, fmt.Sprintf("%d put, %d updated, %d deleted", len(c.Put), len(c.Update), len(c.Delete)))
	return nil
}

func (s *loggedStore) want(t *testing.T, log ...string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if fmt.Sprint(s.log) != fmt.Sprint(log) {
		t.Errorf("the changes were %q, want %q", s.log, log)
	}
}

// late runs a test with a writer whose changes take 1 ms.
func late(t *testing.T, f func(*testing.T, *storeWriter, *loggedStore)) {
	synctest.Test(t, func(t *testing.T) {
		s := &loggedStore{takes: time.Millisecond}
		w := newStoreWriter(s, func(err error) { t.Error(err) })
		f(t, w, s)
		if err := w.close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func gone(id string) taskStatus { return taskStatus{id: id, gone: true} }

// The end of a task shares the commit of the next put, which waits for no other
// one, however slow the store is.
func TestEndSharesCommit(t *testing.T) {
	for _, takes := range []time.Duration{time.Millisecond, 5 * maxLate} {
		t.Run(takes.String(), func(t *testing.T) {
			late(t, func(t *testing.T, w *storeWriter, s *loggedStore) {
				s.takes = takes
				began := time.Now()
				for i := range 4 {
					id := fmt.Sprint(i)
					if err := w.put(t.Context(), gozmqstore.Task{ID: id}, ""); err != nil {
						t.Error(err)
					}
					time.AfterFunc(time.Microsecond, func() { w.finish(gone(id)) }) // while the next one is put
				}
				if took := time.Since(began); took != 4*s.takes {
					t.Errorf("4 puts took %v, want %v", took, 4*s.takes)
				}
				const put = "1 put, 0 updated, "
				s.want(t, put+"0 deleted", put+"0 deleted", put+"1 deleted", put+"1 deleted")
				time.Sleep(maxLate + 2*s.takes)
				synctest.Wait()
				s.want(t, put+"0 deleted", put+"0 deleted", put+"1 deleted", put+"1 deleted", "0 put, 0 updated, 2 deleted")
			})
		})
	}
}

// Nobody may come: the end of a task is written all the same, with those that came
// meanwhile.
func TestEndWaitsNoLonger(t *testing.T) {
	late(t, func(t *testing.T, w *storeWriter, s *loggedStore) {
		w.finish(gone("a"))
		time.Sleep(maxLate - time.Nanosecond)
		w.remove("b")
		synctest.Wait()
		s.want(t)
		time.Sleep(time.Nanosecond + s.takes)
		synctest.Wait()
		s.want(t, "0 put, 0 updated, 2 deleted")
		w.finish(gone("c"))
		time.Sleep(maxLate + s.takes)
		synctest.Wait()
		s.want(t, "0 put, 0 updated, 2 deleted", "0 put, 0 updated, 1 deleted")
	})
}

// So many may wait, and no more.
func TestEndsAreBounded(t *testing.T) {
	late(t, func(t *testing.T, w *storeWriter, s *loggedStore) {
		for i := range maxLateBy {
			w.finish(gone(fmt.Sprint(i)))
		}
		time.Sleep(s.takes)
		synctest.Wait()
		s.want(t, fmt.Sprintf("0 put, 0 updated, %d deleted", maxLateBy))
	})
}

// Whatever somebody waits for takes what is late with it, at once: what then was
// called for, the state of a batch, the status of a task that has failed.
func TestOthersAreNotLate(t *testing.T) {
	for name, do := range map[string]func(*storeWriter){
		"then":    func(w *storeWriter) { w.then(func() {}) },
		"replace": func(w *storeWriter) { w.replace(gozmqstore.Task{ID: "b"}, []string{"c"}, nil) },
		"update":  func(w *storeWriter) { w.update(taskStatus{id: "d"}) },
	} {
		t.Run(name, func(t *testing.T) {
			late(t, func(t *testing.T, w *storeWriter, s *loggedStore) {
				w.finish(gone("a"))
				do(w)
				time.Sleep(s.takes)
				synctest.Wait()
				s.mu.Lock()
				defer s.mu.Unlock()
				if len(s.log) != 1 {
					t.Errorf("the changes were %q, want one", s.log)
				}
			})
		})
	}
}

// A writer that is closed writes what is late first.
func TestCloseWritesEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &loggedStore{takes: time.Millisecond}
		w := newStoreWriter(s, func(err error) { t.Error(err) })
		w.finish(gone("a"))
		began := time.Now()
		if err := w.close(t.Context()); err != nil || time.Since(began) != s.takes {
			t.Errorf("closed after %v: %v", time.Since(began), err)
		}
		s.want(t, "0 put, 0 updated, 1 deleted")
	})
}

// A change that fails is made again with what is late.
func TestFailedChangeIsMadeWithEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &flakyStore{fails: 1}
		var failed error
		w := newStoreWriter(store, func(err error) { failed = err })
		w.finish(gone("a"))
		time.Sleep(maxLate)
		synctest.Wait()
		if failed == nil || store.changes != 0 {
			t.Fatalf("%d changes were made, error %v", store.changes, failed)
		}
		w.finish(gone("b"))
		time.Sleep(maxLate)
		synctest.Wait()
		if store.changes != 1 {
			t.Errorf("%d changes were made", store.changes)
		}
		if err := w.close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// Discard returns when the store knows that a letter, or a task that waits, is
// gone.
func TestDiscardIsStored(t *testing.T) {
	store := new(gozmqstore.Memory)
	d := dispatcher(t, store)
	if _, err := d.Push(t.Context(), nil, Task{Procedure: "s/M", MaxAttempts: 1}); err != nil {
		t.Fatal(err)
	}
	if err := d.Discard(t.Context(), store.Tasks()[0].ID); err != nil || len(store.Tasks()) != 0 {
		t.Errorf("the store has %d tasks, error %v", len(store.Tasks()), err)
	}
	d.mu.Lock()
	d.cfg.WantsLetter = func(string) bool { return false } // no function takes it first
	dead := &taskqueue.Task{ID: "dead", Procedure: "s/M", Reason: ErrTooLate}
	d.store.replace(d.stored(dead), nil, nil)
	d.giveUp(dead)
	d.mu.Unlock()
	if err := d.Discard(t.Context(), "dead"); err != nil || len(store.Tasks()) != 0 {
		t.Errorf("the store has %d letters, error %v", len(store.Tasks()), err)
	}
	if err := d.Close(t.Context()); err != nil {
		t.Error(err)
	}
}
