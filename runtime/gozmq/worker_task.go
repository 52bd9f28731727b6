package gozmq

import (
	"context"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/internal/bridge"
	"github.com/gozmq/gozmq/runtime/internal/status"
)

// A taskHandler runs the tasks of one method.
type taskHandler struct {
	method *Method
	new    func() proto.Message
	run    func(context.Context, proto.Message) (proto.Message, error)
	result bool // run returns one

	outcomes status.Outcomes
}

func newTaskHandler(h bridge.TaskHandler[Method]) *taskHandler {
	return &taskHandler{method: h.Method, new: h.New, run: h.Run, result: h.Result}
}
