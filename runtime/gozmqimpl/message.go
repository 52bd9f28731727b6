package gozmqimpl

import (
	"fmt"

	"google.golang.org/protobuf/proto"
)

// message is the constraint that ties a message struct to its pointer, which
// implements proto.Message.
type message[T any] interface {
	*T
	proto.Message
}

func fresh[T any, P message[T]]() proto.Message { return P(new(T)) }

// collect calls handlers, which panics when the implementation is nil.
func collect[H any](name string, handlers func() []H) (list []H, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("register %s: the implementation is nil, or embeds its Unimplemented type as a nil pointer; embed it by value (%v)", name, r)
		}
	}()
	return handlers(), nil
}
