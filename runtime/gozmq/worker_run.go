package gozmq

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/gozmq/gozmq/runtime/internal/bridge"
)

// A Worker runs tasks. Generated New functions open it. Its methods may be
// called from any goroutine.
//
// With AtMostOnce its socket for tasks is a PULL socket and the one for results
// a PUSH socket; with AtLeastOnce both are DEALER sockets.
type Worker struct {
	w    *worker
	name string // of its service

	mu     sync.Mutex
	ran    bool
	closed bool
	ended  chan struct{} // closed when Run has returned
}

// NewWorker opens a worker for the tasks of a service. Generated code calls it.
// Close must be called.
func NewWorker(name string, handlers []bridge.TaskHandler[Method], opts ...WorkerOption) (*Worker, error) {
	w, err := newWorker(handlers, opts)
	if err != nil {
		return nil, fmt.Errorf("worker %s: %w", name, err)
	}
	if err := w.mode.open(); err != nil {
		err = errors.Join(fmt.Errorf("worker %s: %w", name, err), w.mode.shutdown(0))
		w.observer.close()
		return nil, err
	}
	return &Worker{w: w, name: name, ended: make(chan struct{})}, nil
}

// Run runs tasks until ctx ends, a ventilator stops the worker
// (Ventilator.StopWorkers) or Close is called. Then it takes no more tasks, ends
// those that it has begun, sends the last results, closes the connections and
// returns nil; handlers see ctx's values but not its end until the drain timeout
// is over. It can be called once.
//
// With AtMostOnce, the tasks that it had not begun, and those that were on their
// way to it, are run too; with AtLeastOnce they go back to their ventilator.
func (w *Worker) Run(ctx context.Context) error {
	w.mu.Lock()
	if w.ran || w.closed {
		w.mu.Unlock()
		return fmt.Errorf("worker %s: it has run already, or is closed: make another one", w.name)
	}
	w.ran = true
	w.mu.Unlock()
	defer close(w.ended)
	defer w.w.observer.close()
	return w.w.runTasks(ctx)
}

func (w *worker) runTasks(ctx context.Context) error {
	taskCtx, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	var wg sync.WaitGroup
	for range w.cfg.concurrency {
		w.start(taskCtx, &wg)
	}
	select {
	case <-ctx.Done():
	case <-w.stop:
	}
	drained, stop := context.WithTimeout(context.Background(), w.cfg.drain)
	defer stop()
	stopTasks := context.AfterFunc(drained, func() { cancel(errStopped) })
	defer stopTasks()
	w.mode.drain(drained)
	wg.Wait()
	return w.mode.shutdown(w.cfg.linger)
}

// Progress returns how far the worker is.
func (w *Worker) Progress() Progress { return w.w.mode.progress() }

// Close ends Run as the end of its context does, and waits until it has
// returned. A worker that does not run closes its connections.
func (w *Worker) Close() error {
	w.mu.Lock()
	ran, closed := w.ran, w.closed
	w.closed = true
	w.mu.Unlock()
	if ran {
		w.w.end()
		<-w.ended
		return nil
	}
	if closed {
		return nil
	}
	defer w.w.observer.close()
	return w.w.mode.shutdown(w.w.cfg.linger)
}
