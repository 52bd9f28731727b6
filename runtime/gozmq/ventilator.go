package gozmq

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

type ventilatorConfig struct{ socketConfig }

// A Ventilator hands tasks to workers, each to one of them, in turn among
// those whose queue is not full. Delivery is at most once: a task that has
// left for a worker which then dies is lost. Its methods may be called from
// any goroutine. On the wire it is a PUSH socket.
type Ventilator struct {
	push     *socket.Push
	observer *observer
	limit    int
	linger   time.Duration
	addrs    []string
	sent     atomic.Uint64
}

// NewVentilator opens a ventilator. Close must be called.
func NewVentilator(opts ...VentilatorOption) (*Ventilator, error) {
	cfg := ventilatorConfig{newSocketConfig(zmtp.Push)}
	for _, o := range opts {
		o.applyVentilator(&cfg)
	}
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("ventilator: %w", err)
	}
	v := &Ventilator{observer: newObserver(cfg.observer), limit: cfg.MaxMessageSize, linger: cfg.linger}
	cfg.Observe = v.observer.link(cfg.SocketType)
	v.push = socket.NewPush(cfg.Config)
	var err error
	if v.addrs, err = cfg.endpoints.open(v.push.Links()); err != nil {
		v.Close()
		return nil, fmt.Errorf("ventilator: %w", err)
	}
	return v, nil
}

// Addrs returns the endpoints that were bound, with ports filled in.
func (v *Ventilator) Addrs() []string { return v.addrs }

// Sent returns how many tasks Push has accepted.
func (v *Ventilator) Sent() uint64 { return v.sent.Load() }

// WaitForWorkers waits until at least n workers are connected, so that the
// first one to come does not get everything.
func (v *Ventilator) WaitForWorkers(ctx context.Context, n int) error {
	if err := v.push.WaitPeers(ctx, n); err != nil {
		return pushError(err, "wait for workers")
	}
	return nil
}

// Push returns nil once the task is in the queue of a worker. While every
// queue is full, or no worker is there, it waits until ctx ends. Generated
// code calls it.
func (v *Ventilator) Push(ctx context.Context, m *Method, task proto.Message) error {
	if err := pushTask(ctx, v.push, m, task, v.limit); err != nil {
		return err
	}
	v.sent.Add(1)
	return nil
}

// Close closes the ventilator, after the tasks that Push accepted have reached
// the kernel or the linger time is over; in that case it returns an error.
func (v *Ventilator) Close() error {
	err := lingering(v.linger, v.push.Shutdown)
	v.observer.close()
	return err
}

// A taskMessage is a task or a result, as a socket.Message.
type taskMessage struct {
	method *Method
	body   proto.Message
	limit  int
}

var taskMessages = sync.Pool{New: func() any { return new(taskMessage) }}

// AppendMessage appends the method, unless the framing is bare, and the body.
func (t *taskMessage) AppendMessage(b []byte) ([]byte, error) {
	if !t.method.Bare {
		b = zmtp.AppendFrameString(b, zmtp.FlagMore, t.method.Procedure)
	}
	return appendBody(b, 0, t.body, t.limit)
}

func pushTask(ctx context.Context, push *socket.Push, m *Method, body proto.Message, limit int) error {
	t := taskMessages.Get().(*taskMessage)
	t.method, t.body, t.limit = m, body, limit
	err := push.Send(ctx, t)
	*t = taskMessage{}
	taskMessages.Put(t)
	if err != nil {
		return pushError(err, m.Procedure)
	}
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
