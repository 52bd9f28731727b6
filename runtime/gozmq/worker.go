package gozmq

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/internal/bridge"
	"github.com/gozmq/gozmq/runtime/internal/handshake"
	"github.com/gozmq/gozmq/runtime/internal/pipeline"
	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/worker"
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
	name     string
	engine   *worker.Worker
	handlers []taskHandler
	addrs    []string
	role     roleState
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
	cfg := newWorkerConfig(opts)
	w, err := newWorker(name, handlers, cfg)
	if err != nil {
		return nil, fmt.Errorf("worker %s: %w", name, err)
	}
	if err := w.open(cfg); err != nil {
		return nil, errors.Join(fmt.Errorf("worker %s: %w", name, err), w.Close())
	}
	return w, nil
}

func newWorkerConfig(opts []WorkerOption) *workerConfig {
	c := &workerConfig{socketConfig: newPipelineConfig(zmtp.Pull, handshake.RoleWorker), concurrency: 1, prefetch: -1, drain: 10 * time.Second}
	for _, o := range opts {
		o.applyWorker(c)
	}
	return c
}

func newWorker(name string, handlers []bridge.TaskHandler[Method], cfg *workerConfig) (*Worker, error) {
	delivery, err := deliveryOf(handlers)
	if err != nil {
		return nil, err
	}
	if err := cfg.check(slices.ContainsFunc(handlers, func(h bridge.TaskHandler[Method]) bool { return h.Result })); err != nil {
		return nil, err
	}
	w := &Worker{name: name}
	w.holdsWorker = bridge.Hold(workerOpener{w})
	o := newObserver(cfg.observer, &w.role)
	tasks := &taskConfig{bodies: cfg.bodies(o), onError: cfg.onError, observer: o, interceptor: cfg.interceptors.chain(), socket: delivery.socketType(zmtp.Pull, zmtp.Dealer)}
	engine := worker.Config{
		Name: name, Socket: cfg.Config, AtLeastOnce: delivery == DeliveryAtLeastOnce,
		Concurrency: cfg.concurrency, Prefetch: cfg.prefetch, RemoteStop: cfg.remoteStop,
		Timeout: cfg.timeout, Drain: cfg.drain, LingerTime: cfg.linger,
		Linger: lingering, Observe: o.link, Closed: o.close, Describe: describe,
		Unknown: unknownTask, Unsent: delivery.unsentResult, NotRun: errNotRun, Canceled: Errorf(CodeCanceled, "%w", pipeline.ErrCanceled),
		Status: func(err error) []byte { return encodeStatus(err, pipeline.MaxStatus) },
	}
	own := make([]taskHandler, len(handlers))
	for i, h := range handlers {
		own[i] = taskHandler{TaskHandler: h, tasks: tasks}
		engine.Methods = append(engine.Methods, own[i].engine())
	}
	w.handlers, w.engine = own, worker.New(engine)
	return w, nil
}

// deliveryOf returns the guarantee of handlers.
func deliveryOf(handlers []bridge.TaskHandler[Method]) (Delivery, error) {
	for _, h := range handlers {
		if first := handlers[0].Method; h.Method.Delivery != first.Delivery {
			return 0, fmt.Errorf("%s has delivery %v and %s has delivery %v: run a worker for each", first.Procedure, first.Delivery, h.Method.Procedure, h.Method.Delivery)
		}
	}
	if len(handlers) == 0 {
		return DeliveryAtMostOnce, nil
	}
	return handlers[0].Method.Delivery, nil
}

// open opens the socket for results before the one for tasks, so that the first
// task finds a way on.
func (w *Worker) open(cfg *workerConfig) error {
	tasks, results := w.engine.Links()
	if results != nil {
		addrs, err := cfg.to.open(results)
		if err != nil {
			return fmt.Errorf("results: %w", err)
		}
		w.addrs = addrs
	}
	addrs, err := cfg.from.open(tasks)
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
func (w *Worker) Progress() Progress { return Progress(w.engine.Progress()) }

// Stats returns the counters of two sockets: the one that tasks come from, and
// the one that results go to, which are zero without results.
func (w *Worker) Stats() (tasks, results Stats) {
	t, r := w.engine.Links()
	if r != nil {
		results = statsOf("worker", r)
	}
	tasks = statsOf("worker", t)
	tasks.Tasks = w.Progress()
	for i := range w.handlers {
		h := &w.handlers[i]
		tasks.Methods = append(tasks.Methods, outcomesOf(h.Method, &h.method.Outcomes))
	}
	sortMethods(tasks.Methods)
	waiting, unacked, oldest := w.engine.Fills()
	tasks.Queues, tasks.OldestTask, results.Queues = queuesOf(waiting), ageOf(oldest), queuesOf(unacked)
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
// their methods; it no longer waits for them. A second call, and one
// after Close, returns an error with CodeFailedPrecondition.
func (w *Worker) Run(ctx context.Context) error {
	err := w.engine.Run(ctx)
	if err == worker.ErrBegun {
		return Errorf(CodeFailedPrecondition, "worker %s: %w; make another worker", w.name, err)
	}
	return err
}

// Close ends Run as the end of its context does, and waits for it. A worker
// that does not run is closed at once. A handler must not call Close, which
// waits for the handler.
func (w *Worker) Close() error { return w.engine.Close() }

// check reports everything that is wrong with the options. results says that some
// method has one.
func (c *workerConfig) check(results bool) error {
	errs := []error{c.socketConfig.check(), c.interceptors.check()}
	if len(c.from.bind)+len(c.from.connect) == 0 {
		errs = append(errs, errors.New("no endpoint for tasks: pass gozmq.From(gozmq.Connect(...)) or gozmq.From(gozmq.Bind(...))"))
	}
	sink := len(c.to.bind)+len(c.to.connect) > 0
	if results && !sink {
		errs = append(errs, errors.New("no endpoint for results: pass gozmq.To(gozmq.Connect(...)) or gozmq.To(gozmq.Bind(...))"))
	}
	if !results && sink {
		errs = append(errs, errors.New("gozmq.To is given, but no method has a result"))
	}
	if c.concurrency < 1 {
		errs = append(errs, fmt.Errorf("WithConcurrency: %d, want at least 1", c.concurrency))
	}
	if c.prefetch < -1 || c.credit() > wire.MaxCredit {
		errs = append(errs, fmt.Errorf("WithPrefetch: %d, want 0 or more, and with WithConcurrency at most %d", c.prefetch, wire.MaxCredit))
	}
	if c.timeout < 0 {
		errs = append(errs, fmt.Errorf("WithTaskTimeout: %v, want 0 or more", c.timeout))
	}
	if c.drain < 0 {
		errs = append(errs, fmt.Errorf("WithDrainTimeout: %v, want 0 or more", c.drain))
	}
	return errors.Join(errs...)
}

// credit returns how many tasks of a connection a worker holds at once, unless it
// reads more of them ahead on its own.
func (c *workerConfig) credit() int {
	if c.prefetch < 0 {
		return 2 * c.concurrency
	}
	return c.concurrency + c.prefetch
}
