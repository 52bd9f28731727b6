package gozmqimpl

import (
	"context"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/internal/bridge"
)

// A TopicHandler handles the messages of one topic. HandleTopic makes it.
type TopicHandler = bridge.TopicHandler[gozmq.Method]

// HandleTopic returns a TopicHandler that calls run with each message of a
// topic.
func HandleTopic[T any, P message[T]](t *Topic[T, P], run func(context.Context, P) error) TopicHandler {
	return TopicHandler{
		Method: t.method, Name: t.method.Procedure, Bare: t.method.Bare, Pattern: t.pattern(nil),
		New: fresh[T, P],
		Run: func(ctx context.Context, m proto.Message) error { return run(ctx, m.(P)) },
	}
}

// HandleTopics passes the messages of several topics to their handlers, one at
// a time, until ctx ends or s is closed; then it returns nil. Messages of one
// publisher are handled in the order in which they were published, and those of
// different publishers in the order of arrival.
//
// A handler's error or panic, a message that cannot be decoded and the errors
// of sequenced topics (Subscribe) are reported (gozmq.WithTopicErrorHandler,
// gozmq.EventTopicFailed), and the next message follows; only a LagError that
// ends the stream is returned. HandleTopics fails at once with
// CodeInvalidArgument when an option is wrong, with CodeCanceled when s is
// closed, and with an error when a handler is missing.
func HandleTopics(ctx context.Context, s *gozmq.Subscriber, name string, handlers func() []TopicHandler, opts []gozmq.TopicHandlerOption) error {
	list, err := collect(name, handlers)
	if err != nil {
		return err
	}
	return bridge.Open(s).Handle(ctx, name, list, opts)
}

// UnimplementedTopic returns the error of a topic without a handler. It ends
// the subscription to the topic.
func UnimplementedTopic[T any, P message[T]](t *Topic[T, P]) error {
	return gozmq.Errorf(gozmq.CodeUnimplemented, "%s is not handled: %w", t.method.Procedure, bridge.ErrUnhandled)
}
