package gozmq

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

type workerConfig struct {
	socketConfig
	from, to    Endpoints
	concurrency int
	drain       time.Duration
	onError     func(ctx context.Context, m *Method, task proto.Message, err error)
	stats       *WorkerStats
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

// WithConcurrency sets how many tasks a worker runs at once. Default: 1.
func WithConcurrency(n int) WorkerOption {
	return workerOption(func(c *workerConfig) { c.concurrency = n })
}

// WithWorkerDrainTimeout sets how long a worker that stops may take to run the
// tasks that it has received already. Default: 10 s.
func WithWorkerDrainTimeout(d time.Duration) WorkerOption {
	return workerOption(func(c *workerConfig) { c.drain = d })
}

// WithTaskErrors has f called for each task that failed: its handler returned
// an error or panicked, or its result could not be sent. Delivery is at most
// once, so the task is not run again. f runs in the goroutine of the task.
func WithTaskErrors(f func(ctx context.Context, m *Method, task proto.Message, err error)) WorkerOption {
	return workerOption(func(c *workerConfig) { c.onError = f })
}

// A worker runs tasks.
type worker struct {
	cfg      workerConfig
	handlers map[string]*TaskHandler
	bare     *TaskHandler
	results  bool // some method has one
	observer *observer
	pull     *socket.Pull
	push     *socket.Push // nil without results
}

// RunWorker runs tasks until ctx ends. Then it closes the connections that
// tasks come from, runs what it has read from them, sends the last results, and
// returns nil; handlers see ctx's values but not its end until the time for
// that is over. Tasks that were still on their way, in the kernel's buffers,
// are lost: delivery is at most once. Generated code calls it.
func RunWorker(ctx context.Context, name string, handlers func() []TaskHandler, opts ...WorkerOption) error {
	w, err := newWorker(name, handlers, opts)
	if err != nil {
		return fmt.Errorf("worker %s: %w", name, err)
	}
	defer func() { w.observer.close() }()
	if err := w.open(); err != nil {
		return errors.Join(fmt.Errorf("worker %s: %w", name, err), w.shutdown(0))
	}
	taskCtx, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	var wg sync.WaitGroup
	for range w.cfg.concurrency {
		w.start(taskCtx, &wg)
	}
	<-ctx.Done()
	drained, stop := context.WithTimeout(context.Background(), w.cfg.drain)
	defer stop()
	stopTasks := context.AfterFunc(drained, func() { cancel(errStopped) })
	defer stopTasks()
	_ = w.pull.Drain(drained)
	wg.Wait()
	return w.shutdown(w.cfg.linger)
}

func newWorker(name string, handlers func() []TaskHandler, opts []WorkerOption) (*worker, error) {
	w := &worker{
		cfg:      workerConfig{socketConfig: newSocketConfig(zmtp.Pull), concurrency: 1, drain: 10 * time.Second},
		handlers: make(map[string]*TaskHandler),
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
		w.handlers[h.method.Procedure] = h
		w.results = w.results || h.result
		if h.method.Bare {
			w.bare = h
		}
	}
	return w, w.check()
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
	if w.cfg.drain < 0 {
		errs = append(errs, fmt.Errorf("WithWorkerDrainTimeout: %v, want 0 or more", w.cfg.drain))
	}
	return errors.Join(errs...)
}

// open opens the socket for results before the one for tasks, so that the
// first task finds a way on.
func (w *worker) open() error {
	w.observer = newObserver(w.cfg.observer)
	w.cfg.Observe = w.observer.link(zmtp.Pull)
	w.pull = socket.NewPull(w.cfg.Config, pullWindow)
	w.cfg.stats.watch(w.pull.Links(), nil)
	if w.results {
		cfg := w.cfg.Config
		cfg.SocketType = zmtp.Push
		cfg.Observe = w.observer.link(zmtp.Push)
		w.push = socket.NewPush(cfg)
		w.cfg.stats.watch(w.pull.Links(), w.push.Links())
		if _, err := w.cfg.to.open(w.push.Links()); err != nil {
			return fmt.Errorf("results: %w", err)
		}
	}
	if _, err := w.cfg.from.open(w.pull.Links()); err != nil {
		return fmt.Errorf("tasks: %w", err)
	}
	return nil
}

// pullWindow is how many messages of one peer are read at once.
const pullWindow = 1000

func (w *worker) shutdown(linger time.Duration) error {
	err := lingering(linger, w.pull.Shutdown)
	if w.push != nil {
		err = errors.Join(err, lingering(linger, w.push.Shutdown))
	}
	return err
}

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
		w.work(ctx)
		returned = true
	})
}

// work runs tasks one after the other until there are no more.
func (w *worker) work(ctx context.Context) {
	for {
		r, err := w.pull.Recv(ctx)
		if err != nil {
			return
		}
		h, task, err := w.decode(r.Frames)
		if err != nil {
			r.Malformed("task: %w", err)
		}
		r.Release()
		if err != nil {
			continue
		}
		if err := w.run(ctx, h, task); err != nil {
			w.failed(ctx, h, task, err)
		}
	}
}

func (w *worker) decode(frames [][]byte) (*TaskHandler, proto.Message, error) {
	method, body, err := splitTask(frames, w.bare != nil)
	if err != nil {
		return nil, nil, err
	}
	h := w.bare
	if h == nil {
		if h = w.handlers[string(method)]; h == nil {
			return nil, nil, fmt.Errorf("method %q is not known here", cut(method))
		}
	}
	task := h.new()
	return h, task, Unmarshal(body, task)
}

// run runs one task and sends its result.
func (w *worker) run(ctx context.Context, h *TaskHandler, task proto.Message) error {
	result, err := w.call(ctx, h, task)
	if err != nil || !h.result {
		return err
	}
	return pushTask(ctx, w.push, h.method, result, w.cfg.MaxMessageSize)
}

// call calls the handler; a panic is an error.
func (w *worker) call(ctx context.Context, h *TaskHandler, task proto.Message) (result proto.Message, err error) {
	returned := false
	defer func() {
		if returned {
			return
		}
		value := recover() // nil: the handler called runtime.Goexit
		err = fmt.Errorf("handler panicked: %v", value)
		w.observer.observe(Event{Kind: EventPanic, Socket: string(zmtp.Pull), Method: h.method.Procedure, Err: err, Stack: debug.Stack()})
		if value == nil {
			w.failed(ctx, h, task, errors.New("handler ended its goroutine"))
		}
	}()
	result, err = h.run(ctx, task)
	returned = true
	return result, err
}

func (w *worker) failed(ctx context.Context, h *TaskHandler, task proto.Message, err error) {
	w.observer.observe(Event{Kind: EventTaskFailed, Socket: string(zmtp.Pull), Method: h.method.Procedure, Err: err})
	if w.cfg.onError != nil {
		w.cfg.onError(ctx, h.method, task, err)
	}
}
