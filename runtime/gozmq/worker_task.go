package gozmq

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/proto"
)

// A taskHandler runs the tasks of one method.
type taskHandler struct {
	method *Method
	new    func() proto.Message
	run    func(context.Context, proto.Message) (proto.Message, error)
	result bool // run returns one
}

// splitTask returns the method and the body of a task's or a result's frames.
func splitTask(frames [][]byte, bare bool) (method, body []byte, err error) {
	if bare {
		if len(frames) != 1 {
			return nil, nil, fmt.Errorf("bare message has %d frames, want 1", len(frames))
		}
		return nil, frames[0], nil
	}
	if len(frames) < 2 || len(frames) > 3 {
		return nil, nil, fmt.Errorf("message has %d frames, want a method, a body and at most a header", len(frames))
	}
	return frames[0], frames[1], nil
}
