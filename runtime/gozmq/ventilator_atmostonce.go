package gozmq

import (
	"context"
	"sync"
	"sync/atomic"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/pipeline"
	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

type counter = atomic.Uint64

// A plainSender is the taskSender of a ventilator with DeliveryAtMostOnce: a
// PUSH socket.
type plainSender struct {
	sock   *socket.Push
	bodies bodies
	done   counter
}

func newPlainSender(cfg *ventilatorConfig, o *observer) *plainSender {
	cfg.Observe = o.link(cfg.SocketType)
	return &plainSender{sock: socket.NewPush(cfg.Config), bodies: cfg.bodies(o)}
}

func (p *plainSender) links() *link.Group { return p.sock.Links() }

func (p *plainSender) push(ctx context.Context, m *Method, task proto.Message) error {
	if err := m.checkDelivery(DeliveryAtMostOnce); err != nil {
		return err
	}
	b, err := batchOf(ctx, p)
	if err != nil {
		return err
	}
	metadata, err := taskMetadata(ctx, m)
	if err != nil {
		return err
	}
	if b != nil {
		err = b.tasks.(plainBatch).push(ctx, m, task, metadata)
	} else {
		err = p.send(ctx, m, task, plainHeader(nil, metadata))
	}
	if err == nil {
		p.done.Add(1)
	}
	return err
}

// plainHeader returns a header that says what another one does, nil for nothing,
// and has that metadata, nil for none.
func plainHeader(header []byte, m wire.Metadata) []byte {
	if m == nil {
		return header
	}
	return wire.AppendTaskHeader(header[:len(header):len(header)], wire.TaskHeader{Metadata: m})
}

func (p *plainSender) waitWorkers(ctx context.Context, n int) error {
	return p.sock.WaitPeers(ctx, n)
}

func (p *plainSender) wait(ctx context.Context) error { return p.sock.Flush(ctx) }

func (p *plainSender) progress() Progress {
	queued := p.sock.Queued()
	return Progress{Queued: queued, Done: p.done.Load() - min(p.done.Load(), uint64(queued))}
}

func (p *plainSender) close(ctx context.Context) error { return p.sock.Shutdown(ctx) }

// stopWorkers sends each worker a message that tells it to end.
func (p *plainSender) stopWorkers(context.Context) error {
	return p.sock.Stop(wire.PlainTask{Header: wire.AppendTaskHeader(nil, wire.TaskHeader{Stop: true})})
}

func (p *plainSender) startBatch(name string) batchTasks {
	return plainBatch{p, pipeline.NewPlainBatch(p.sock, name)}
}

// A plainBatch is the tasks of a batch with DeliveryAtMostOnce.
type plainBatch struct {
	sender *plainSender
	engine *pipeline.PlainBatch
}

func (b plainBatch) push(ctx context.Context, m *Method, task proto.Message, metadata wire.Metadata) error {
	if m.Bare {
		return Errorf(CodeFailedPrecondition, "%s: a message with bare framing cannot belong to a batch", m.Procedure)
	}
	if !b.engine.BeginPush() {
		return pipelineError(pipeline.ErrBatchEnded, m.Procedure)
	}
	err := b.sender.send(ctx, m, task, plainHeader(b.engine.Header, metadata))
	b.engine.EndPush(err == nil)
	return err
}

func (b plainBatch) end(ctx context.Context) error { return b.engine.End(ctx) }

func (b plainBatch) wait(context.Context) error {
	return Errorf(CodeFailedPrecondition, "with DeliveryAtMostOnce a ventilator does not learn the outcome of its tasks: watch the sink, or use DeliveryAtLeastOnce")
}

// A pushedTask is a task on its way out, as a socket.Message and its own body.
type pushedTask struct {
	pipeline.PlainMessage
	task   proto.Message
	bodies *bodies
}

var pushedTasks = sync.Pool{New: func() any { return new(pushedTask) }}

// AppendBody appends the task (wire.Body).
func (t *pushedTask) AppendBody(b []byte, flags byte) ([]byte, error) {
	return t.bodies.append(b, flags, t.task)
}

// send sends a task to a worker.
func (p *plainSender) send(ctx context.Context, m *Method, task proto.Message, header []byte) error {
	t := pushedTasks.Get().(*pushedTask)
	*t = pushedTask{pipeline.PlainMessage{Procedure: m.Procedure, Bare: m.Bare, Header: header, Body: t}, task, &p.bodies}
	err := p.sock.Send(ctx, t)
	*t = pushedTask{}
	pushedTasks.Put(t)
	if err != nil {
		return pipelineError(err, m.Procedure)
	}
	return nil
}
