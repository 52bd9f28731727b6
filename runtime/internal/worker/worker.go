package worker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/pipeline"
	"github.com/gozmq/gozmq/runtime/internal/subscription"
)

// A Worker runs tasks. Its methods may be called from any goroutine.
type Worker struct {
	run  *runner
	mode mode

	stop     chan struct{} // closed when Run is to end
	stopOnce sync.Once
	mu       sync.Mutex
	begun    bool          // Run, or Close before it, was called
	ended    chan struct{} // closed when the connections are; then err is set
	err      error
}

// A mode is how a worker gets tasks and sends results, with one of the guarantees.
type mode interface {
	// links returns the connections for tasks and for results; the second is nil
	// without results.
	links() (tasks, results *link.Group)
	// start lets tasks come.
	start()
	// work runs tasks one after the other until there are no more.
	work(ctx context.Context)
	// drain accepts no more tasks from ventilators. Then work ends when all
	// received tasks have been done, or when ctx has ended.
	drain(ctx context.Context)
	shutdown(linger time.Duration) error
	progress() pipeline.Progress
	fills() (tasks, results []subscription.Fill, oldest time.Time)
}

// New returns a worker without connections. Run or Close must be called.
func New(cfg Config) *Worker {
	w := &Worker{run: newRunner(cfg), stop: make(chan struct{}), ended: make(chan struct{})}
	if cfg.AtLeastOnce {
		w.mode = newQueued(w.run, w.end)
	} else {
		w.mode = newPlain(w.run, w.end)
	}
	return w
}

// Links returns the connections for tasks and for results; the second is nil
// without results.
func (w *Worker) Links() (tasks, results *link.Group) { return w.mode.links() }

// Progress returns the numbers of tasks that wait, run, were done and failed.
func (w *Worker) Progress() pipeline.Progress { return w.mode.progress() }

// Fills returns how full the queues of tasks and of unacknowledged results are, and
// when the task came that has been here for the longest time; the zero time when
// there is none. There is nothing with at-most-once delivery.
func (w *Worker) Fills() (tasks, results []subscription.Fill, oldest time.Time) {
	return w.mode.fills()
}

// ErrBegun says that Run or Close was called before.
var ErrBegun = errors.New("Run or Close was called before")

// Run runs tasks until ctx ends, a ventilator stops the worker or Close is called.
// Then it accepts no more tasks, lets the running handlers finish, sends the last
// results and closes the connections. It returns ErrBegun when Run or Close was
// called before, and an error when handlers do not return or tasks are left.
func (w *Worker) Run(ctx context.Context) error {
	if !w.begin() {
		return ErrBegun
	}
	return w.finish(w.run.cfg.LingerTime, w.runTasks(ctx))
}

// Close ends Run as the end of its context does, and waits for it. A worker
// that does not run is closed at once.
func (w *Worker) Close() error {
	w.end()
	if w.begin() {
		return w.finish(0, nil)
	}
	<-w.ended
	return w.err
}

// begin reports whether it is called for the first time.
func (w *Worker) begin() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.begun {
		return false
	}
	w.begun = true
	return true
}

// end has Run end as if its context had.
func (w *Worker) end() { w.stopOnce.Do(func() { close(w.stop) }) }

// runTasks returns an error when handlers have not returned in time.
func (w *Worker) runTasks(ctx context.Context) error {
	taskCtx, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	var wg sync.WaitGroup
	w.mode.start()
	for range w.run.cfg.Concurrency {
		w.start(taskCtx, &wg)
	}
	select {
	case <-ctx.Done():
	case <-w.stop:
	}
	drained, stop := context.WithTimeout(context.Background(), w.run.cfg.Drain)
	defer stop()
	stopTasks := context.AfterFunc(drained, func() { cancel(errStopped) })
	defer stopTasks()
	w.mode.drain(drained)
	return w.awaitHandlers(drained, &wg)
}

var errStopped = errors.New("the worker is stopping")

// handlerGrace is how long handlers may take to return after their contexts have
// ended.
const handlerGrace = 500 * time.Millisecond

// awaitHandlers waits for the goroutines that run tasks, until a little after the
// end of the drain timeout.
func (w *Worker) awaitHandlers(drained context.Context, wg *sync.WaitGroup) error {
	done := make(chan struct{})
	go func() {
		wg.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-drained.Done():
	}
	timer := time.NewTimer(handlerGrace)
	defer timer.Stop()
	select {
	case <-done:
		return nil
	case <-timer.C:
		return fmt.Errorf("worker %s: handlers have not returned although their contexts have ended: %s", w.run.cfg.Name, w.run.begun())
	}
}

// start starts a goroutine that works. If a handler ends it with
// runtime.Goexit, another one takes its place.
func (w *Worker) start(ctx context.Context, wg *sync.WaitGroup) {
	wg.Go(func() {
		returned := false
		defer func() {
			if !returned {
				w.start(ctx, wg)
			}
		}()
		w.mode.work(ctx)
		returned = true
	})
}

// finish closes the connections. cause is why Run has failed before.
func (w *Worker) finish(linger time.Duration, cause error) error {
	w.err = errors.Join(cause, w.mode.shutdown(linger))
	if lost := w.run.notRun(); lost != "" {
		w.err = errors.Join(w.err, fmt.Errorf("worker %s: tasks that were received and not run: %s (give it more time with WithDrainTimeout)", w.run.cfg.Name, lost))
	}
	w.run.cfg.Closed()
	close(w.ended)
	return w.err
}
