package bridge

import (
	"context"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/gozmqstore"
	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/topic"
)

// A Topic defines how the messages of one topic are published. M is gozmq.Method.
type Topic[M any] interface {
	// Method has the topic's name as its procedure.
	Method() *M
	// Name is "package.Service/Method", or the message's full name.
	Name() string
	// Bare leaves the topic's frame out.
	Bare() bool
	// Traits are the annotation's; a bare topic has none.
	Traits() socket.Traits
	// Append appends m's topic to b.
	Append(b []byte, m proto.Message) []byte
}

// A Conn is the implementation of gozmq.Conn. E is gozmq.Event.
type Conn[E any] interface {
	Roled[E]
	// Do makes one exchange of frames with the least busy server. It returns the
	// errors of socket.Dealer.Do.
	Do(ctx context.Context, x socket.Exchange) error
}

// A Publisher is the implementation of gozmq.Publisher. M is gozmq.Method, and E
// gozmq.Event.
type Publisher[M, E any] interface {
	Roled[E]
	// Publish sends m to the subscribers of its topic.
	Publish(ctx context.Context, t Topic[M], m proto.Message) error
}

// A Subscriber is the implementation of gozmq.Subscriber. O and H are its options
// for subscriptions and handlers, M is gozmq.Method, and E gozmq.Event.
type Subscriber[O, H, M, E any] interface {
	Roled[E]
	// Open begins a subscription to the topics of the patterns, or to messages
	// without a topic; m is the topics' method.
	Open(m *M, patterns []topic.Pattern, bare bool, opts []O) (Subscription, error)
	// Handle passes messages to the handlers until ctx ends or the subscriber is
	// closed. name is the service's name.
	Handle(ctx context.Context, name string, handlers []TopicHandler[M], opts []H) error
	// Follow joins snapshots and messages until ctx ends, the subscriber is
	// closed or one of the functions in f returns false.
	Follow(ctx context.Context, m *M, patterns []topic.Pattern, f State)
}

// A Subscription receives messages until Close.
type Subscription interface {
	Add(p topic.Pattern)
	Remove(p topic.Pattern)
	// Each yields messages, decoded into values of fresh, until ctx ends, the
	// subscription ends or yield returns false.
	Each(ctx context.Context, fresh func() proto.Message, yield func(proto.Message, error) bool)
	Dropped() uint64
	Close() error
}

// A TopicHandler handles the messages of one topic. M is gozmq.Method.
type TopicHandler[M any] struct {
	Method  *M
	Name    string
	Bare    bool
	Pattern topic.Pattern
	New     func() proto.Message
	Run     func(context.Context, proto.Message) error
}

// A State is the state that a followed topic changes.
type State struct {
	// Procedure returns snapshots.
	Procedure string
	// Ask requests a snapshot. It returns the reply's headers, and a function that
	// yields the snapshot.
	Ask func(ctx context.Context) (headers map[string][]string, yield func() bool, err error)
	// New makes a message of the topic, and Update yields it.
	New    func() proto.Message
	Update func(proto.Message, error) bool
	// Fail yields an error.
	Fail func(error) bool
}

// A Ventilator is the implementation of gozmq.Ventilator. M is gozmq.Method, and E
// gozmq.Event.
type Ventilator[M, E any] interface {
	Roled[E]
	// Check returns an error when m has a different delivery than the ventilator.
	Check(m *M) error
	// Push queues a task.
	Push(ctx context.Context, m *M, task proto.Message) error
	// Record returns a task that the caller puts into a store instead of pushing
	// it.
	Record(ctx context.Context, m *M, task proto.Message) (gozmqstore.Task, error)
}

// A Sink is the implementation of gozmq.Sink. M is gozmq.Method, and E gozmq.Event.
type Sink[M, E any] interface {
	Roled[E]
	// Check returns an error when m has a different delivery than the sink, or when
	// the sink receives tasks but m's results are wanted, or the other way round:
	// pull says that m's tasks are pulled.
	Check(m *M, pull bool) error
	// Results yields results, decoded into values of fresh, until ctx ends, the
	// sink is closed or yield returns false.
	Results(ctx context.Context, m *M, fresh func() proto.Message, yield func(proto.Message, error) bool)
}
