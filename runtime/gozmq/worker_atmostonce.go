package gozmq

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/internal/handshake"
	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/pipeline"
	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// plainWork is the workMode with DeliveryAtMostOnce: tasks come from a PULL
// socket, results go to a PUSH socket.
type plainWork struct {
	run  *taskRunner
	stop func()
	any  bool // ventilator may stop the worker, not only one that was dialed
	pull *socket.Pull
	push *socket.Push // nil without results

	sending atomic.Int64 // results that are being put into the queue of a sink's connection
}

// plainAhead is how many tasks are read at once by default: enough for the
// speed of small tasks, and few enough to leave some for other workers.
const plainAhead = 64

func newPlainWork(run *taskRunner, cfg *workerConfig, stop func()) *plainWork {
	w := &plainWork{run: run, stop: stop, any: cfg.remoteStop}
	pull := cfg.Config
	pull.Observe = run.observer.link(zmtp.Pull)
	w.pull = socket.NewPull(pull, max(1, cfg.ahead(plainAhead)))
	w.pull.OnDrop(w.drop)
	if run.results {
		push := cfg.Config
		push.SocketType, push.Role = zmtp.Push, handshake.RoleResults
		push.Observe = run.observer.link(zmtp.Push)
		w.push = socket.NewPush(push)
	}
	return w
}

func (w *plainWork) links() (tasks, results *link.Group) {
	if w.push == nil {
		return w.pull.Links(), nil
	}
	return w.pull.Links(), w.push.Links()
}

// start does nothing: a PULL socket cannot keep tasks from being sent to it.
func (w *plainWork) start() {}

// drop reports a task that was received and will not be run. What says how far a
// batch is goes on to a sink if one has room.
func (w *plainWork) drop(r socket.Received) {
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	j, err := w.read(ended, r)
	if j.handler == nil || err != nil {
		return
	}
	w.run.notRun.add(j.handler.method)
	info := TaskInfo{Method: j.handler.method, Batch: j.batch, Metadata: Metadata(j.metadata), Peer: peerOf(r.Conn())}
	w.run.fail(newWorkerContext(ended, info), j.handler, j.task, errNotRun)
}

var errNotRun = Errorf(CodeUnavailable, "the worker stopped before it could run the task, which it had received")

func (w *plainWork) drain(ctx context.Context) { _ = w.pull.Drain(ctx) }

func (w *plainWork) shutdown(linger time.Duration) error {
	err := lingering(linger, w.pull.Shutdown)
	if w.push != nil {
		err = errors.Join(err, lingering(linger, w.push.Shutdown))
	}
	return err
}

func (w *plainWork) progress() Progress {
	p := Progress{InFlight: int(w.run.running.Load()), Done: w.run.done.Load(), Failed: w.run.failed.Load()}
	if w.push != nil {
		p.Results = w.push.Queued() + int(w.sending.Load())
	}
	return p
}

// work runs tasks one after the other until there are no more.
func (w *plainWork) work(ctx context.Context) {
	contexts := taskContexts{base: ctx}
	for {
		r, err := w.pull.Recv(ctx)
		if err != nil {
			return
		}
		j, err := w.read(ctx, r)
		if err != nil {
			r.Malformed("task: %w", err)
		}
		r.Release()
		if j.handler == nil {
			continue
		}
		ctx := contexts.of(r.Conn(), j.handler.method, j.batch, j.metadata)
		if err := w.runTask(ctx, j); err != nil {
			w.run.fail(ctx, j.handler, j.task, err)
		} else {
			w.run.succeed(j.handler)
		}
	}
}

// A plainJob is a task that is to be run.
type plainJob struct {
	handler  *taskHandler // nil: nothing is to be run
	task     proto.Message
	header   []byte        // for the result; nil: none
	batch    string        // its name, or empty
	metadata wire.Metadata // nil: none
}

// read parses a message. A message about the pipeline itself is handled here.
func (w *plainWork) read(ctx context.Context, r socket.Received) (j plainJob, err error) {
	t, err := wire.ParsePlainTask(r.Frames, w.run.bare != nil)
	if err != nil {
		return j, err
	}
	if t.Control() {
		return j, w.control(ctx, r.Conn(), t)
	}
	if len(t.Header) > 0 {
		h := wire.ParseTaskHeader(t.Header)
		j.header, j.batch, j.metadata = append([]byte(nil), t.Header...), h.BatchName(), h.Metadata
	}
	h := w.run.handler(t.Procedure)
	if h == nil {
		return j, unknownTask(t.Procedure)
	}
	task, err := w.run.decode(h, t.Body)
	if err == nil {
		j.handler, j.task = h, task
	}
	return j, err
}

// control handles a message without a procedure: the worker is to end, or to
// send on how far a batch is.
func (w *plainWork) control(ctx context.Context, from *link.Conn, t wire.PlainTask) error {
	switch {
	case wire.ParseTaskHeader(t.Header).Stop:
		if !w.any && !from.Dialed() {
			return pipeline.ErrMayNotStop
		}
		w.stop()
	case wire.BatchOf(t.Header) == nil:
		return errors.New("a message with neither a method nor a batch")
	case w.push != nil:
		return w.push.Send(ctx, t)
	}
	return nil
}

// runTask runs one task and sends its result.
func (w *plainWork) runTask(ctx *taskContext, j plainJob) error {
	result, err := w.run.call(ctx, j.handler, j.task)
	if err != nil || !j.handler.result {
		return err
	}
	header, err := ctx.resultHeader(j.header)
	if err != nil {
		return err
	}
	if header != nil && j.handler.method.Bare {
		return bareMetadata(j.handler.method)
	}
	w.sending.Add(1)
	defer w.sending.Add(-1)
	return pushPlain(ctx, w.push, j.handler.method, result, header, &w.run.bodies)
}
