package gozmq

import "time"

// A ServingOption is about the handlers that a server or a worker runs: an option
// of NewServer and of a worker.
type ServingOption interface {
	ServerOption
	WorkerOption
}

type concurrency int

func (o concurrency) applyServer(c *serverConfig) { c.concurrency = int(o) }
func (o concurrency) applyWorker(c *workerConfig) { c.concurrency = int(o) }

// WithConcurrency sets how many calls a server, or tasks a worker, runs at once.
// A server answers one call more with CodeResourceExhausted, unless
// WithMaxWaiting lets it wait; a worker takes no task that it cannot run soon
// (WithPrefetch). Defaults: 10000 calls and 1 task.
func WithConcurrency(n int) ServingOption { return concurrency(n) }

type drainTimeout time.Duration

func (o drainTimeout) applyServer(c *serverConfig) { c.drain = time.Duration(o) }
func (o drainTimeout) applyWorker(c *workerConfig) { c.drain = time.Duration(o) }

// WithDrainTimeout sets how long a server or a worker that stops lets its handlers
// run before it cancels their contexts: the handlers of calls that have begun, and
// those of tasks that the worker has received. Default: 10 s. WithLinger is about
// what has been sent.
func WithDrainTimeout(d time.Duration) ServingOption { return drainTimeout(d) }
