package gozmq

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

type workerConfig struct {
	socketConfig
	from, to    Endpoints
	concurrency int
	prefetch    int // -1: not set
	timeout     time.Duration
	drain       time.Duration
	progress    *WorkerProgress
	stats       *WorkerStats
	onError     func(ctx context.Context, m *Method, task proto.Message, err error)
}

type workerOption func(*workerConfig)

func (o workerOption) applyWorker(c *workerConfig) { o(c) }

// From says where a worker's tasks come from.
func From(endpoints ...Endpoints) WorkerOption {
	return workerOption(func(c *workerConfig) {
		for _, e := range endpoints {
			e.add(&c.from)
		}
	})
}

// To says where a worker's results go. A worker whose methods have no results
// needs none.
func To(endpoints ...Endpoints) WorkerOption {
	return workerOption(func(c *workerConfig) {
		for _, e := range endpoints {
			e.add(&c.to)
		}
	})
}

// WithPrefetch sets how many tasks of each connection a worker reads ahead of
// those that it does, so that it need not wait for the next. What is read ahead
// cannot go to another worker, and is lost with this one at most once. At most
// once it is besides what the kernels on both sides hold (WithKernelBuffers).
// Defaults: as many as WithConcurrency at least once, 64 at most once.
func WithPrefetch(n int) WorkerOption {
	return workerOption(func(c *workerConfig) { c.prefetch = n })
}

// WithTaskTimeout ends the context of a handler after d. At least once its
// lease is not extended any more then, so that another worker gets the task if
// the handler does not return. Default: 0, no limit.
func WithTaskTimeout(d time.Duration) WorkerOption {
	return workerOption(func(c *workerConfig) { c.timeout = d })
}

// A WorkerProgress tells how far a worker is. The zero value is ready for
// WithWorkerProgress.
type WorkerProgress struct {
	read atomic.Pointer[func() Progress]
}

// Progress returns how far the worker is; it may be called from any goroutine,
// also when the worker has ended.
func (p *WorkerProgress) Progress() Progress {
	if read := p.read.Load(); read != nil {
		return (*read)()
	}
	return Progress{}
}

// WithWorkerProgress has p tell how far the worker is. Each worker needs one of
// its own.
func WithWorkerProgress(p *WorkerProgress) WorkerOption {
	return workerOption(func(c *workerConfig) { c.progress = p })
}

// WithTaskErrors has f called for each task that failed: its handler returned
// an error or panicked, or its result could not be sent. At most once the task
// is not run again, at least once it may be. f runs in the goroutine of the task.
func WithTaskErrors(f func(ctx context.Context, m *Method, task proto.Message, err error)) WorkerOption {
	return workerOption(func(c *workerConfig) { c.onError = f })
}

// A worker runs tasks.
type worker struct {
	cfg      workerConfig
	bodies   bodies
	delivery Delivery
	handlers map[string]*TaskHandler
	bare     *TaskHandler
	results  bool // some method has one
	observer *observer
	mode     workMode

	stop         chan struct{} // closed when a ventilator says so
	stopOnce     sync.Once
	running      atomic.Int64
	done, errors counter
}

// A workMode is a worker's way of getting tasks and giving results.
type workMode interface {
	// open opens the socket for results before the one for tasks, so that the
	// first task finds a way on.
	open() error
	// work runs tasks one after the other until there are no more.
	work(ctx context.Context)
	// drain takes no more tasks from ventilators. work ends when what is there
	// has been done, or ctx has ended.
	drain(ctx context.Context)
	shutdown(linger time.Duration) error
	progress() Progress
}

