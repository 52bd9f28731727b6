package gozmq

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// plainWork is how a worker works at most once: tasks come from a PULL socket,
// results go to a PUSH socket.
type plainWork struct {
	*worker
	pull *socket.Pull
	push *socket.Push // nil without results
}

func (w *plainWork) open() error {
	w.cfg.Observe = w.observer.link(zmtp.Pull)
	w.pull = socket.NewPull(w.cfg.Config, max(1, w.cfg.ahead(plainAhead)))
	w.cfg.stats.watch(w.pull.Links(), nil)
	if w.results {
		cfg := w.cfg.Config
		cfg.SocketType = zmtp.Push
		cfg.Observe = w.observer.link(zmtp.Push)
		w.push = socket.NewPush(cfg)
		w.cfg.stats.watch(w.pull.Links(), w.push.Links())
		if _, err := w.cfg.to.open(w.push.Links()); err != nil {
			return fmt.Errorf("results: %w", err)
		}
	}
	if _, err := w.cfg.from.open(w.pull.Links()); err != nil {
		return fmt.Errorf("tasks: %w", err)
	}
	return nil
}

// plainAhead is how many tasks are read at once: enough for the speed of small
// tasks, and few enough for others to have some.
const plainAhead = 64

func (w *plainWork) drain(ctx context.Context) { _ = w.pull.Drain(ctx) }

func (w *plainWork) shutdown(linger time.Duration) error {
	err := lingering(linger, w.pull.Shutdown)
	if w.push != nil {
		err = errors.Join(err, lingering(linger, w.push.Shutdown))
	}
	return err
}

func (w *plainWork) progress() Progress {
	return Progress{InFlight: int(w.running.Load()), Done: w.done.Load(), Failed: w.errors.Load()}
}

// work runs tasks one after the other until there are no more.
func (w *plainWork) work(ctx context.Context) {
	contexts := taskContexts{base: ctx}
	for {
		r, err := w.pull.Recv(ctx)
		if err != nil {
			return
		}
		j, err := w.read(ctx, r.Frames)
		if err != nil {
			r.Malformed("task: %w", err)
		}
		r.Release()
		if j.handler == nil {
			continue
		}
		ctx := contexts.of(r.Conn(), j.handler.method, j.batch)
		if err := w.run(ctx, j); err != nil {
			w.failed(ctx, j.handler, j.task, err)
		} else {
			w.done.Add(1)
		}
	}
}

// A plainJob is a task that is to be run.
type plainJob struct {
	handler *taskHandler // nil: nothing is to be run
	task    proto.Message
	header  []byte // for the result; nil: none
	batch   string // its name, or empty
}

// read takes a message apart. One that is about the pipeline itself is dealt
// with here.
func (w *plainWork) read(ctx context.Context, frames [][]byte) (j plainJob, err error) {
	method, body, err := splitTask(frames, w.bare != nil)
	if err != nil {
		return j, err
	}
	if len(frames) == 3 {
		if len(method) == 0 {
			return j, w.control(ctx, frames)
		}
		if b := batchIn(frames[2]); b != nil {
			j.header, j.batch = append([]byte(nil), frames[2]...), b.GetName()
		}
	}
	h, task, err := w.decode(method, body)
	if err == nil {
		j.handler, j.task = h, task
	}
	return j, err
}

// control deals with a message without a method: the worker is to end, or to
// pass on word of a batch.
func (w *plainWork) control(ctx context.Context, frames [][]byte) error {
	switch h := parseTaskHeader(frames[2]); {
	case h.GetStop():
		w.end()
	case batchIn(frames[2]) == nil:
		return errors.New("a message without a method, which says nothing either")
	case w.push != nil:
		return w.push.Send(ctx, &socket.Frames{Parts: frames})
	}
	return nil
}

// run runs one task and sends its result.
func (w *plainWork) run(ctx context.Context, j plainJob) error {
	result, err := w.call(ctx, j.handler, j.task)
	if err != nil || !j.handler.result {
		return err
	}
	return pushTask(ctx, w.push, j.handler.method, result, j.header, &w.bodies)
}
