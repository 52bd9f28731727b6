package gozmq

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/internal/bridge"
	"github.com/gozmq/gozmq/runtime/internal/handshake"
	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

type workerConfig struct {
	socketConfig
	from, to     Endpoints
	concurrency  int
	prefetch     int // -1: not set
	remoteStop   bool
	timeout      time.Duration
	drain        time.Duration
	onError      func(ctx context.Context, m *Method, task proto.Message, err error)
	interceptors interceptorOption
}

// Options from other files that a worker takes.

func (o socketOption) applyWorker(c *workerConfig) { o(&c.socketConfig) }
func (o codecOption) applyWorker(c *workerConfig)  { o.apply(&c.socketConfig) }

// A Worker runs tasks and sends their results to a sink. Generated NewXWorker
// functions open it. Run or Close must be called; with DeliveryAtMostOnce a
// ventilator may send tasks to the worker as soon as it is open. Run may be
// called once; the other methods may be called from any goroutine at any time.
type Worker struct {
	holdsWorker
	name  string
	cfg   workerConfig
	run   *taskRunner
	mode  workMode
	addrs []string
	role  roleState

	stop     chan struct{} // closed when Run is to end
	stopOnce sync.Once
	mu       sync.Mutex
	begun    bool          // Run, or Close before it, was called
	ended    chan struct{} // closed when the connections are; then err is set
	err      error
}

// A workMode is how a worker gets tasks and sends results, with one of the
// guarantees.
type workMode interface {
	// links returns the connections that tasks come from and those that results
	// go to, the second nil without results.
	links() (tasks, results *link.Group)
	// start lets tasks come.
	start()
	// work runs tasks one after the other until there are no more.
	work(ctx context.Context)
	// drain takes no more tasks from ventilators. Then work ends when those
	// that were received have been done, or when ctx has ended.
	drain(ctx context.Context)
	shutdown(linger time.Duration) error
	progress() Progress
}

// holdsWorker is what gozmqimpl finds in a Worker: what opens one, and its role.
type holdsWorker = bridge.Held[workerOpener]

// A workerOpener opens workers for gozmqimpl. Its zero value does.
type workerOpener struct{ worker *Worker }

// Role returns what the worker has beside its sockets (bridge.Roled).
func (o workerOpener) Role() bridge.Role[Event] { return &o.worker.role }

// Open returns a worker, which binds and connects as its options say and runs
// nothing before Run. name is the service's.
func (workerOpener) Open(name string, handlers []bridge.TaskHandler[Method], opts []WorkerOption) (*Worker, error) {
	w, err := newWorker(name, handlers, opts)
	if err != nil {
		return nil, fmt.Errorf("worker %s: %w", name, err)
	}
	if err := w.open(); err != nil {
		return nil, errors.Join(fmt.Errorf("worker %s: %w", name, err), w.Close())
	}
	return w, nil
}

func newWorker(name string, handlers []bridge.TaskHandler[Method], opts []WorkerOption) (*Worker, error) {
	w := &Worker{
		name: name,
		cfg:  workerConfig{socketConfig: newPipelineConfig(zmtp.Pull, handshake.RoleWorker), concurrency: 1, prefetch: -1, drain: 10 * time.Second},
		stop: make(chan struct{}), ended: make(chan struct{}),
	}
	for _, o := range opts {
		o.applyWorker(&w.cfg)
	}
	var err error
	if w.run, err = newTaskRunner(handlers, &w.cfg); err != nil {
		return nil, err
	}
	if err := w.check(); err != nil {
		return nil, err
	}
	w.holdsWorker = bridge.Hold(workerOpener{w})
	w.run.observer = newObserver(w.cfg.observer, &w.role)
	w.run.bodies.observer = w.run.observer
	if w.run.delivery == DeliveryAtLeastOnce {
		w.mode = newQueuedWork(w.run, &w.cfg, w.end)
	} else {
		w.mode = newPlainWork(w.run, &w.cfg, w.end)
	}
	return w, nil
}

// open opens the socket for results before the one for tasks, so that the first
// task finds a way on.
func (w *Worker) open() error {
	tasks, results := w.mode.links()
	if results != nil {
		addrs, err := w.cfg.to.open(results)
		if err != nil {
			return fmt.Errorf("results: %w", err)
		}
		w.addrs = addrs
	}
	addrs, err := w.cfg.from.open(tasks)
	if err != nil {
		return fmt.Errorf("tasks: %w", err)
	}
	w.addrs = append(addrs[:len(addrs):len(addrs)], w.addrs...)
	return nil
}

// Addrs returns the bound endpoints, with ports filled in: those of From, then
// those of To.
func (w *Worker) Addrs() []string { return w.addrs }

