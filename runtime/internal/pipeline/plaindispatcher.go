package pipeline

import (
	"context"
	"sync/atomic"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// A PlainDispatcher hands tasks to workers with at-most-once delivery: it is a PUSH
// socket. Its methods may be called from any goroutine.
type PlainDispatcher struct {
	push *socket.Push
	done atomic.Uint64
}

// NewPlainDispatcher returns a dispatcher without workers. Close must be called.
func NewPlainDispatcher(cfg link.Config) *PlainDispatcher {
	return &PlainDispatcher{push: socket.NewPush(cfg)}
}

// Links returns the connections to workers.
func (d *PlainDispatcher) Links() *link.Group { return d.push.Links() }

// Push sends a task to a worker that has room. It sets the task's Header to the
// batch's header with that metadata; both may be nil.
func (d *PlainDispatcher) Push(ctx context.Context, b *PlainBatch, task *PlainMessage, m wire.Metadata) error {
	if b == nil {
		return d.send(ctx, task, nil, m)
	}
	if !b.BeginPush() {
		return ErrBatchEnded
	}
	err := d.send(ctx, task, b.Header, m)
	b.EndPush(err == nil)
	return err
}

func (d *PlainDispatcher) send(ctx context.Context, task *PlainMessage, header []byte, m wire.Metadata) error {
	task.Header = plainHeader(header, m)
	err := d.push.Send(ctx, task)
	if err == nil {
		d.done.Add(1)
	}
	return err
}

// plainHeader returns a header that says what another one does, nil for nothing,
// and has that metadata, nil for none.
func plainHeader(header []byte, m wire.Metadata) []byte {
	if m == nil {
		return header
	}
	return wire.AppendTaskHeader(header[:len(header):len(header)], wire.TaskHeader{Metadata: m})
}

// StartBatch starts a batch.
func (d *PlainDispatcher) StartBatch(name string) *PlainBatch { return NewPlainBatch(d.push, name) }

// WaitWorkers waits until n workers are connected.
func (d *PlainDispatcher) WaitWorkers(ctx context.Context, n int) error {
	return d.push.WaitPeers(ctx, n)
}

// Wait waits until the kernel has taken every task.
func (d *PlainDispatcher) Wait(ctx context.Context) error { return d.push.Flush(ctx) }

// Progress returns how many tasks wait for the kernel, and how many it has taken.
func (d *PlainDispatcher) Progress() Progress {
	queued := d.push.Queued()
	return Progress{Queued: queued, Done: d.done.Load() - min(d.done.Load(), uint64(queued))}
}

// StopWorkers sends each worker a message that ends it. It does not wait.
func (d *PlainDispatcher) StopWorkers(context.Context) error {
	return d.push.Stop(wire.PlainTask{Header: wire.AppendTaskHeader(nil, wire.TaskHeader{Stop: true})})
}

// Close closes the connections when the kernel has taken every task, or ctx ends.
func (d *PlainDispatcher) Close(ctx context.Context) error { return d.push.Shutdown(ctx) }
