package pipeline

import (
	"context"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmqstore"
	"github.com/gozmq/gozmq/runtime/internal/taskqueue"
)

// A heldStore is a Memory that waits for hold before each change.
type heldStore struct {
	gozmqstore.Memory
	began, hold chan struct{}
}

func (s *heldStore) Acquire(ctx context.Context, standby func()) (gozmqstore.Session, error) {
	session, err := s.Memory.Acquire(ctx, standby)
	return &heldSession{session, s}, err
}

type heldSession struct {
	gozmqstore.Session
	store *heldStore
}

func (s *heldSession) Apply(ctx context.Context, c *gozmqstore.Change) error {
	s.store.began <- struct{}{}
	<-s.store.hold
	return s.Session.Apply(ctx, c)
}

// The time of a unique key may end while the store takes the task: its record
// stays.
func TestUniqueKeyEndsInSlowStore(t *testing.T) {
	store := &heldStore{began: make(chan struct{}, 10), hold: make(chan struct{})}
	d := dispatcher(t, store)
	until := time.Now().Add(time.Hour)
	pushed := make(chan error, 1)
	go func() {
		_, err := d.Push(testkit.Within(t), nil, Task{
			Procedure: "s/M", Terms: &taskqueue.Terms{UniqueKey: "k", UniqueUntil: until},
		})
		pushed <- err
	}()
	<-store.began
	d.mu.Lock()
	if _, taken := d.queue.Unique("k", until.Add(time.Second)); !taken {
		t.Error("the key is free while its task is being stored")
	}
	d.dropFreed()
	d.mu.Unlock()
	close(store.hold)
	if err := <-pushed; err != nil {
		t.Error(err)
	}
	d.mu.Lock()
	if _, taken := d.queue.Unique("k", until.Add(time.Second)); taken {
		t.Error("the key is taken after its time")
	}
	d.dropFreed()
	d.mu.Unlock()
	if err := d.Close(testkit.Within(t)); err != nil {
		t.Error(err)
	}
	if n := len(store.Tasks()); n != 1 {
		t.Errorf("the store has %d tasks, want the one that waits", n)
	}
}
