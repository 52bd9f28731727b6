package gozmq

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/internal/bridge"
	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/taskqueue"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

type ventilatorConfig struct {
	socketConfig
	delivery    Delivery
	queue       taskqueue.Limits
	store       TaskStore
	deadLetters func(DeadLetter)
	reliable    []string // options that are for delivery at least once only
}

type ventilatorOption func(*ventilatorConfig)

func (o ventilatorOption) applyVentilator(c *ventilatorConfig) { o(c) }

// WithTaskQueue sets how many tasks, and bytes of them, a ventilator that
// delivers at least once keeps until they are done, those with workers
// included; then Push waits. Defaults: 10000 and 64 MiB. One task always fits.
func WithTaskQueue(tasks, bytes int) VentilatorOption {
	return ventilatorOption(func(c *ventilatorConfig) {
		c.queue.Tasks, c.queue.Bytes = tasks, bytes
		c.reliable = append(c.reliable, "WithTaskQueue")
	})
}

// WithTaskStore keeps the tasks of a ventilator that delivers at least once in
// a store, until they are done. What the store has when the ventilator opens is
// handed out first. The caller closes the store, after the ventilator. Default:
// memory only.
func WithTaskStore(s TaskStore) VentilatorOption {
	return ventilatorOption(func(c *ventilatorConfig) {
		c.store = s
		c.reliable = append(c.reliable, "WithTaskStore")
	})
}

// WithDeadLetters has f called with each task that a ventilator gives up: its
// handler said so (GiveUp), or it was handed out as often as it may be. f is
// called one at a time; a stored task is forgotten when f has returned. f must
// not close the ventilator: closing waits for f.
// EventTaskDead tells of the same tasks.
func WithDeadLetters(f func(DeadLetter)) VentilatorOption {
	return ventilatorOption(func(c *ventilatorConfig) {
		c.deadLetters = f
		c.reliable = append(c.reliable, "WithDeadLetters")
	})
}

// WithRetryPause sets how long a task whose handler failed waits before it is
// handed out again: first, doubling up to limit. A task whose worker is lost
// does not wait. Defaults: 100 ms and 30 s.
func WithRetryPause(first, limit time.Duration) VentilatorOption {
	return ventilatorOption(func(c *ventilatorConfig) {
		c.queue.Pause, c.queue.MaxPause = first, limit
		c.reliable = append(c.reliable, "WithRetryPause")
	})
}

func (c *ventilatorConfig) check() error {
	errs := []error{c.socketConfig.check(), c.delivery.check()}
	if c.delivery == AtMostOnce {
		for _, name := range c.reliable {
			errs = append(errs, onlyAtLeastOnce(name))
		}
	}
	if c.queue.Tasks < 1 || c.queue.Bytes < 1 {
		errs = append(errs, fmt.Errorf("WithTaskQueue: %d tasks and %d bytes, want at least 1 of each", c.queue.Tasks, c.queue.Bytes))
	}
	if c.queue.Pause < 0 || c.queue.MaxPause < c.queue.Pause {
		errs = append(errs, fmt.Errorf("WithRetryPause: first %v and limit %v, want 0 <= first <= limit", c.queue.Pause, c.queue.MaxPause))
	}
	return errors.Join(errs...)
}

// A taskSender hands tasks out, with one of the guarantees.
type taskSender interface {
	links() *link.Group
	push(ctx context.Context, m *Method, task proto.Message) error
	waitWorkers(ctx context.Context, n int) error
	wait(ctx context.Context) error
	progress() Progress
	stopWorkers(ctx context.Context) error
	startBatch(name string) *Batch
	endBatch(ctx context.Context, b *Batch) error
	waitBatch(ctx context.Context, b *Batch) error
	close(ctx context.Context) error
}

// A Ventilator hands each task to one worker. Its methods may be called from
// any goroutine.
//
// At most once it is a PUSH socket: workers get tasks in turn, those whose queue
// is full left out, and a task that has left for a worker which then dies is
// lost. At least once it is a ROUTER socket: a worker gets a task when it is
// willing to, and the ventilator keeps the task until the worker has told that
// it is done. When the worker fails, is lost or holds the task for too long,
// the task is handed out again.
type Ventilator struct {
	holdsVentilator
	sender   taskSender
	delivery Delivery
	observer *observer
	linger   time.Duration
	addrs    []string
	sent     counter
}

