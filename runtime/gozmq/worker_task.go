package gozmq

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/proto"
)

// A TaskHandler runs the tasks of one method. HandleTask and HandleTaskOnly
// make it.
type TaskHandler struct {
	method *Method
	new    func() proto.Message
	run    func(context.Context, proto.Message) (proto.Message, error)
	result bool // run returns one
}

// HandleTask ties a method to the function that runs its tasks and returns
// what goes to the sink.
func HandleTask[Task, Result any, P message[Task], R message[Result]](m *Method, run func(context.Context, P) (R, error)) TaskHandler {
	return TaskHandler{
		method: m,
		new:    func() proto.Message { return P(new(Task)) },
		run: func(ctx context.Context, task proto.Message) (proto.Message, error) {
			result, err := run(ctx, task.(P))
			if err == nil && result == nil {
				err = fmt.Errorf("the handler returned neither a result nor an error")
			}
			return result, err
		},
		result: true,
	}
}

// HandleTaskOnly is HandleTask for a method without a result.
func HandleTaskOnly[Task any, P message[Task]](m *Method, run func(context.Context, P) error) TaskHandler {
	return TaskHandler{
		method: m,
		new:    func() proto.Message { return P(new(Task)) },
		run: func(ctx context.Context, task proto.Message) (proto.Message, error) {
			return nil, run(ctx, task.(P))
		},
	}
}
