package gozmq

import (
	"context"
	"time"

	"google.golang.org/protobuf/proto"
)

type workerOption func(*workerConfig)

func (o workerOption) applyWorker(c *workerConfig) { o(c) }

// From gives the endpoints that a worker's tasks come from.
func From(endpoints ...Endpoints) WorkerOption {
	return workerOption(func(c *workerConfig) {
		for _, e := range endpoints {
			e.add(&c.from)
		}
	})
}

// To gives the endpoints that a worker's results go to. It must not be given
// when no method has a result.
func To(endpoints ...Endpoints) WorkerOption {
	return workerOption(func(c *workerConfig) {
		for _, e := range endpoints {
			e.add(&c.to)
		}
	})
}

// A ServingOption is an option of NewServer and of NewWorker, which both run
// handlers.
type ServingOption interface {
	ServerOption
	WorkerOption
}

type concurrencyOption int

func (o concurrencyOption) applyWorker(c *workerConfig) { c.concurrency = int(o) }

// WithConcurrency limits how many handlers run at once. At a server, a further
// call waits if WithMaxWaiting allows it, and otherwise fails with
// CodeResourceExhausted; at a worker, further tasks wait. Defaults: 10000 for a
// server, 1 for a worker.
func WithConcurrency(n int) ServingOption { return concurrencyOption(n) }

type drainOption time.Duration

func (o drainOption) applyWorker(c *workerConfig) { c.drain = time.Duration(o) }

// WithDrainTimeout sets how long running handlers may take to finish when a
// server or a worker stops; then their contexts are canceled. A worker with
// DeliveryAtMostOnce also runs the tasks that it has received in this time.
// Default: 10 s.
func WithDrainTimeout(d time.Duration) ServingOption { return drainOption(d) }

// WithPrefetch sets how many tasks a worker reads ahead from each connection,
// so that it need not wait for the next. Such tasks cannot go to another
// worker. With DeliveryAtMostOnce they are lost if this worker dies, as are
// those that the kernels of both sides hold (WithKernelBuffers). With
// DeliveryAtLeastOnce tasks whose results wait for a sink's acknowledgement do
// not count. Defaults: with DeliveryAtMostOnce 64, and up to 1024 while a worker
// needs less than a millisecond for as many; with DeliveryAtLeastOnce as
// many as WithConcurrency, and more while tasks are short: as many as the worker
// does in two round trips to the ventilator, up to 1024 tasks or 16 MiB, or in a
// millisecond if a task takes less than 50 µs, up to 1024 tasks or 1 MiB.
func WithPrefetch(n int) WorkerOption {
	return workerOption(func(c *workerConfig) { c.prefetch = n })
}

// WithRemoteStop sets whether any ventilator may stop this worker with
// Ventilator.StopWorkers. If false, only a ventilator that the worker has
// dialed may, so that a stranger who connects to an endpoint of the worker
// cannot stop it. Default: false.
func WithRemoteStop(allow bool) WorkerOption {
	return workerOption(func(c *workerConfig) { c.remoteStop = allow })
}

// WithTaskTimeout ends the context of a handler after d. With
// DeliveryAtLeastOnce the lease of its task is no longer extended then, so that
// another worker gets the task if the handler does not return. Default: 0, no
// limit.
func WithTaskTimeout(d time.Duration) WorkerOption {
	return workerOption(func(c *workerConfig) { c.timeout = d })
}

// WithTaskErrorHandler calls f for each attempt that failed: the handler
// returned an error or panicked, or its result could not be sent. With
// DeliveryAtMostOnce the task is not run again, with DeliveryAtLeastOnce it may
// be. f is also called for each task that was received and not run when the
// worker stopped. It runs in the goroutine of the task, or of the connection.
func WithTaskErrorHandler(f func(ctx context.Context, m *Method, task proto.Message, err error)) WorkerOption {
	return workerOption(func(c *workerConfig) { c.onError = f })
}
