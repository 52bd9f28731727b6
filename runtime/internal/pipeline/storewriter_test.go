package pipeline

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/link"
)

// A slowStore counts what is put, and waits for hold before each change.
type slowStore struct {
	began, hold   chan struct{}
	changes, puts int
}

func (s *slowStore) Claim() bool { return true }

func (s *slowStore) Release() {}

func (s *slowStore) Load(func(StoredTask) error) error { return nil }

func (s *slowStore) Apply(c *StoreChange) error {
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
		if err := w.put(t.Context(), StoredTask{ID: "a"}, ""); err != nil {
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
	if err := w.put(t.Context(), StoredTask{ID: "b"}, ""); !errors.Is(err, link.ErrClosed) {
		t.Errorf("put after close: %v", err)
	}
}
