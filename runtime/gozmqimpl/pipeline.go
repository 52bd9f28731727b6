package gozmqimpl

import (
	"context"
	"fmt"
	"iter"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqstore"
	"github.com/gozmq/gozmq/runtime/internal/bridge"
)

// CheckVentilator returns an error with CodeFailedPrecondition when v does not
// deliver tasks as m does.
func CheckVentilator(v *gozmq.Ventilator, m *gozmq.Method) error { return bridge.Open(v).Check(m) }

// Push passes a task to v.
//
// With DeliveryAtMostOnce it returns nil once the task is in the send queue of
// a worker's connection. While every queue is full, or no worker is connected,
// it waits until ctx ends. With DeliveryAtLeastOnce it returns nil once the
// task is in the ventilator's own queue and, if there is one, in its store.
// While these are full, it waits until ctx ends.
func Push(ctx context.Context, v *gozmq.Ventilator, m *gozmq.Method, task proto.Message) error {
	return bridge.Open(v).Push(ctx, m, task)
}

// NewTask returns a task that the caller does not push but inserts into a
// ventilator's store, for example in a database transaction. It has the metadata of
// ctx. m must have DeliveryAtLeastOnce.
func NewTask(ctx context.Context, m *gozmq.Method, task proto.Message) (gozmqstore.Task, error) {
	return bridge.Open(new(gozmq.Ventilator)).Record(ctx, m, task)
}

// TaskResult returns the result of a task of m that was done and is kept. Its error
// has CodeNotFound if v has no task of m with that id, or no result of it, and
// CodeFailedPrecondition if the task is not done yet.
func TaskResult[T any, P message[T]](v *gozmq.Ventilator, m *gozmq.Method, id string) (P, error) {
	task, err := v.Task(id)
	switch {
	case err != nil:
		return nil, err
	case task.Procedure != m.Procedure:
		return nil, gozmq.Errorf(gozmq.CodeNotFound, "task %x is one of %s, not of %s", id, task.Procedure, m.Procedure)
	case task.State != gozmq.TaskDone:
		return nil, gozmq.Errorf(gozmq.CodeFailedPrecondition, "task %x of %s is not done yet: it is %v", id, m.Procedure, task.State)
	}
	result := P(new(T))
	if err := task.UnmarshalResult(result); err != nil {
		return nil, err
	}
	return result, nil
}

// OnDeadLetter returns an option with which f gets the dead letters of a method
// (gozmq.WithDeadLetterHandler).
func OnDeadLetter[T any, P message[T]](m *gozmq.Method, f func(context.Context, P, gozmq.DeadLetter) error) gozmq.VentilatorOption {
	if f == nil {
		return bridge.Open(new(gozmq.DeadLetter)).Handle(m, fresh[T, P], nil)
	}
	return bridge.Open(new(gozmq.DeadLetter)).Handle(m, fresh[T, P], func(ctx context.Context, task proto.Message, letter gozmq.DeadLetter) error {
		return f(ctx, task.(P), letter)
	})
}

// CheckSink returns an error with CodeFailedPrecondition when s does not deliver
// results as m does.
func CheckSink(s *gozmq.Sink, m *gozmq.Method) error { return bridge.Open(s).Check(m, false) }

// CheckPuller is CheckSink for a sink that receives tasks (gozmq.NewPuller).
func CheckPuller(s *gozmq.Sink, m *gozmq.Method) error { return bridge.Open(s).Check(m, true) }

// Results returns an iterator over the results of one method. It ends when ctx
// ends or s is closed. A result that cannot be decoded is yielded as an error,
// and iteration goes on. Several iterations of one method share its results.
func Results[T any, P message[T]](ctx context.Context, s *gozmq.Sink, m *gozmq.Method) iter.Seq2[P, error] {
	return func(yield func(P, error) bool) {
		bridge.Open(s).Results(ctx, m, fresh[T, P], func(result proto.Message, err error) bool {
			if err != nil {
				return yield(nil, err)
			}
			return yield(result.(P), nil)
		})
	}
}

// A TaskHandler runs the tasks of one method. HandleTask and HandleTaskOnly
// make it.
type TaskHandler = bridge.TaskHandler[gozmq.Method]

// HandleTask returns a TaskHandler that calls run for each task of a method.
// run returns the result for the sink.
func HandleTask[Task, Result any, P message[Task], R message[Result]](m *gozmq.Method, run func(context.Context, P) (R, error)) TaskHandler {
	return TaskHandler{
		Method: m,
		New:    fresh[Task, P],
		Run: func(ctx context.Context, task proto.Message) (proto.Message, error) {
			result, err := run(ctx, task.(P))
			if err == nil && result == nil {
				err = fmt.Errorf("the handler returned neither a result nor an error")
			}
			return result, err
		},
		Result: true,
	}
}

// HandleTaskOnly is HandleTask for a method without a result.
func HandleTaskOnly[Task any, P message[Task]](m *gozmq.Method, run func(context.Context, P) error) TaskHandler {
	return TaskHandler{
		Method: m,
		New:    fresh[Task, P],
		Run: func(ctx context.Context, task proto.Message) (proto.Message, error) {
			return nil, run(ctx, task.(P))
		},
	}
}

// NewWorker opens a worker that runs tasks with the handlers. handlers is a
// function for the same reason as in Register.
func NewWorker(name string, handlers func() []TaskHandler, opts []gozmq.WorkerOption) (*gozmq.Worker, error) {
	list, err := collect(name, handlers)
	if err != nil {
		return nil, fmt.Errorf("worker %s: %w", name, err)
	}
	return bridge.Open(new(gozmq.Worker)).Open(name, list, opts)
}

// RunWorker runs a new worker until ctx ends or a ventilator stops it. w and
// err are the results of NewWorker; RunWorker returns err if there is one.
func RunWorker(ctx context.Context, w *gozmq.Worker, err error) error {
	if err != nil {
		return err
	}
	return w.Run(ctx)
}
