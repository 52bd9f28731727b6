package gozmq

import (
	"context"
	"crypto/rand"
	"sync"
	"sync/atomic"

	"google.golang.org/protobuf/proto"

	gozmqv1 "github.com/gozmq/gozmq/proto/gozmq/v1"
	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

type counter = atomic.Uint64

// A pusher is the taskSender of a ventilator that delivers at most once: a PUSH
// socket.
type pusher struct {
	sock   *socket.Push
	bodies bodies
	done   counter
}

func newPusher(cfg *ventilatorConfig, o *observer) *pusher {
	cfg.Observe = o.link(cfg.SocketType)
	return &pusher{sock: socket.NewPush(cfg.Config), bodies: cfg.bodies()}
}

func (p *pusher) links() *link.Group { return p.sock.Links() }

func (p *pusher) push(ctx context.Context, m *Method, task proto.Message) error {
	if err := m.checkDelivery(AtMostOnce); err != nil {
		return err
	}
	b, err := batchOf(ctx, p)
	if err != nil {
		return err
	}
	if b != nil {
		err = p.pushInBatch(ctx, b, m, task)
	} else {
		err = pushTask(ctx, p.sock, m, task, nil, &p.bodies)
	}
	if err == nil {
		p.done.Add(1)
	}
	return err
}

func (p *pusher) waitWorkers(ctx context.Context, n int) error { return p.sock.WaitPeers(ctx, n) }

func (p *pusher) wait(ctx context.Context) error { return p.sock.Flush(ctx) }

func (p *pusher) progress() Progress {
	queued := p.sock.Queued()
	return Progress{Queued: queued, Done: p.done.Load() - min(p.done.Load(), uint64(queued))}
}

func (p *pusher) close(ctx context.Context) error { return p.sock.Shutdown(ctx) }

// stopWorkers sends each worker a message that tells it to end.
func (p *pusher) stopWorkers(context.Context) error {
	return p.sock.SendAll(&socket.Frames{Parts: [][]byte{{}, {}, encodeHeader(&gozmqv1.TaskHeader{Stop: true})}})
}

func (p *pusher) startBatch(name string) *Batch {
	id := make([]byte, 16)
	_, _ = rand.Read(id) // never fails
	return newBatch(p, id, name)
}

func (p *pusher) pushInBatch(ctx context.Context, b *Batch, m *Method, task proto.Message) error {
	if m.Bare {
		return Errorf(CodeFailedPrecondition, "%s: bare messages have no room for a batch", m.Procedure)
	}
	if !b.enter() {
		return errBatchEnded
	}
	err := pushTask(ctx, p.sock, m, task, b.header, &p.bodies)
	b.leave(err == nil)
	return err
}

// enter counts a task that is being pushed; it returns false once the batch has
// ended.
func (b *Batch) enter() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ended {
		return false
	}
	b.pushing++
	return true
}

// leave notes what became of a task that was being pushed.
func (b *Batch) leave(pushed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if pushed {
		b.tasks++
	}
	if b.pushing--; b.pushing == 0 && b.quiet != nil {
		close(b.quiet)
		b.quiet = nil
	}
}

// endBatch tells the sink how many tasks the batch has, by way of a worker.
func (p *pusher) endBatch(ctx context.Context, b *Batch) error {
	select {
	case b.ending <- struct{}{}:
		defer func() { <-b.ending }()
	case <-ctx.Done():
		return pushError(ctx.Err(), "batch "+b.name)
	}
	if b.sent {
		return nil
	}
	err := b.settle(ctx)
	if err == nil {
		status := &gozmqv1.Batch{Id: b.id, Name: b.name, Ended: true, Tasks: b.tasks}
		header := encodeHeader(&gozmqv1.TaskHeader{Batch: status})
		err = p.sock.Send(ctx, &socket.Frames{Parts: [][]byte{{}, {}, header}})
	}
	if err != nil {
		b.mu.Lock()
		b.ended = false
		b.mu.Unlock()
		return pushError(err, "batch "+b.name)
	}
	b.sent = true
	return nil
}

// settle lets no more tasks into the batch and waits for those that are being
// pushed.
func (b *Batch) settle(ctx context.Context) error {
	b.mu.Lock()
	b.ended = true
	if b.pushing == 0 {
		b.mu.Unlock()
		return nil
	}
	if b.quiet == nil {
		b.quiet = make(chan struct{})
	}
	quiet := b.quiet
	b.mu.Unlock()
	select {
	case <-quiet:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *pusher) waitBatch(context.Context, *Batch) error {
	return Errorf(CodeFailedPrecondition, "at most once a ventilator does not know what becomes of its tasks: watch the sink, or use delivery at least once")
}

// A taskMessage is a task or a result, as a socket.Message.
type taskMessage struct {
	method *Method
	body   proto.Message
	header []byte // nil: none
	bodies *bodies
}

var taskMessages = sync.Pool{New: func() any { return new(taskMessage) }}

// AppendMessage appends the method, unless the framing is bare, the body and the
// header, if there is one.
func (t *taskMessage) AppendMessage(b []byte) ([]byte, error) {
	if !t.method.Bare {
		b = zmtp.AppendFrameString(b, zmtp.FlagMore, t.method.Procedure)
	}
	if t.header == nil {
		return t.bodies.append(b, 0, t.body)
	}
	b, err := t.bodies.append(b, zmtp.FlagMore, t.body)
	return zmtp.AppendFrame(b, 0, t.header), err
}

func pushTask(ctx context.Context, push *socket.Push, m *Method, body proto.Message, header []byte, c *bodies) error {
	t := taskMessages.Get().(*taskMessage)
	t.method, t.body, t.header, t.bodies = m, body, header, c
	err := push.Send(ctx, t)
	*t = taskMessage{}
	taskMessages.Put(t)
	if err != nil {
		return pushError(err, m.Procedure)
	}
	return nil
}