// NewVentilator opens a ventilator. Close must be called.
func NewVentilator(opts ...VentilatorOption) (*Ventilator, error) {
	cfg := ventilatorConfig{
		socketConfig: newPipelineConfig(zmtp.Push),
		queue:        taskqueue.Limits{Tasks: 10000, Bytes: 64 << 20, Pause: 100 * time.Millisecond, MaxPause: 30 * time.Second},
	}
	for _, o := range opts {
		o.applyVentilator(&cfg)
	}
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("ventilator: %w", err)
	}
	v := &Ventilator{observer: newObserver(cfg.observer), delivery: cfg.delivery, linger: cfg.linger}
	v.holdsVentilator = bridge.Hold[bridge.Ventilator[Method]]((*pushing)(v))
	var err error
	if v.sender, err = newTaskSender(&cfg, v.observer); err != nil {
		v.observer.close()
		return nil, fmt.Errorf("ventilator: %w", err)
	}
	if v.addrs, err = cfg.endpoints.open(v.sender.links()); err != nil {
		v.Close()
		return nil, fmt.Errorf("ventilator: %w", err)
	}
	return v, nil
}

func newTaskSender(cfg *ventilatorConfig, o *observer) (taskSender, error) {
	if cfg.delivery == AtLeastOnce {
		return newDispatcher(cfg, o)
	}
	return newPusher(cfg, o), nil
}

// Addrs returns the endpoints that were bound, with ports filled in.
func (v *Ventilator) Addrs() []string { return v.addrs }

// Sent returns how many tasks Push has accepted.
func (v *Ventilator) Sent() uint64 { return v.sent.Load() }

// Progress returns how far the ventilator is.
func (v *Ventilator) Progress() Progress { return v.sender.progress() }

// WaitForWorkers waits until at least n workers are connected, so that the
// first one to come does not get everything.
func (v *Ventilator) WaitForWorkers(ctx context.Context, n int) error {
	if err := v.sender.waitWorkers(ctx, n); err != nil {
		return pushError(err, "wait for workers")
	}
	return nil
}

// Wait waits until no task is left: at least once, until each has been done or
// given up and its dead letter was dealt with; at most once, until each has been
// handed to the kernel.
func (v *Ventilator) Wait(ctx context.Context) error {
	if err := v.sender.wait(ctx); err != nil {
		return pushError(err, "wait for tasks")
	}
	return nil
}

// StartBatch starts a batch with a name of the caller's choice, which the sink
// is told; it is cut after 256 bytes. Tasks that are pushed with the batch's Context
// belong to it.
func (v *Ventilator) StartBatch(name string) *Batch {
	return v.sender.startBatch(validUTF8(name[:min(len(name), maxBatchName/4)]))
}

// StopWorkers tells every worker that is connected now to end: each finishes
// the tasks that it is doing, and RunWorker returns nil. Tasks that are left
// wait for other workers at least once; at most once, call it when there are
// none left. Through a Proxy it reaches one worker only.
func (v *Ventilator) StopWorkers(ctx context.Context) error {
	if err := v.sender.stopWorkers(ctx); err != nil {
		return pushError(err, "stop workers")
	}
	return nil
}

// Close closes the ventilator. At most once it waits until the tasks that Push
// accepted have reached the kernel, at least once until they are done or, if
// they are stored, until no worker has one of them; when the linger time is over
// before that, it returns an error.
func (v *Ventilator) Close() error {
	err := lingering(v.linger, v.sender.close)
	v.observer.close()
	return err
}

// holdsVentilator is what gozmqimpl finds in a Ventilator.
type holdsVentilator = bridge.Held[bridge.Ventilator[Method]]

// pushing is a Ventilator as gozmqimpl sees it (bridge.Ventilator).
type pushing Ventilator

func (v *pushing) Check(m *Method) error { return m.checkDelivery(v.delivery) }

// Push hands over a task.
//
// With AtMostOnce it returns nil once the task is in the queue of a worker;
// while every queue is full, or there is no worker, it waits until ctx ends.
// With AtLeastOnce it returns nil once the task is in the ventilator's own queue
// and, if there is one, in its store; while these are full it waits.
func (v *pushing) Push(ctx context.Context, m *Method, task proto.Message) error {
	if err := v.sender.push(ctx, m, task); err != nil {
		return err
	}
	v.sent.Add(1)
	return nil
}

func pushError(err error, what string) error {
	switch {
	case errors.As(err, new(*Error)):
		return err
	case errors.Is(err, link.ErrClosed):
		return Errorf(CodeCanceled, "%s: closed", what)
	}
	return Errorf(CodeOf(err), "%s: %w", what, err)
}
