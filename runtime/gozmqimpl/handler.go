package gozmqimpl

import (
	"context"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/internal/bridge"
)

// A TopicHandler handles the messages of one topic. HandleTopic makes it.
type TopicHandler = bridge.TopicHandler

// HandleTopic ties a topic to the function that handles its messages.
func HandleTopic[T any, P message[T]](t *Topic[T, P], run func(context.Context, P) error) TopicHandler {
	return TopicHandler{
		Name: t.name, Bare: t.bare, Pattern: t.pattern(nil),
		New: fresh[T, P],
		Run: func(ctx context.Context, m proto.Message) error { return run(ctx, m.(P)) },
	}
}

// HandleTopics hands the messages of several topics to their handlers, one at a
// time and in the order in which they came, until ctx ends or s is closed; then
// it returns nil. The order is kept for each publisher; messages of different
// publishers come in the order of arrival.
//
// A handler's error or panic, a message that cannot be decoded and the errors of
// sequenced topics (Subscribe) are reported (gozmq.WithTopicErrorHandler,
// gozmq.EventTopicFailed), and the next message follows; only a LagError that
// ends the stream is returned. HandleTopics fails at once with
// CodeInvalidArgument when an option is wrong, with CodeCanceled when s is closed,
// and when a handler is missing.
func HandleTopics(ctx context.Context, s *gozmq.Subscriber, name string, handlers func() []TopicHandler, opts []gozmq.TopicHandlerOption) error {
	list, err := collect(name, handlers)
	if err != nil {
		return err
	}
	return bridge.Open(s).Handle(ctx, name, list, opts)
}

// UnimplementedTopic returns the error of a topic that nobody handles. A handler
// that returns it gets no further messages of the topic.
func UnimplementedTopic[T any, P message[T]](t *Topic[T, P]) error {
	return gozmq.Errorf(gozmq.CodeUnimplemented, "%s is not handled: %w", t.name, bridge.ErrUnhandled)
}