// Progress returns the numbers of tasks that wait, run, were done and failed.
func (w *Worker) Progress() Progress { return w.mode.progress() }

// Stats returns the counters of two sockets: the one that tasks come from, and
// the one that results go to, which are zero without results.
func (w *Worker) Stats() (tasks, results Stats) {
	t, r := w.mode.links()
	if r != nil {
		results = statsOf("worker", r)
	}
	tasks = statsOf("worker", t)
	tasks.Tasks = w.Progress()
	return tasks, results
}

// Run runs tasks until ctx ends, a ventilator stops the worker
// (Ventilator.StopWorkers) or Close is called. Then it takes no more tasks,
// lets the running handlers finish, sends the last results, closes the
// connections and returns nil. Handlers see ctx's values; their contexts end
// only when the drain timeout does.
//
// With DeliveryAtMostOnce it also runs the tasks that it has received, and
// those that were on their way. Those for which the drain timeout is too short
// are reported one by one (EventTaskFailed, WithTaskErrorHandler) and in Run's
// error. With DeliveryAtLeastOnce they return to their ventilator. When handlers
// do not return after the end of their contexts, Run returns an error that names
// their methods; it does not wait for them any more. A second call, and one
// after Close, returns an error with CodeFailedPrecondition.
func (w *Worker) Run(ctx context.Context) error {
	if !w.begin() {
		return Errorf(CodeFailedPrecondition, "worker %s: Run or Close was called before; make another worker", w.name)
	}
	return w.finish(w.cfg.linger, w.runTasks(ctx))
}

// Close ends Run as the end of its context does, and waits for it. A worker
// that does not run is closed at once. A handler must not call Close, which
// waits for the handler.
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
	for range w.cfg.concurrency {
		w.start(taskCtx, &wg)
	}
	select {
	case <-ctx.Done():
	case <-w.stop:
	}
	drained, stop := context.WithTimeout(context.Background(), w.cfg.drain)
	defer stop()
	stopTasks := context.AfterFunc(drained, func() { cancel(errWorkerStopped) })
	defer stopTasks()
	w.mode.drain(drained)
	return w.awaitHandlers(drained, &wg)
}

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
		return fmt.Errorf("worker %s: handlers have not returned although their contexts have ended: %s", w.name, &w.run.begun)
	}
}

var errWorkerStopped = errors.New("the worker is stopping")

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
	if lost := w.run.notRun.String(); lost != "" {
		w.err = errors.Join(w.err, fmt.Errorf("worker %s: tasks that were received and not run: %s (give it more time with WithDrainTimeout)", w.name, lost))
	}
	w.run.observer.close()
	close(w.ended)
	return w.err
}

func (w *Worker) check() error {
	errs := []error{w.cfg.check(), w.cfg.interceptors.check()}
	if len(w.cfg.from.bind)+len(w.cfg.from.connect) == 0 {
		errs = append(errs, errors.New("no endpoint for tasks: pass gozmq.From(gozmq.Connect(...)) or gozmq.From(gozmq.Bind(...))"))
	}
	sink := len(w.cfg.to.bind)+len(w.cfg.to.connect) > 0
	if w.run.results && !sink {
		errs = append(errs, errors.New("no endpoint for results: pass gozmq.To(gozmq.Connect(...)) or gozmq.To(gozmq.Bind(...))"))
	}
	if !w.run.results && sink {
		errs = append(errs, errors.New("gozmq.To is given, but no method has a result"))
	}
	if w.cfg.concurrency < 1 {
		errs = append(errs, fmt.Errorf("WithConcurrency: %d, want at least 1", w.cfg.concurrency))
	}
	if w.cfg.prefetch < -1 || w.cfg.credit() > wire.MaxCredit {
		errs = append(errs, fmt.Errorf("WithPrefetch: %d, want 0 or more, and with WithConcurrency at most %d", w.cfg.prefetch, wire.MaxCredit))
	}
	if w.cfg.timeout < 0 {
		errs = append(errs, fmt.Errorf("WithTaskTimeout: %v, want 0 or more", w.cfg.timeout))
	}
	if w.cfg.drain < 0 {
		errs = append(errs, fmt.Errorf("WithDrainTimeout: %v, want 0 or more", w.cfg.drain))
	}
	return errors.Join(errs...)
}

// ahead returns how many tasks of a connection are read ahead.
func (c *workerConfig) ahead(otherwise int) int {
	if c.prefetch < 0 {
		return otherwise
	}
	return c.prefetch
}

// credit returns how many tasks of a connection a worker holds at once.
func (c *workerConfig) credit() int { return c.concurrency + c.ahead(c.concurrency) }
