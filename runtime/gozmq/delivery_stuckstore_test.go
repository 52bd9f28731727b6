package gozmq

import (
	"context"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
)

// stuckStore returns a store on a disk that does not answer before let is closed.
func stuckStore() (s *memoryStore, let chan struct{}) {
	let = make(chan struct{})
	return &memoryStore{apply: func() { <-let }}, let
}

// Push and Close keep their deadlines while the store hangs, and a task that
// Push has refused is not in the store afterwards.
func TestStoreHangs(t *testing.T) {
	s, let := stuckStore()
	v, err := NewVentilator(DeliveryAtLeastOnce, Bind("tcp://127.0.0.1:*"), WithTaskStore(s), WithLinger(20*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	wantCode(t, v.Push(ctx, sureMethod, wrapperspb.Int64(1)), CodeDeadlineExceeded, "store has not taken the task")
	wantText(t, v.Close(), "store does not answer")
	close(let)
	testkit.Eventually(t, "an empty store", func() bool { return s.len() == 0 })
}

// The limit of the queue holds while many tasks wait for the store.
func TestStoreHangsQueueLimit(t *testing.T) {
	const limit = 10
	s, let := stuckStore()
	v, err := NewVentilator(DeliveryAtLeastOnce, Bind("tcp://127.0.0.1:*"), WithTaskStore(s), WithTaskQueue(limit, 1<<20))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 20*limit)
	for range cap(done) {
		go func() { done <- v.Push(ctx, sureMethod, wrapperspb.Int64(1)) }()
	}
	close(let)
	for range limit {
		if err := testkit.Receive(t, done, "the end of Push"); err != nil {
			t.Error(err)
		}
	}
	wantProgress(t, v.Progress, Progress{Queued: limit})
	cancel()
	for range cap(done) - limit {
		wantCode(t, testkit.Receive(t, done, "the end of Push"), CodeCanceled)
	}
	if err := v.Close(); err != nil || s.len() != limit {
		t.Errorf("Close: %v, %d tasks in the store", err, s.len())
	}
}
