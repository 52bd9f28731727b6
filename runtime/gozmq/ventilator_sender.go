package gozmq

import (
	"context"
	"sync"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/pipeline"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A taskSender hands tasks out, with one of the guarantees.
type taskSender interface {
	push(ctx context.Context, m *Method, task proto.Message) (id string, err error)
	startBatch(name string) batchTasks

	Links() *link.Group
	WaitWorkers(ctx context.Context, n int) error
	Wait(ctx context.Context) error
	Progress() pipeline.Progress
	StopWorkers(ctx context.Context) error
	Close(ctx context.Context) error
}

func newTaskSender(cfg *ventilatorConfig, o *observer) (taskSender, error) {
	if cfg.delivery == DeliveryAtLeastOnce {
		return newQueuedSender(cfg, o)
	}
	cfg.Observe = o.link(cfg.SocketType)
	return &plainSender{pipeline.NewPlainDispatcher(cfg.Config), cfg.bodies(o)}, nil
}

// A plainSender is the taskSender of a ventilator with DeliveryAtMostOnce.
type plainSender struct {
	*pipeline.PlainDispatcher
	bodies bodies
}

// A pushedTask is a task on its way out, as a message and its own body.
type pushedTask struct {
	pipeline.PlainMessage
	task   proto.Message
	bodies *bodies
}

var pushedTasks = sync.Pool{New: func() any { return new(pushedTask) }}

// AppendBody appends the task, encoded straight into place (wire.Body).
func (t *pushedTask) AppendBody(b []byte, flags byte) ([]byte, error) {
	return t.bodies.append(b, flags, t.task)
}

// push sends a task, which has no id, to a worker.
func (s *plainSender) push(ctx context.Context, m *Method, task proto.Message) (id string, err error) {
	if err := m.checkDelivery(DeliveryAtMostOnce); err != nil {
		return "", err
	}
	batch, err := batchOf[*pipeline.PlainBatch](ctx, s)
	if err != nil {
		return "", err
	}
	metadata, err := taskMetadata(ctx, m)
	if err != nil {
		return "", err
	}
	if batch != nil && m.Bare {
		return "", Errorf(CodeFailedPrecondition, "%s: a message with bare framing cannot belong to a batch", m.Procedure)
	}
	if ctx.Value(pushOptionsKey{}) != nil {
		return "", Errorf(CodeFailedPrecondition, "%s: PushOptions need DeliveryAtLeastOnce", m.Procedure)
	}
	t := pushedTasks.Get().(*pushedTask)
	*t = pushedTask{pipeline.PlainMessage{Procedure: m.Procedure, Bare: m.Bare, Body: t}, task, &s.bodies}
	err = s.Push(ctx, batch, &t.PlainMessage, metadata)
	*t = pushedTask{}
	pushedTasks.Put(t)
	if err != nil {
		return "", pipelineError(err, m.Procedure)
	}
	return "", nil
}

func (s *plainSender) startBatch(name string) batchTasks { return s.StartBatch(name) }

// A queuedSender is the taskSender of a ventilator with DeliveryAtLeastOnce: it
// encodes tasks for a dispatcher.
type queuedSender struct {
	*pipeline.Dispatcher
	bodies bodies
}

func newQueuedSender(cfg *ventilatorConfig, o *observer) (*queuedSender, error) {
	s := &queuedSender{bodies: cfg.bodies(o)}
	engine := cfg.queue
	engine.Link = cfg.Config
	engine.Link.Observe = o.link(zmtp.Router)
	engine.BatchLease = defaultLease
	if cfg.store != nil {
		engine.Store = guardedStore{cfg.store, o}
	}
	letters := cfg.letters
	engine.DeadLetter = func(ctx context.Context, d pipeline.DeadTask) error {
		return letters.offer(ctx, newDeadLetter(&d, &s.bodies), o)
	}
	engine.WantsLetter = letters.wants
	reportDispatcher(&engine, o)
	var err error
	s.Dispatcher, err = pipeline.NewDispatcher(engine)
	return s, err
}

// reportDispatcher has a dispatcher report its events to o.
func reportDispatcher(cfg *pipeline.DispatcherConfig, o *observer) {
	const socket = string(zmtp.Router)
	cfg.LeaseExpired = func(c *link.Conn, procedure string) {
		o.observe(Event{
			Kind: EventLeaseExpired, SocketType: socket, Endpoint: c.Endpoint(), Peer: c.Address(), Procedure: procedure, Err: pipeline.ErrExpired,
		})
	}
	cfg.TaskDead = func(d pipeline.DeadTask) {
		o.observe(Event{Kind: EventTaskDead, SocketType: socket, Procedure: d.Procedure, Count: d.Attempts, Err: taskFailure(d.Reason)})
	}
	cfg.StoreFailed = func(err error) { o.observe(Event{Kind: EventStoreFailed, SocketType: socket, Err: err}) }
	cfg.LetterDiscarded = func(procedure string, err error) {
		o.observe(Event{Kind: EventLetterFailed, SocketType: socket, Procedure: procedure, Err: err})
	}
	cfg.Owner = func() { o.observe(Event{Kind: EventOwner, SocketType: socket}) }
	cfg.Standby = func(err error) { o.observe(Event{Kind: EventStandby, SocketType: socket, Err: err}) }
}

// push queues a task.
func (s *queuedSender) push(ctx context.Context, m *Method, body proto.Message) (id string, err error) {
	task, err := queuedTask(ctx, m, body, &s.bodies, s.NewTask())
	if err != nil {
		return "", err
	}
	batch, err := batchOf[*pipeline.Batch](ctx, s)
	if err != nil {
		return "", err
	}
	pushed, err := s.Push(ctx, batch, task)
	if err != nil {
		return "", pipelineError(err, m.Procedure)
	}
	if to := storedInfo[TaskInfo](ctx); to != nil {
		*to = TaskInfo{Method: m, ID: string(pushed), Batch: batchName(ctx), Metadata: Metadata(task.Metadata)}
	}
	return string(pushed), nil
}

// queuedTask returns a task of m for a dispatcher, with what ctx says of it, in the
// memory of t.
func queuedTask(ctx context.Context, m *Method, task proto.Message, b *bodies, t pipeline.Task) (_ pipeline.Task, err error) {
	if err := m.checkDelivery(DeliveryAtLeastOnce); err != nil {
		return t, err
	}
	t.Procedure, t.MaxAttempts, t.Lease = m.Procedure, m.attempts(), m.lease()
	if t.Body, err = b.encodeIn(t.Body, task); err != nil {
		return t, err
	}
	if t.Metadata, err = taskMetadata(ctx, m); err != nil {
		return t, err
	}
	t.Terms, err = pushTerms(ctx, m)
	return t, err
}

// StopWorkers is the dispatcher's, which does not wait (taskSender).
func (s *queuedSender) StopWorkers(context.Context) error { return s.Dispatcher.StopWorkers() }

func (s *queuedSender) startBatch(name string) batchTasks { return s.StartBatch(name) }
