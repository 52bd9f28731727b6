package worker

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/handshake"
	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/pipeline"
	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/subscription"
	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// plain is the mode with at-most-once delivery: tasks come from a PULL socket,
// results go to a PUSH socket.
type plain struct {
	run  *runner
	stop func()
	pull *socket.Pull
	push *socket.Push // nil without results

	sending atomic.Int64 // results that are being put into the queue of a sink's connection
}

// plainAhead is how many tasks are read at once by default: few enough to leave
// some for other workers, and more where a handler takes some microseconds.
var plainAhead = socket.Window{Least: 64, Most: 1024}

func newPlain(run *runner, stop func()) *plain {
	p := &plain{run: run, stop: stop}
	pull := run.cfg.Socket
	pull.SocketType, pull.Observe = zmtp.Pull, run.cfg.Observe(zmtp.Pull)
	window := plainAhead
	if run.cfg.Prefetch >= 0 {
		window = socket.FixedWindow(run.cfg.Prefetch)
	}
	p.pull = socket.NewPull(pull, window)
	p.pull.OnDrop(p.drop)
	if run.results {
		push := run.cfg.Socket
		push.SocketType, push.Role, push.Observe = zmtp.Push, handshake.RoleResults, run.cfg.Observe(zmtp.Push)
		p.push = socket.NewPush(push)
	}
	return p
}

func (p *plain) links() (tasks, results *link.Group) {
	if p.push == nil {
		return p.pull.Links(), nil
	}
	return p.pull.Links(), p.push.Links()
}

// start does nothing: a PULL socket cannot keep tasks from being sent to it.
func (p *plain) start() {}

func (p *plain) drain(ctx context.Context) { _ = p.pull.Drain(ctx) }

func (p *plain) shutdown(linger time.Duration) error {
	err := p.run.cfg.Linger(linger, p.pull.Shutdown)
	if p.push != nil {
		err = errors.Join(err, p.run.cfg.Linger(linger, p.push.Shutdown))
	}
	return err
}

func (p *plain) fills() (tasks, results []subscription.Fill, oldest time.Time) { return }

func (p *plain) progress() pipeline.Progress {
	n := pipeline.Progress{InFlight: int(p.run.running.Load()), Done: p.run.done.Load(), Failed: p.run.failed.Load()}
	if p.push != nil {
		n.Results = p.push.Queued() + int(p.sending.Load())
	}
	return n
}

// drop reports a task that was received but will not be run. It passes a notice
// about a batch on to a sink, if one has room.
func (p *plain) drop(r socket.Received) {
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	works := newWorks(ended, p.run.cfg.Describe)
	j, err := p.read(ended, &works, r)
	if j.method == nil || err != nil {
		return
	}
	j.method.notRun.Add(1)
	p.run.fail(j.work, p.run.cfg.NotRun)
}

// work runs tasks one after the other until there are no more.
func (p *plain) work(ctx context.Context) {
	works := newWorks(ctx, p.run.cfg.Describe)
	var message pipeline.PlainMessage
	for {
		r, err := p.pull.Recv(ctx)
		if err != nil {
			return
		}
		j, err := p.read(ctx, &works, r)
		if err != nil {
			r.Malformed("task: %w", err)
		}
		r.Release()
		if j.method == nil {
			continue
		}
		if err := p.runTask(j, &message); err != nil {
			p.run.fail(j.work, err)
		} else {
			p.run.succeed(j.method)
		}
		j.work.Free()
	}
}

// A job is a task to run.
type job struct {
	method *Method // nil: there is nothing to run
	work   Work
	header []byte // for the result; nil: none
}

// read parses a message. A message about the pipeline itself is handled here.
func (p *plain) read(ctx context.Context, works *works, r socket.Received) (j job, err error) {
	t, err := wire.ParsePlainTask(r.Frames, p.run.bare != nil)
	if err != nil {
		return j, err
	}
	if t.Control() {
		return j, p.control(ctx, r.Conn(), t)
	}
	m := p.run.method(t.Procedure)
	if m == nil {
		return j, p.run.cfg.Unknown(t.Procedure)
	}
	var task Task
	if len(t.Header) > 0 {
		h := wire.ParseTaskHeader(t.Header)
		j.header, task.Batch, task.Metadata = append([]byte(nil), t.Header...), h.BatchName(), h.Metadata
	}
	j.work = works.of(r.Conn(), m, task)
	if err = j.work.Decode(t.Body); err == nil {
		j.method = m
	}
	return j, err
}

// control handles a message without a procedure: the worker is to end, or to
// send on how far a batch is.
func (p *plain) control(ctx context.Context, from *link.Conn, t wire.PlainTask) error {
	switch {
	case wire.ParseTaskHeader(t.Header).Stop:
		if !p.run.cfg.RemoteStop && !from.Dialed() {
			return pipeline.ErrMayNotStop
		}
		p.stop()
	case wire.BatchOf(t.Header) == nil:
		return errors.New("a message with neither a method nor a batch")
	case p.push != nil:
		return p.push.Send(ctx, t)
	}
	return nil
}

// runTask runs one task and sends its result, in message.
func (p *plain) runTask(j job, message *pipeline.PlainMessage) error {
	err := p.run.call(j.method, j.work)
	if err != nil || !j.method.Result {
		return err
	}
	header, err := resultHeader(j.work, j.header)
	if err != nil {
		return err
	}
	p.sending.Add(1)
	defer p.sending.Add(-1)
	*message = pipeline.PlainMessage{Procedure: j.method.Procedure, Bare: j.method.Bare, Header: header, Body: j.work}
	err = p.push.Send(j.work, message)
	*message = pipeline.PlainMessage{}
	if err != nil {
		return p.run.cfg.Unsent(j.method, err, false)
	}
	return nil
}
