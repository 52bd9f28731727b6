package gozmq

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/internal/handshake"
	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/pipeline"
	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// queuedWork is the workMode with DeliveryAtLeastOnce: tasks come from a
// consumer, results go to a result sender.
type queuedWork struct {
	run      *taskRunner
	consumer *pipeline.Consumer
	results  *pipeline.ResultSender // nil without results
}

func newQueuedWork(run *taskRunner, cfg *workerConfig, stop func()) *queuedWork {
	engine := cfg.Config
	engine.Observe = run.observer.link(zmtp.Dealer)
	w := &queuedWork{run: run}
	consumer := pipeline.ConsumerConfig{
		Link: engine, Concurrency: cfg.concurrency, Ahead: cfg.ahead(cfg.concurrency), Grow: cfg.prefetch < 0,
		Stop: stop, AnyStop: cfg.remoteStop, TooLarge: tooLargeTask,
	}
	if run.results {
		engine.Role = handshake.RoleResults
		w.results = pipeline.NewResultSender(engine)
		consumer.Alive = w.results.PassOn
	}
	w.consumer = pipeline.NewConsumer(consumer)
	return w
}

func (w *queuedWork) links() (tasks, results *link.Group) {
	if w.results == nil {
		return w.consumer.Links(), nil
	}
	return w.consumer.Links(), w.results.Links()
}

func (w *queuedWork) start() { w.consumer.Start() }

func (w *queuedWork) drain(context.Context) { w.consumer.Drain() }

func (w *queuedWork) shutdown(linger time.Duration) error {
	if w.results != nil {
		w.results.Abandon(errWorkerStopped)
	}
	err := lingering(linger, w.consumer.Shutdown)
	if w.results != nil {
		err = errors.Join(err, lingering(linger, w.results.Shutdown))
	}
	return err
}

func (w *queuedWork) progress() Progress {
	p := Progress(w.consumer.Progress())
	p.Done, p.Failed = w.run.done.Load(), w.run.failed.Load()
	if w.results != nil {
		p.Results = w.results.Unacked()
	}
	return p
}

// work runs tasks one after the other until there are no more. Then it waits for
// the acknowledgements of results.
func (w *queuedWork) work(ctx context.Context) {
	var peers peerCache
	for {
		d, err := w.consumer.Next(ctx, w.run.timeout)
		if err != nil {
			break
		}
		w.handle(ctx, d, peers.of(d.From()))
	}
	if w.results != nil {
		w.results.Wait(ctx)
	}
}

// handle runs one task and reports to its ventilator how it ended, unless that
// waits for the acknowledgement of its result.
func (w *queuedWork) handle(ctx context.Context, d *pipeline.Delivery, from *Peer) {
	verb, reason := wire.VerbFail, errGoexit
	defer func() { // a handler may end its goroutine with runtime.Goexit
		var status []byte
		if verb == wire.VerbFail || verb == wire.VerbReject {
			status = encodeStatus(reason, maxStatus)
		}
		if verb != waitsForAck {
			d.Finish(verb, status)
		}
	}()
	if d.Task().Control() {
		verb = w.forward(ctx, d)
	} else {
		verb, reason = w.runTask(ctx, d, from)
	}
}

// tooLargeTask returns the encoded status of a task that was passed over.
func tooLargeTask(procedure []byte, size *zmtp.SizeError) []byte {
	return encodeStatus(Errorf(CodeResourceExhausted, "%stask of at least %d bytes exceeds the worker's limit of %d (send less, or raise it with WithMaxMessageSize)", prefixOf(procedure), size.Size, size.Limit), maxStatus)
}

// tooLargeResult returns the encoded status of a result that was passed over.
func tooLargeResult(procedure []byte, size *zmtp.SizeError) []byte {
	return encodeStatus(Errorf(CodeResourceExhausted, "%sresult of at least %d bytes exceeds the sink's limit of %d (send less, or raise it with WithMaxMessageSize of NewSink)", prefixOf(procedure), size.Size, size.Limit), maxStatus)
}

// prefixOf returns a method as the beginning of a text, "" for none.
func prefixOf(procedure []byte) string {
	if len(procedure) == 0 {
		return ""
	}
	return string(wire.Excerpt(procedure)) + ": "
}

