package gozmq

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/gozmqstore"
	"github.com/gozmq/gozmq/runtime/internal/bridge"
	"github.com/gozmq/gozmq/runtime/internal/handshake"
	"github.com/gozmq/gozmq/runtime/internal/pipeline"
	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

type ventilatorConfig struct {
	socketConfig
	delivery     Delivery
	queue        pipeline.DispatcherConfig // its limits; newQueuedSender sets the rest
	store        gozmqstore.Store
	letters      letterHandlers
	reliable     []string // names of options that need DeliveryAtLeastOnce
	interceptors interceptorOption
}

// Options from other files that NewVentilator takes.

func (o socketOption) applyVentilator(c *ventilatorConfig) { o(&c.socketConfig) }
func (e Endpoints) applyVentilator(c *ventilatorConfig)    { e.add(&c.endpoints) }
func (o interceptorOption) applyVentilator(c *ventilatorConfig) {
	c.interceptors = append(c.interceptors, o...)
}
func (o codecOption) applyVentilator(c *ventilatorConfig) { o.apply(&c.socketConfig) }
func (d Delivery) applyVentilator(c *ventilatorConfig)    { c.delivery = d }

type ventilatorOption func(*ventilatorConfig)

func (o ventilatorOption) applyVentilator(c *ventilatorConfig) { o(c) }

// WithTaskQueue limits how many tasks, and bytes of them, a ventilator with
// DeliveryAtLeastOnce keeps until they are done, including those that workers
// have. While the queue is full, Push waits. Defaults: 10000 and 64 MiB. One
// task always fits.
func WithTaskQueue(tasks, bytes int) VentilatorOption {
	return ventilatorOption(func(c *ventilatorConfig) {
		c.queue.MaxTasks, c.queue.MaxBytes = tasks, bytes
		c.reliable = append(c.reliable, "WithTaskQueue")
	})
}

// WithTaskStore keeps the tasks of a ventilator with DeliveryAtLeastOnce in a
// store until they are done. A new ventilator first delivers the tasks that the
// store has. While another ventilator owns the store's queue, in this process or
// another, this one stands by: it binds and connects, and takes over when the other
// one has closed, or died. Push and Wait wait for that until their context ends;
// EventOwner, EventStandby and Progress.Standby say which one it is. The caller
// closes the store, after the ventilator. Default: tasks are kept in memory only.
func WithTaskStore(s gozmqstore.Store) VentilatorOption {
	return ventilatorOption(func(c *ventilatorConfig) {
		c.store = s
		c.reliable = append(c.reliable, "WithTaskStore")
	})
}

// WithRetryBackoff sets how long a ventilator with DeliveryAtLeastOnce waits
// before it redelivers a task whose handler failed, or whose worker was lost
// after it had begun the task: first, doubling with each attempt up to limit.
// It does not wait for tasks that the lost worker had not begun. The backoff of a
// method's annotation comes before it. Defaults: 100 ms and 30 s.
func WithRetryBackoff(first, limit time.Duration) VentilatorOption {
	return ventilatorOption(func(c *ventilatorConfig) {
		c.queue.Backoff, c.queue.MaxBackoff = first, limit
		c.reliable = append(c.reliable, "WithRetryBackoff")
	})
}

// WithMaxTaskTime limits how long a worker may hold a task, however often it
// extends the lease; then another worker gets the task. 0: no limit. Default:
// 24 h.
func WithMaxTaskTime(d time.Duration) VentilatorOption {
	return ventilatorOption(func(c *ventilatorConfig) {
		c.queue.MaxHold = d
		c.reliable = append(c.reliable, "WithMaxTaskTime")
	})
}

