package gozmq

import (
	"context"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/pipeline"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A queuedSender is the taskSender of a ventilator with DeliveryAtLeastOnce: it
// encodes tasks for a dispatcher.
type queuedSender struct {
	dispatcher *pipeline.Dispatcher
	bodies     bodies
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
	s.dispatcher, err = pipeline.NewDispatcher(engine)
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

func (s *queuedSender) links() *link.Group { return s.dispatcher.Links() }

// push queues a task.
func (s *queuedSender) push(ctx context.Context, m *Method, body proto.Message) error {
	if err := m.checkDelivery(DeliveryAtLeastOnce); err != nil {
		return err
	}
	encoded, err := s.bodies.encode(body)
	if err != nil {
		return err
	}
	b, err := batchOf(ctx, s)
	if err != nil {
		return err
	}
	var batch *pipeline.Batch
	if b != nil {
		batch = b.tasks.(queuedBatch).Batch
	}
	metadata, err := taskMetadata(ctx, m)
	if err != nil {
		return err
	}
	task := pipeline.Task{Procedure: m.Procedure, Body: encoded, Metadata: metadata, MaxAttempts: m.attempts(), Lease: m.lease()}
	if err := s.dispatcher.Push(ctx, batch, task); err != nil {
		return pipelineError(err, m.Procedure)
	}
	return nil
}

func (s *queuedSender) waitWorkers(ctx context.Context, n int) error {
	return s.dispatcher.WaitWorkers(ctx, n)
}

func (s *queuedSender) wait(ctx context.Context) error { return s.dispatcher.Wait(ctx) }

func (s *queuedSender) progress() Progress { return Progress(s.dispatcher.Progress()) }

func (s *queuedSender) stopWorkers(context.Context) error { return s.dispatcher.StopWorkers() }

func (s *queuedSender) startBatch(name string) batchTasks {
	return queuedBatch{s.dispatcher.StartBatch(name)}
}

func (s *queuedSender) close(ctx context.Context) error { return s.dispatcher.Close(ctx) }

// A queuedBatch is a batch of a dispatcher, as batchTasks.
type queuedBatch struct{ *pipeline.Batch }

func (b queuedBatch) end(ctx context.Context) error { return b.Batch.End(ctx) }

func (b queuedBatch) wait(ctx context.Context) error { return b.Batch.Wait(ctx) }
