package pipeline

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/gozmq/gozmq/runtime/gozmqstore"
	"github.com/gozmq/gozmq/runtime/internal/link"
)

// A slowStore counts what is put, and waits for hold before each change.
type slowStore struct {
	began, hold   chan struct{}
	changes, puts int
}

func (s *slowStore) Load(context.Context, func(gozmqstore.Task) error) error { return nil }

func (s *slowStore) Lost() <-chan struct{} { return nil }

func (s *slowStore) Release(context.Context) error { return nil }

func (s *slowStore) Apply(_ context.Context, c *gozmqstore.Change) error {
	s.began <- struct{}{}
	<-s.hold
	s.changes++
	s.puts += len(c.Put)
	return nil
}

// Changes that come while the store is busy are made together.
func TestStoreGroups(t *testing.T) {
	store := &slowStore{began: make(chan struct{}, 2), hold: make(chan struct{})}
	w := newStoreWriter(store, func(err error) { t.Error(err) })
	const callers = 50
	put := func() {
		if err := w.put(t.Context(), gozmqstore.Task{ID: "a"}, ""); err != nil {
			t.Error(err)
		}
	}
	var wg sync.WaitGroup
	wg.Go(put)
	<-store.began
	for range callers - 1 {
		wg.Go(put)
	}
	waiting := func() int {
		w.mu.Lock()
		defer w.mu.Unlock()
		return len(w.change.Put)
	}
	for waiting() < callers-1 {
		<-time.After(time.Millisecond)
	}
	close(store.hold)
	wg.Wait()
	if store.changes != 2 || store.puts != callers {
		t.Errorf("%d tasks were put in %d changes", store.puts, store.changes)
	}
	_ = w.close(t.Context())
	if err := w.put(t.Context(), gozmqstore.Task{ID: "b"}, ""); !errors.Is(err, link.ErrClosed) {
		t.Errorf("put after close: %v", err)
	}
}

// A flakyStore fails its first changes.
type flakyStore struct {
	slowStore
	fails int
}

func (s *flakyStore) Apply(context.Context, *gozmqstore.Change) error {
	if s.fails > 0 {
		s.fails--
		return errors.New("not now")
	}
	s.changes++
	return nil
}

// What waits for a status is called when it is durable, and not before.
func TestStoreThen(t *testing.T) {
	store := &flakyStore{fails: 1}
	failed, durable := make(chan error, 1), make(chan int, 2)
	w := newStoreWriter(store, func(err error) { failed <- err })
	w.mu.Lock() // so that both are of one change
	w.set("a", gozmqstore.Status{})
	w.thens = append(w.thens, func() { durable <- store.changes })
	w.hurry()
	w.mu.Unlock()
	<-failed
	select {
	case <-durable:
		t.Error("it was called although the change has failed")
	default:
	}
	w.remove("b")
	if n := <-durable; n != 1 {
		t.Errorf("it was called after %d changes", n)
	}
	w.then(func() { durable <- store.changes })
	if n := <-durable; n != 1 {
		t.Errorf("nothing was to be written, and there were %d changes", n)
	}
	if err := w.close(t.Context()); err != nil {
		t.Error(err)
	}
}