func (c *ventilatorConfig) check() error {
	errs := []error{c.socketConfig.check(), c.delivery.check(), c.interceptors.check(), c.letters.check()}
	if c.delivery == DeliveryAtMostOnce {
		for _, name := range c.reliable {
			errs = append(errs, onlyAtLeastOnce(name))
		}
	}
	if c.queue.MaxTasks < 1 || c.queue.MaxBytes < 1 {
		errs = append(errs, fmt.Errorf("WithTaskQueue: %d tasks and %d bytes, want at least 1 of each", c.queue.MaxTasks, c.queue.MaxBytes))
	}
	if c.queue.Backoff < 0 || c.queue.MaxBackoff < c.queue.Backoff {
		errs = append(errs, fmt.Errorf("WithRetryBackoff: first %v and limit %v, want 0 <= first <= limit", c.queue.Backoff, c.queue.MaxBackoff))
	}
	if c.queue.MaxHold < 0 {
		errs = append(errs, fmt.Errorf("WithMaxTaskTime: %v, want 0 or more", c.queue.MaxHold))
	}
	return errors.Join(errs...)
}

// A Ventilator distributes tasks among workers. Its methods may be called from
// any goroutine.
//
// With DeliveryAtMostOnce it is a PUSH socket: it sends tasks to the workers in
// turn and skips workers whose queue is full. A task that was sent to a worker
// is lost if that worker dies. With DeliveryAtLeastOnce it is a ROUTER socket:
// it sends a worker as many tasks as the worker has granted credit for, and
// keeps each until the worker reports that it is done. When the worker fails,
// is lost, or holds the task for longer than its lease, the ventilator delivers
// the task again.
type Ventilator struct {
	holdsVentilator
	sender      taskSender
	delivery    Delivery
	observer    *observer
	interceptor Interceptor // nil: none
	linger      time.Duration
	addrs       []string
	role        roleState
	sent        atomic.Uint64
	methods     methodCounters
}

// NewVentilator opens a ventilator, which binds and connects as its options
// say. Close must be called.
func NewVentilator(opts ...VentilatorOption) (*Ventilator, error) {
	cfg := ventilatorConfig{
		socketConfig: newPipelineConfig(zmtp.Push, handshake.RoleVentilator),
		queue: pipeline.DispatcherConfig{
			MaxTasks: 10000, MaxBytes: 64 << 20, Backoff: 100 * time.Millisecond, MaxBackoff: 30 * time.Second,
			MaxHold: 24 * time.Hour, BatchSilence: time.Minute,
		},
	}
	for _, o := range opts {
		o.applyVentilator(&cfg)
	}
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("ventilator: %w", err)
	}
	v := &Ventilator{delivery: cfg.delivery, interceptor: cfg.interceptors.chain(), linger: cfg.linger}
	v.observer = newObserver(cfg.observer, &v.role)
	v.holdsVentilator = bridge.Hold(pushing{v})
	var err error
	if v.sender, err = newTaskSender(&cfg, v.observer); err != nil {
		v.observer.close()
		return nil, fmt.Errorf("ventilator: %w", err)
	}
	if v.addrs, err = cfg.endpoints.open(v.sender.Links()); err != nil {
		v.Close()
		return nil, fmt.Errorf("ventilator: %w", err)
	}
	return v, nil
}

// Addrs returns the bound endpoints, with ports filled in.
func (v *Ventilator) Addrs() []string { return v.addrs }

// Sent returns how many tasks Push has accepted.
func (v *Ventilator) Sent() uint64 { return v.sent.Load() }

// Progress returns the numbers of tasks that wait, are in flight and were done.
func (v *Ventilator) Progress() Progress { return Progress(v.sender.Progress()) }

// WaitForWorkers waits until at least n workers are connected, so that the
// first one to connect does not get every task.
func (v *Ventilator) WaitForWorkers(ctx context.Context, n int) error {
	if err := v.sender.WaitWorkers(ctx, n); err != nil {
		return pipelineError(err, "wait for workers")
	}
	return nil
}

// Wait waits until no task is left, or ctx ends. With DeliveryAtMostOnce, no
// task is left when the kernel has taken all of them. With DeliveryAtLeastOnce,
// each task must be done, or given up and WithDeadLetterHandler's function must
// have returned nil.
func (v *Ventilator) Wait(ctx context.Context) error {
	if err := v.sender.Wait(ctx); err != nil {
		return pipelineError(err, "wait for tasks")
	}
	return nil
}

