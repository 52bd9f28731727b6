package gozmq

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"
)

// leasedWork is how a worker works at least once: tasks come from a taker,
// results go to a courier.
type leasedWork struct {
	*worker
	taker   *taker
	courier *courier // nil without results
}

func newLeasedWork(w *worker) *leasedWork {
	m := &leasedWork{worker: w}
	m.taker = newTaker(w.cfg.Config, w.observer, w.cfg.credit(), w.end)
	if w.results {
		m.courier = newCourier(w.cfg.Config, w.observer)
		w.cfg.stats.watch(m.taker.direct.Links(), m.courier.direct.Links())
	} else {
		w.cfg.stats.watch(m.taker.direct.Links(), nil)
	}
	return m
}

func (w *leasedWork) open() error {
	if w.courier != nil {
		if _, err := w.cfg.to.open(w.courier.direct.Links()); err != nil {
			return fmt.Errorf("results: %w", err)
		}
	}
	if _, err := w.cfg.from.open(w.taker.direct.Links()); err != nil {
		return fmt.Errorf("tasks: %w", err)
	}
	return nil
}

func (w *leasedWork) drain(context.Context) { w.taker.drain() }

func (w *leasedWork) shutdown(linger time.Duration) error {
	err := lingering(linger, w.taker.shutdown)
	if w.courier != nil {
		err = errors.Join(err, lingering(linger, w.courier.shutdown))
	}
	return err
}

func (w *leasedWork) progress() Progress {
	queued, running, again := w.taker.progress()
	return Progress{Queued: queued, InFlight: running, Done: w.done.Load(), Failed: w.errors.Load(), Redelivered: again}
}

// work runs tasks one after the other until there are no more.
func (w *leasedWork) work(ctx context.Context) {
	for {
		l, err := w.taker.take(ctx, w.cfg.timeout)
		if err != nil {
			return
		}
		w.settle(ctx, l)
	}
}

// settle runs one task, and tells its ventilator how it ended.
func (w *leasedWork) settle(ctx context.Context, l *lease) {
	word, reason := wordFail, error(errGoexit)
	defer func() { // a handler may end its goroutine with runtime.Goexit
		var status []byte
		if word == wordFail || word == wordReject {
			status = appendStatus(nil, reason, maxStatus)
		}
		w.taker.finish(l, word, status)
	}()
	if len(l.method) == 0 {
		word, reason = w.pass(ctx, l)
	} else {
		word, reason = w.run(ctx, l)
	}
}

var errGoexit = errors.New("handler ended its goroutine")

// maxStatus is how many bytes of details travel with a failure, about.
const maxStatus = 16 << 10

// run runs one task and brings its result to a sink.
func (w *leasedWork) run(ctx context.Context, l *lease) (word string, reason error) {
	h, task, err := w.decode(l.method, l.body)
	if err != nil {
		w.taker.malformed(l, err)
		if errors.Is(err, errNoSuchTask) {
			return wordFail, Errorf(CodeUnimplemented, "%w", err) // another worker may know it
		}
		return wordReject, err
	}
	ctx = &taskContext{ctx, TaskInfo{Method: h.method, ID: string(l.id), Attempt: l.attempt, Batch: l.batch}, l.from}
	result, err := w.call(ctx, h, task)
	w.taker.unlimited(l)
	var body []byte
	if err == nil && h.result {
		if body, err = w.bodies.encode(result); err != nil {
			err = GiveUp(err)
		}
	}
	if err != nil {
		return w.fail(ctx, h, task, err)
	}
	if h.result {
		if err := w.deliver(ctx, taskFrames{l.id, l.method, body, l.header}); err != nil {
			w.failed(ctx, h, task, err)
			return wordReturn, nil
		}
	}
	w.done.Add(1)
	return wordDone, nil
}

// fail reports a task whose handler failed. That the worker has to end is no
// fault of the task.
func (w *leasedWork) fail(ctx context.Context, h *taskHandler, task proto.Message, err error) (word string, reason error) {
	w.failed(ctx, h, task, err)
	switch {
	case isGivenUp(err):
		return wordReject, err
	case ctx.Err() != nil:
		return wordReturn, nil
	default:
		return wordFail, err
	}
}

func (w *leasedWork) deliver(ctx context.Context, f taskFrames) error {
	if err := w.courier.deliver(ctx, f); err != nil {
		return fmt.Errorf("no sink has acknowledged the result: %w", err)
	}
	return nil
}

// pass brings word of a batch to a sink.
func (w *leasedWork) pass(ctx context.Context, l *lease) (word string, reason error) {
	if w.courier != nil {
		if err := w.deliver(ctx, l.taskFrames); err != nil {
			return wordReturn, nil
		}
	}
	return wordDone, nil
}
