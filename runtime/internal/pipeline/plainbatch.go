package pipeline

import (
	"context"
	"crypto/rand"
	"sync"

	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// A PlainBatch is a batch of tasks with at-most-once delivery, as its ventilator
// counts it. Its methods may be called from any goroutine.
type PlainBatch struct {
	// Header is the header of the batch's tasks. It must not be changed.
	Header []byte

	push   *socket.Push
	id     []byte
	name   string
	ending chan struct{} // holds a token while End runs, and guards sent
	sent   bool          // the number of tasks was sent to the sink

	mu      sync.Mutex
	tasks   uint64        // that were pushed
	pushing int           // tasks that are being pushed
	quiet   chan struct{} // closed when pushing becomes 0; nil: End does not wait
	ended   bool          // or about to be
}

// NewPlainBatch returns a batch whose end goes to a worker of push.
func NewPlainBatch(push *socket.Push, name string) *PlainBatch {
	id := make([]byte, 16)
	_, _ = rand.Read(id) // never fails
	return &PlainBatch{
		Header: wire.AppendTaskHeader(nil, wire.TaskHeader{Batch: &wire.Batch{ID: id, Name: name}}),
		push:   push, id: id, name: name, ending: make(chan struct{}, 1),
	}
}

// State returns how many tasks were pushed and are being pushed, and whether the
// batch has ended or is about to.
func (b *PlainBatch) State() (tasks uint64, pushing int, ended bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.tasks, b.pushing, b.ended
}

// BeginPush counts a task that is being pushed. It returns false once the batch has
// ended; otherwise EndPush must be called.
func (b *PlainBatch) BeginPush() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ended {
		return false
	}
	b.pushing++
	return true
}

// EndPush notes whether a task that was being pushed belongs to the batch.
func (b *PlainBatch) EndPush(pushed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if pushed {
		b.tasks++
	}
	if b.pushing--; b.pushing == 0 && b.quiet != nil {
		close(b.quiet)
		b.quiet = nil
	}
}

// End sends the number of the batch's tasks to the sink, through a worker. After an
// error it may be called again.
func (b *PlainBatch) End(ctx context.Context) error {
	select {
	case b.ending <- struct{}{}:
		defer func() { <-b.ending }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if b.sent {
		return nil
	}
	err := b.stopPushing(ctx)
	if err == nil {
		notice := &wire.Batch{ID: b.id, Name: b.name, Ended: true, Tasks: b.tasks}
		err = b.push.Send(ctx, wire.PlainTask{Header: wire.AppendTaskHeader(nil, wire.TaskHeader{Batch: notice})})
	}
	if err != nil {
		b.mu.Lock()
		b.ended = false
		b.mu.Unlock()
		return err
	}
	b.sent = true
	return nil
}

// Wait returns ErrNoOutcome.
func (b *PlainBatch) Wait(context.Context) error { return ErrNoOutcome }

// stopPushing closes the batch to new tasks and waits for those that are being
// pushed.
func (b *PlainBatch) stopPushing(ctx context.Context) error {
	b.mu.Lock()
	b.ended = true
	if b.pushing == 0 {
		b.mu.Unlock()
		return nil
	}
	if b.quiet == nil {
		b.quiet = make(chan struct{})
	}
	quiet := b.quiet
	b.mu.Unlock()
	select {
	case <-quiet:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