// StartBatch starts a batch. The sink gets the first 256 bytes of its name.
// Tasks that are pushed with the batch's Context belong to it.
func (v *Ventilator) StartBatch(name string) *Batch {
	name = strings.ToValidUTF8(name[:min(len(name), wire.MaxBatchName/4)], "\uFFFD")
	return &Batch{ventilator: v.sender, name: name, tasks: v.sender.startBatch(name)}
}

// StopWorkers asks every worker that is connected now to stop: each finishes
// the tasks that it is running, and its Run returns nil. It gets no further
// task on that connection, and WaitForWorkers no longer counts it. With
// DeliveryAtLeastOnce the remaining tasks wait for other workers. With
// DeliveryAtMostOnce, call it when no tasks are left. Behind a Proxy it stops
// only one worker, and tasks go on to the others. Workers that the ventilator
// has dialed must allow it (WithRemoteStop).
func (v *Ventilator) StopWorkers(ctx context.Context) error {
	if err := v.sender.StopWorkers(ctx); err != nil {
		return pipelineError(err, "stop workers")
	}
	return nil
}

// Close closes the ventilator. With DeliveryAtMostOnce it first waits until
// every task has reached the kernel. With DeliveryAtLeastOnce it first waits
// until every task is done or, with a store, until no worker has a task. When
// the linger time (WithLinger) ends first, it returns an error.
func (v *Ventilator) Close() error {
	err := lingering(v.linger, v.sender.Close)
	v.observer.close()
	return err
}

// holdsVentilator is what gozmqimpl finds in a Ventilator.
type holdsVentilator = bridge.Held[pushing]

// pushing is a Ventilator as gozmqimpl sees it (bridge.Ventilator). Record works
// without one.
type pushing struct{ *Ventilator }

var _ bridge.Ventilator[Method, Event] = pushing{}

func (v pushing) Role() bridge.Role[Event] { return &v.role }

// Check also has the ventilator keep to what m says of its tasks
// (bridge.Ventilator).
func (v pushing) Check(m *Method) error {
	if err := m.checkDelivery(v.delivery); err != nil {
		return err
	}
	if q, ok := v.sender.(*queuedSender); ok {
		q.SetPolicy(m.Procedure, m.policy())
	}
	return nil
}

// Record returns a task of m as a store keeps it, with the metadata of ctx. It
// needs no ventilator (bridge.Ventilator).
func (v pushing) Record(ctx context.Context, m *Method, task proto.Message) (gozmqstore.Task, error) {
	t, err := queuedTask(ctx, m, task, &bodies{limit: defaultMaxMessageSize}, pipeline.Task{})
	if err != nil {
		return gozmqstore.Task{}, err
	}
	return pipeline.NewRecord(t), nil
}

func (v pushing) Push(ctx context.Context, m *Method, task proto.Message) (err error) {
	if v.interceptor != nil {
		err = v.pushThrough(ctx, m, task)
	} else {
		_, err = v.push(ctx, m, task)
	}
	v.methods.of(m).end(err)
	return err
}

func (v pushing) push(ctx context.Context, m *Method, task proto.Message) (id string, err error) {
	if id, err = v.sender.push(ctx, m, task); err == nil {
		v.sent.Add(1)
	}
	return id, err
}

// pushThrough has the interceptors push a task. Behind next they see its id.
func (v pushing) pushThrough(ctx context.Context, m *Method, task proto.Message) error {
	info := &TaskInfo{Method: m, Batch: batchName(ctx), ctx: ctx}
	call := &CallInfo{Operation: OperationPush, Method: m, Task: info}
	return sendThrough(ctx, v.interceptor, v.observer, v.delivery.socketType(zmtp.Push, zmtp.Router), m.Procedure, call, task, func(ctx context.Context, task proto.Message) (err error) {
		info.ID, err = v.push(ctx, m, task)
		return err
	})
}

// batchName returns the name of the batch that tasks with ctx belong to; "" for
// none.
func batchName(ctx context.Context) string {
	if b, _ := ctx.Value(batchKey{}).(*Batch); b != nil {
		return b.name
	}
	return ""
}