// RunWorker runs tasks until ctx ends or a ventilator says so
// (Ventilator.StopWorkers). Then it takes no more, ends those that it has begun,
// sends the last results, and returns nil; handlers see ctx's values but not its
// end until the time for that is over.
//
// Tasks that it had not begun, and those that were on their way to it, are run
// too at most once; at least once they go back to their ventilator. Generated
// code calls it.
func RunWorker(ctx context.Context, name string, handlers func() []TaskHandler, opts ...WorkerOption) error {
	w, err := newWorker(name, handlers, opts)
	if err != nil {
		return fmt.Errorf("worker %s: %w", name, err)
	}
	defer func() { w.observer.close() }()
	if err := w.mode.open(); err != nil {
		return errors.Join(fmt.Errorf("worker %s: %w", name, err), w.mode.shutdown(0))
	}
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

func newWorker(name string, handlers func() []TaskHandler, opts []WorkerOption) (*worker, error) {
	w := &worker{
		cfg:      workerConfig{socketConfig: newPipelineConfig(zmtp.Pull), concurrency: 1, prefetch: -1, drain: 10 * time.Second},
		handlers: make(map[string]*TaskHandler),
		stop:     make(chan struct{}),
	}
	for _, o := range opts {
		o.applyWorker(&w.cfg)
	}
	list, err := collect(name, handlers)
	if err != nil {
		return nil, err
	}
	for i := range list {
		h := &list[i]
		if h.method.Delivery != list[0].method.Delivery {
			return nil, fmt.Errorf("%s is delivered %v and %s %v: run a worker for each", list[0].method.Procedure, list[0].method.Delivery, h.method.Procedure, h.method.Delivery)
		}
		w.delivery = h.method.Delivery
		w.handlers[h.method.Procedure] = h
		w.results = w.results || h.result
		if h.method.Bare {
			w.bare = h
		}
	}
	if err := w.check(); err != nil {
		return nil, err
	}
	w.bodies = w.cfg.bodies()
	w.observer = newObserver(w.cfg.observer)
	if w.delivery == AtLeastOnce {
		w.mode = newLeasedWork(w)
	} else {
		w.mode = &plainWork{worker: w}
	}
	if w.cfg.progress != nil {
		read := w.mode.progress
		w.cfg.progress.read.Store(&read)
	}
	return w, nil
}

func (w *worker) check() error {
	errs := []error{w.cfg.check()}
	if len(w.cfg.from.bind)+len(w.cfg.from.connect) == 0 {
		errs = append(errs, errors.New("no endpoint for tasks: pass gozmq.From(gozmq.Connect(...)) or gozmq.From(gozmq.Bind(...))"))
	}
	sink := len(w.cfg.to.bind)+len(w.cfg.to.connect) > 0
	if w.results && !sink {
		errs = append(errs, errors.New("no endpoint for results: pass gozmq.To(gozmq.Connect(...)) or gozmq.To(gozmq.Bind(...))"))
	}
	if !w.results && sink {
		errs = append(errs, errors.New("gozmq.To is given, but no method has a result"))
	}
	if w.cfg.concurrency < 1 {
		errs = append(errs, fmt.Errorf("WithConcurrency: %d, want at least 1", w.cfg.concurrency))
	}
	if w.cfg.prefetch < -1 || w.cfg.credit() > maxCredit {
		errs = append(errs, fmt.Errorf("WithPrefetch: %d, want 0 or more, and with WithConcurrency at most %d", w.cfg.prefetch, maxCredit))
	}
	if w.cfg.timeout < 0 {
		errs = append(errs, fmt.Errorf("WithTaskTimeout: %v, want 0 or more", w.cfg.timeout))
	}
	if w.cfg.drain < 0 {
		errs = append(errs, fmt.Errorf("WithDrainTimeout: %v, want 0 or more", w.cfg.drain))
	}
	return errors.Join(errs...)
}

// ahead is how many tasks of a connection are read ahead.
func (c *workerConfig) ahead(otherwise int) int {
	if c.prefetch < 0 {
		return otherwise
	}
	return c.prefetch
}

// credit is how many tasks of a connection a worker holds at once.
func (c *workerConfig) credit() int { return c.concurrency + c.ahead(c.concurrency) }

// end has RunWorker end as if its context had.
func (w *worker) end() { w.stopOnce.Do(func() { close(w.stop) }) }

// start starts a goroutine that works. A handler that ends it with
// runtime.Goexit gets it replaced.
func (w *worker) start(ctx context.Context, wg *sync.WaitGroup) {
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

// errNoSuchTask says that a worker has no handler for a task.
var errNoSuchTask = errors.New("is not known here")

// decode finds a task's handler and decodes its body.
func (w *worker) decode(method, body []byte) (*TaskHandler, proto.Message, error) {
	h := w.bare
	if h == nil {
		if h = w.handlers[string(method)]; h == nil {
			return nil, nil, fmt.Errorf("method %q %w", cut(method), errNoSuchTask)
		}
	}
	task := h.new()
	return h, task, w.bodies.decodeInput(body, task)
}

// call calls the handler; a panic is an error.
func (w *worker) call(ctx context.Context, h *TaskHandler, task proto.Message) (result proto.Message, err error) {
	if w.cfg.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, w.cfg.timeout)
		defer cancel()
	}
	w.running.Add(1)
	returned := false
	defer func() {
		w.running.Add(-1)
		if returned {
			return
		}
		value := recover() // nil: the handler called runtime.Goexit
		err = fmt.Errorf("handler panicked: %v", value)
		w.observer.observe(Event{Kind: EventPanic, SocketType: string(w.socket()), Procedure: h.method.Procedure, Err: err, Stack: debug.Stack()})
		if value == nil {
			w.failed(ctx, h, task, errors.New("handler ended its goroutine"))
		}
	}()
	result, err = h.run(ctx, task)
	returned = true
	return result, err
}

// socket is the type of the socket that tasks come from.
func (w *worker) socket() zmtp.SocketType {
	if w.delivery == AtLeastOnce {
		return zmtp.Dealer
	}
	return zmtp.Pull
}

func (w *worker) failed(ctx context.Context, h *TaskHandler, task proto.Message, err error) {
	w.errors.Add(1)
	w.observer.observe(Event{Kind: EventTaskFailed, SocketType: string(w.socket()), Procedure: h.method.Procedure, Err: err})
	if w.cfg.onError != nil {
		w.cfg.onError(ctx, h.method, task, err)
	}
}