// waitsForAck stands for the verb of a task whose end its result's
// acknowledgement decides.
const waitsForAck wire.Verb = ""

// runTask runs one task and brings its result to a sink. It returns the verb
// with which the task ends, or waitsForAck, and the reason of VerbFail and
// VerbReject.
func (w *queuedWork) runTask(parent context.Context, d *pipeline.Delivery, from *Peer) (wire.Verb, error) {
	h := w.run.handler(d.Task().Procedure)
	if h == nil {
		err := unknownTask(d.Task().Procedure)
		d.Malformed(err)
		return wire.VerbFail, err // another worker may know it
	}
	task, err := w.run.decode(h, d.Task().Body)
	if err != nil {
		d.Malformed(err)
		return wire.VerbReject, err
	}
	info := TaskInfo{
		Method: h.method, ID: string(d.Task().ID), Attempt: d.Attempt, Batch: d.Batch, Metadata: Metadata(d.Metadata), Peer: from,
	}
	ctx := newWorkerContext(parent, info)
	result, err := w.run.call(ctx, h, task)
	d.KeepLease()
	if err != nil {
		return w.failTask(ctx, h, task, err)
	}
	if h.result {
		body, err := w.run.bodies.encode(result)
		header, tooMuch := ctx.resultHeader(d.Task().Header)
		if err = errors.Join(err, tooMuch); err != nil {
			return w.failTask(ctx, h, task, Permanent(err))
		}
		return w.send(ctx, h, d, task, body, header), nil
	}
	w.run.succeed(h)
	return wire.VerbDone, nil
}

// failTask reports a task whose handler failed. If the worker is ending, that
// is no fault of the task, which returns to its ventilator.
func (w *queuedWork) failTask(ctx context.Context, h *taskHandler, task proto.Message, err error) (wire.Verb, error) {
	w.run.fail(ctx, h, task, err)
	switch {
	case isPermanent(err):
		return wire.VerbReject, err
	case ctx.Err() != nil:
		return wire.VerbReturn, nil
	default:
		return wire.VerbFail, err
	}
}

// send brings a task's result to a sink, and has the task end when that has
// acknowledged it.
func (w *queuedWork) send(ctx context.Context, h *taskHandler, d *pipeline.Delivery, task proto.Message, body, header []byte) wire.Verb {
	result, kept := *d.Task(), len(d.Task().Body)
	result.Body, result.Header = body, header
	unsent := func(err error) {
		w.run.fail(ctx, h, task, fmt.Errorf("no sink has acknowledged the result: %w", err))
	}
	err := w.results.Send(ctx, result, kept, func(err error) {
		switch {
		case err == nil:
			w.run.succeed(h)
			d.Finish(wire.VerbDone, nil)
		case refusedResult(err):
			failed := taskFailure(err)
			failed = Errorf(failed.Code, "%s: result: %w", h.method.Procedure, failed)
			w.run.fail(ctx, h, task, failed)
			d.Finish(wire.VerbReject, encodeStatus(failed, maxStatus))
		default:
			unsent(err)
			d.Finish(wire.VerbReturn, nil)
		}
	})
	if err != nil {
		unsent(err)
		return wire.VerbReturn
	}
	d.Handled()
	return waitsForAck
}

// refusedResult reports whether no sink will take a result.
func refusedResult(err error) bool {
	return errors.As(err, new(*pipeline.FailedError)) || errors.As(err, new(*link.LimitError))
}

// forward brings a message about a batch to a sink.
func (w *queuedWork) forward(ctx context.Context, d *pipeline.Delivery) wire.Verb {
	if w.results == nil {
		return wire.VerbDone
	}
	err := w.results.Send(ctx, *d.Task(), 0, func(err error) {
		switch {
		case err == nil:
			d.Finish(wire.VerbDone, nil)
		case refusedResult(err):
			d.Malformed(err) // no sink will take it
			d.Finish(wire.VerbDone, nil)
		default:
			d.Finish(wire.VerbReturn, nil)
		}
	})
	if err != nil {
		return wire.VerbReturn
	}
	d.Handled()
	return waitsForAck
}
