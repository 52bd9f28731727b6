package worker

import (
	"context"
	"errors"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/handshake"
	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/pipeline"
	"github.com/gozmq/gozmq/runtime/internal/subscription"
	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// queued is the mode with at-least-once delivery: tasks come from a consumer,
// results go to a result sender.
type queued struct {
	run      *runner
	consumer *pipeline.Consumer
	results  *pipeline.ResultSender // nil without results
}

func newQueued(run *runner, stop func()) *queued {
	cfg := &run.cfg
	engine := cfg.Socket
	engine.Observe = cfg.Observe(zmtp.Dealer)
	q := &queued{run: run}
	consumer := pipeline.ConsumerConfig{
		Link: engine, Concurrency: cfg.Concurrency, Ahead: cfg.ahead(cfg.Concurrency), Grow: cfg.Prefetch < 0,
		Stop: stop, AnyStop: cfg.RemoteStop, Canceled: cfg.Canceled,
	}
	if run.results {
		engine.Role = handshake.RoleResults
		q.results = pipeline.NewResultSender(engine)
		consumer.Alive = q.results.PassOn
	}
	q.consumer = pipeline.NewConsumer(consumer)
	return q
}

func (q *queued) links() (tasks, results *link.Group) {
	if q.results == nil {
		return q.consumer.Links(), nil
	}
	return q.consumer.Links(), q.results.Links()
}

func (q *queued) start() { q.consumer.Start() }

func (q *queued) drain(context.Context) { q.consumer.Drain() }

func (q *queued) shutdown(linger time.Duration) error {
	if q.results != nil {
		q.results.Abandon(errStopped)
	}
	err := q.run.cfg.Linger(linger, q.consumer.Shutdown)
	if q.results != nil {
		err = errors.Join(err, q.run.cfg.Linger(linger, q.results.Shutdown))
	}
	return err
}

func (q *queued) fills() (tasks, results []subscription.Fill, oldest time.Time) {
	held, oldest := q.consumer.Fill()
	if q.results != nil {
		results = append(results, q.results.Fill())
	}
	return append(tasks, held), results, oldest
}

func (q *queued) progress() pipeline.Progress {
	p := q.consumer.Progress()
	p.Done, p.Failed = q.run.done.Load(), q.run.failed.Load()
	if q.results != nil {
		p.Results = q.results.Unacked()
	}
	return p
}

// work runs tasks one after the other until there are no more. Then it waits for
// the acknowledgements of results.
func (q *queued) work(ctx context.Context) {
	peers := pipeline.Peers{Describe: q.run.cfg.Describe}
	for {
		d, err := q.consumer.Next(ctx, q.run.cfg.Timeout)
		if err != nil {
			break
		}
		q.handle(ctx, d, peers.Of(d.From()))
	}
	if q.results != nil {
		q.results.Wait(ctx)
	}
}

// waitsForAck stands for the verb of a task whose end its result's
// acknowledgement decides.
const waitsForAck wire.Verb = ""

// handle runs one task and reports to its ventilator how it ended, unless that
// waits for the acknowledgement of its result.
func (q *queued) handle(ctx context.Context, d *pipeline.Delivery, peer any) {
	var w Work // nil until it is decoded
	verb, reason := wire.VerbFail, errGoexit
	defer func() { // a handler may end its goroutine with runtime.Goexit
		if verb != waitsForAck {
			q.finish(d, w, verb, reason, nil)
		}
	}()
	if d.Task().Control() {
		verb = q.forward(ctx, d)
	} else {
		verb, reason = q.runTask(ctx, d, peer, &w)
	}
}

// finish reports the end of a task to its ventilator, and to its Work if that was
// decoded. result is for a ventilator that keeps it; nil for none.
func (q *queued) finish(d *pipeline.Delivery, w Work, verb wire.Verb, reason error, result []byte) {
	var reported bool
	switch verb {
	case wire.VerbDone:
		reported = d.Done(result)
	case wire.VerbFail, wire.VerbReject:
		reported = d.Finish(verb, q.run.cfg.Status(reason))
	default:
		reported = d.Finish(verb, nil)
	}
	if w == nil {
		return
	}
	if !reported {
		verb = ""
	}
	w.Settled(verb, reason)
}

// runTask runs one task and brings its result to a sink. It returns the verb
// with which the task ends, or waitsForAck, and the reason unless it is done. It
// sets decoded when there is a Work that can run.
func (q *queued) runTask(ctx context.Context, d *pipeline.Delivery, peer any, decoded *Work) (wire.Verb, error) {
	m := q.run.method(d.Task().Procedure)
	if m == nil {
		err := q.run.cfg.Unknown(d.Task().Procedure)
		d.Malformed(err)
		return wire.VerbFail, err // another worker may know it
	}
	w := m.NewWork(d.Context(ctx), Task{ID: d.ID(), Attempt: d.Attempt, Batch: d.Batch, Metadata: d.Metadata, Peer: peer, Reporter: d.Progress()})
	if err := w.Decode(d.Task().Body); err != nil {
		d.Malformed(err)
		return wire.VerbReject, err
	}
	if d.Canceled() {
		return wire.VerbReturn, nil
	}
	*decoded = w
	if !m.Result {
		d.Decoded()
	}
	err := q.run.call(m, w)
	d.KeepLease()
	if d.Canceled() {
		return wire.VerbReturn, nil // nobody waits for its end
	}
	if err != nil {
		return q.failTask(w, err)
	}
	if m.Result {
		body, err := w.EncodeResult()
		header, tooMuch := resultHeader(w, d.Task().Header)
		if err = errors.Join(err, tooMuch); err != nil {
			return q.failTask(w, &PermanentError{err})
		}
		return q.send(m, w, d, body, header)
	}
	q.run.succeed(m)
	return wire.VerbDone, nil
}

// failTask reports a task whose handler failed. If the worker is ending, that
// is no fault of the task, which returns to its ventilator.
func (q *queued) failTask(w Work, err error) (wire.Verb, error) {
	q.run.fail(w, err)
	switch {
	case errors.As(err, new(*PermanentError)):
		return wire.VerbReject, err
	case w.Err() != nil:
		return wire.VerbReturn, err
	default:
		return wire.VerbFail, err
	}
}

// send sends a task's result to a sink, and ends the task when the sink has
// acknowledged it. It returns the results of runTask.
func (q *queued) send(m *Method, w Work, d *pipeline.Delivery, body, header []byte) (wire.Verb, error) {
	result, kept := *d.Task(), len(d.Task().Body)
	result.Body, result.Header = body, header
	err := q.results.Send(w, result, kept, func(err error) {
		refused := isRefused(err)
		if err != nil {
			err = q.run.cfg.Unsent(m, err, refused)
			q.run.fail(w, err)
		} else {
			q.run.succeed(m)
		}
		switch {
		case err == nil:
			q.finish(d, w, wire.VerbDone, nil, keptResult(d, body))
		case refused:
			q.finish(d, w, wire.VerbReject, err, nil)
		default:
			q.finish(d, w, wire.VerbReturn, err, nil)
		}
	})
	if err != nil {
		err = q.run.cfg.Unsent(m, err, false)
		q.run.fail(w, err)
		return wire.VerbReturn, err
	}
	d.Handled()
	return waitsForAck, nil
}

// keptResult returns a result, encoded, for the ventilator of its task; nil if that
// does not keep it, or not one of its size.
func keptResult(d *pipeline.Delivery, body []byte) []byte {
	switch {
	case d.KeepResult == 0 || len(body) > d.KeepResult:
		return nil
	case body == nil:
		return []byte{}
	}
	return body
}

// isRefused reports whether no sink will take a result.
func isRefused(err error) bool {
	return errors.As(err, new(*pipeline.FailedError)) || errors.As(err, new(*link.LimitError))
}

// forward brings a message about a batch to a sink.
func (q *queued) forward(ctx context.Context, d *pipeline.Delivery) wire.Verb {
	if q.results == nil {
		return wire.VerbDone
	}
	err := q.results.Send(ctx, *d.Task(), 0, func(err error) {
		switch {
		case err == nil:
			d.Finish(wire.VerbDone, nil)
		case isRefused(err):
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
