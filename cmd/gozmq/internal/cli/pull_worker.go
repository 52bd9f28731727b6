package cli

import (
	"context"
	"time"

	"github.com/gozmq/gozmq/cmd/gozmq/internal/endpoint"
	"github.com/gozmq/gozmq/cmd/gozmq/internal/message"
	"github.com/gozmq/gozmq/cmd/gozmq/internal/raw"
	"github.com/gozmq/gozmq/cmd/gozmq/internal/schema"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqimpl"
)

// maxHeld is how many tasks pull --hold keeps.
const maxHeld = 1000

// How long the handlers of returned tasks may take, and, with --count, the handlers
// of the others.
const (
	heldDrain  = 100 * time.Millisecond
	countDrain = time.Second
)

// How often a task looks for a sink, and after which time pull says that it waits.
const (
	sinkPoll = 10 * time.Millisecond
	sinkWait = time.Second
)

// work takes tasks as a worker.
func (x *pulling) work() error {
	most := x.methods[0].Delivery != gozmq.DeliveryAtLeastOnce
	switch {
	case most && (x.flags.hold || x.flags.nack || x.flags.reject):
		return wrongf("%s has DELIVERY_AT_MOST_ONCE: a task is gone once it was taken, so only --ack is possible", x.methods[0].Procedure)
	case x.flags.to != "" && !x.flags.ack && !most:
		return wrongf("--to needs --ack: only a task that is done has a result")
	case most:
		x.flags.ack = true
	case !x.flags.ack && !x.flags.nack && !x.flags.reject:
		x.flags.hold = true
	}
	if err := x.readResult(); err != nil {
		return err
	}
	more := []gozmq.WorkerOption{raw.Codec(), gozmq.WithStopWhenRefused(), gozmq.WithPrefetch(1)}
	if x.flags.hold {
		more = append(more, gozmq.WithConcurrency(maxHeld), gozmq.WithDrainTimeout(heldDrain))
	}
	if x.flags.count > 0 && !x.flags.hold {
		more = append(more, gozmq.WithDrainTimeout(countDrain+x.flags.pause))
	}
	if x.flags.to != "" {
		more = append(more, gozmq.To(gozmq.Connect(x.flags.to)))
	}
	opts, err := endpoint.OptionsAt(x.target, gozmq.From(x.target.Ends()), more...)
	if err != nil {
		return wrong(err)
	}
	w, err := gozmqimpl.NewWorker("gozmq pull", x.handlers, opts)
	if err != nil {
		return wrong(err)
	}
	x.worker = w
	if x.target.Bind {
		x.say("listening on %s", w.Addrs()[0])
	}
	defer x.await()()
	err = w.Run(x.ctx)
	if x.flags.hold || x.flags.count > 0 && context.Cause(x.ctx) != nil {
		return nil // that tasks were given back is no failure
	}
	return err
}

// readResult reads the result of each task.
func (x *pulling) readResult() error {
	if x.flags.result == "" {
		return nil
	}
	in, reader, err := x.input(x.methods[0].Output, x.printer, message.JSON, []string{x.flags.result}, false)
	if err != nil {
		return err
	}
	defer in.Close()
	x.result, _, err = reader.Next()
	return wrong(err)
}

// handlers run the tasks of the methods.
func (x *pulling) handlers() (list []gozmqimpl.TaskHandler) {
	for _, m := range x.methods {
		if x.flags.to == "" {
			list = append(list, gozmqimpl.HandleTaskOnly(&m.Method, func(ctx context.Context, task *raw.Message) error {
				return x.task(ctx, m, task)
			}))
			continue
		}
		list = append(list, gozmqimpl.HandleTask[raw.Message, raw.Message](&m.Method, func(ctx context.Context, task *raw.Message) (*raw.Message, error) {
			return raw.New(x.result), x.task(ctx, m, task)
		}))
	}
	return list
}

// task prints a task and returns what becomes of it. One with
// DELIVERY_AT_LEAST_ONCE waits for a sink that takes its result: without one, pull
// would count the task and give it back at its end.
func (x *pulling) task(ctx context.Context, m *schema.Method, task *raw.Message) error {
	if x.flags.to != "" && m.Delivery == gozmq.DeliveryAtLeastOnce && !x.awaitSink(ctx) {
		return ctx.Err()
	}
	if !x.print(m, task.Body, gozmq.TaskInfoFromContext(ctx)) {
		<-ctx.Done() // it is given back
		return ctx.Err()
	}
	if x.flags.pause > 0 {
		select {
		case <-time.After(x.flags.pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	switch {
	case x.flags.hold:
		<-ctx.Done()
		return ctx.Err()
	case x.flags.nack:
		return gozmq.Errorf(gozmq.CodeAborted, "failed by gozmq pull --nack")
	case x.flags.reject:
		return gozmq.Permanent(gozmq.Errorf(gozmq.CodeAborted, "rejected by gozmq pull --reject"))
	}
	return nil
}

// awaitSink waits until a sink is connected. It returns false when ctx ends first.
func (x *pulling) awaitSink(ctx context.Context) bool {
	for begun := time.Now(); !x.sink.Load(); {
		if _, results := x.worker.Stats(); len(results.Peers) > 0 {
			x.sink.Store(true)
			return true
		}
		select {
		case <-time.After(sinkPoll):
		case <-ctx.Done():
			return false
		}
		if time.Since(begun) > sinkWait && x.waiting.CompareAndSwap(false, true) {
			x.say("waiting: no sink is connected at %s", x.flags.to)
		}
	}
	return true
}
